import { once } from 'node:events'
import t from 'tap'
import { startGatewayProcess } from './support/gateway.ts'
import { openAndProtected, plainUpstream } from './support/plain-upstream.ts'
import { rawRequest } from './support/raw-request.ts'

t.setTimeout(120_000) // eight processes, on machines that have other things to do

t.test('OB-1 SIGTERM: not ready at once, requests under way finish, exit 0', async (t) => {
  let answer: () => void = () => undefined
  const api = await plainUpstream(t, (request, response) => {
    if (request.url === '/open/slow') answer = () => void response.end('finished')
    else response.end('up')
  })
  const gateway = await startGatewayProcess(t, openAndProtected(api.url))
  const slow = fetch(`${gateway.origin}/open/slow`)
  await once(api.server, 'request')
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'shutting down')
  t.match(await gateway.ask('/readyz'), { status: 503, body: /"accepting":\[\{"status":"fail"/ })
  t.equal((await gateway.ask('/livez')).status, 200)
  answer()
  const answered = await slow
  t.match(
    [answered.status, answered.headers.get('connection'), await answered.text()],
    [200, 'close', 'finished'],
  )
  t.match(await gateway.exited, { code: 0 })
  t.match(gateway.log().at(-1), { msg: 'stopped', everything_finished: true })
})

t.test('OB-1 a shutdown under load drops no accepted request', async (t) => {
  const api = await plainUpstream(
    t,
    (_request, response) => void setTimeout(() => response.end('up'), 2),
  )
  const gateway = await startGatewayProcess(t, openAndProtected(api.url))
  const outcomes: string[] = []
  const client = async () => {
    for (;;) {
      const outcome = await fetch(`${gateway.origin}/open/x`).then(
        async (answer) => (await answer.text(), String(answer.status)),
        (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.message,
      )
      outcomes.push(outcome)
      if (outcome !== '200') return
    }
  }
  const clients = Promise.all(Array.from({ length: 12 }, client))
  while (outcomes.length < 300) await new Promise((resolve) => void setTimeout(resolve, 5))
  gateway.child.kill('SIGTERM')
  await clients
  t.same([...new Set(outcomes)].sort(), ['200', 'ECONNREFUSED'])
  t.match(await gateway.exited, { code: 0 })
})

t.test('an event stream is ended by the shutdown and does not hold it up', async (t) => {
  const api = await plainUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\n\n')
  })
  const gateway = await startGatewayProcess(t, {
    ...openAndProtected(api.url),
    shutdown: { timeout: '20s' },
  })
  const stream = await fetch(`${gateway.origin}/open/events`)
  const started = performance.now()
  gateway.child.kill('SIGTERM')
  t.match(await stream.text(), 'data: 1')
  t.match(await gateway.exited, { code: 0 })
  t.ok(performance.now() - started < 10_000)
})

t.test('what hangs is cut when the time is over, and still exit 0', async (t) => {
  const api = await plainUpstream(t, () => undefined)
  const gateway = await startGatewayProcess(t, {
    ...openAndProtected(api.url),
    shutdown: { timeout: '1s' },
  })
  const hanging = fetch(`${gateway.origin}/open/x`).catch(() => 'cut')
  await once(api.server, 'request')
  gateway.child.kill('SIGTERM')
  t.equal(await hanging, 'cut')
  t.match(await gateway.exited, { code: 0 })
  t.match(gateway.log().at(-1), { msg: 'stopped', everything_finished: false })
})

t.test('OB-1 with a delay, new connections are still served after the signal', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startGatewayProcess(t, {
    ...openAndProtected(api.url),
    shutdown: { delay: '1s', timeout: '3s' },
  })
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'shutting down')
  t.equal((await gateway.ask('/readyz')).status, 503)
  t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200)
  t.match(await gateway.exited, { code: 0 })
})

t.test('a second signal ends the process at once', async (t) => {
  const api = await plainUpstream(t, () => undefined)
  const gateway = await startGatewayProcess(t, {
    ...openAndProtected(api.url),
    shutdown: { timeout: '60s' },
  })
  const hanging = fetch(`${gateway.origin}/open/x`).catch(() => 'cut')
  await once(api.server, 'request')
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'shutting down')
  gateway.child.kill('SIGINT')
  t.match(await gateway.exited, { code: 1 })
  t.equal(await hanging, 'cut')
})

t.test('a log reader that goes away does not stop the gateway', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startGatewayProcess(t, openAndProtected(api.url))
  gateway.child.stdout?.destroy()
  for (let i = 0; i < 20; i++) t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200)
  gateway.child.kill('SIGTERM')
  t.match(await gateway.exited, { code: 0 })
})

t.test('a log reader that hangs holds up neither requests nor the end', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startGatewayProcess(t, openAndProtected(api.url))
  gateway.child.stdout?.pause()
  const request = `GET /open/${'x'.repeat(1_000)} HTTP/1.1\r\nHost: ${gateway.origin.slice(7)}\r\n`
  const { text } = await rawRequest(
    gateway.port,
    [`${request}\r\n`.repeat(299), `${request}Connection: close\r\n\r\n`],
    20_000,
  )
  t.equal(text.split('HTTP/1.1 200').length - 1, 300)
  gateway.child.kill('SIGTERM')
  const [code] = (await once(gateway.child, 'exit')) as [number]
  t.equal(code, 0)
})
