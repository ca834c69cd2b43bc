import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { providerSection, spawnMain, startGatewayProcess } from '../support/gateway.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { rawRequest } from '../support/raw-request.ts'
import { until } from '../support/redis-servers.ts'
import { sessionsInFile, startWorkers, type WorkersWorld } from '../support/workers-gateway.ts'

t.setTimeout(240_000)

const WORKERS = 3

function start(t: Test, plan: object = {}): Promise<WorkersWorld> {
  const session = sessionsInFile(t.testdir())
  return startWorkers(t, { workers: WORKERS, session, plan: { ...plan } })
}

async function bearergate(t: Test, ...args: string[]) {
  const running = spawnMain(t, ['sessions', ...args])
  const { code } = await running.exited
  return { code, stdout: running.logText(), stderr: running.errors() }
}

/** The value of the one sample of a metric. */
async function valueOf({ gateway }: WorkersWorld, sample: string): Promise<number> {
  const { body } = await gateway.ask('/metrics')
  const lines = body.split('\n').filter((line) => line.startsWith(`${sample} `))
  if (lines.length !== 1) throw new Error(`${lines.length} lines for ${sample}`)
  return Number(lines[0]?.split(' ')[1])
}

const OPEN = 'bearergate_requests_total{route="/open/*",method="GET",status_class="2xx"}'

t.test('OB-6 the metrics of all workers are one page, and its sums never fall', async (t) => {
  const world = await start(t)
  const { gateway } = world
  const [sample] = await samplesOf(world, 'bearergate_requests_total')
  t.equal(sample, undefined, 'nothing yet')
  const lines = await Promise.all([1, 2, 3].map((worker) => gateway.connectionTo(worker)))
  const finding = gateway.log().filter(({ msg }) => msg === 'request').length
  for (const line of lines) {
    for (let nth = 0; nth < 5; nth++) {
      const { body } = await line.request({ method: 'GET', path: '/open/x' })
      await body.dump()
    }
  }
  const [counted = OPEN] = await samplesOf(world, 'bearergate_requests_total')
  t.equal(await valueOf(world, counted), finding + 15, 'each request once')

  const alice = await world.signedIn('alice')
  t.equal(await valueOf(world, 'bearergate_sessions'), 1, 'one session, not one for each worker')
  t.equal(await valueOf(world, 'bearergate_provider_ready'), 1)
  t.equal(await valueOf(world, 'bearergate_logins_total{outcome="succeeded"}'), 1)
  t.ok((await valueOf(world, 'process_resident_memory_bytes')) > 4 * 30 * 1024 * 1024)
  const startedAt = await valueOf(world, 'process_start_time_seconds')
  t.ok(Math.abs(Date.now() / 1_000 - startedAt) < 200, 'as old as the main process')
  const { body } = await gateway.ask('/metrics')
  t.equal(body.match(/^bearergate_build_info\{/gm)?.length, 1)
  t.match(body, /^bearergate_build_info\{version="\d[^"]*",node="v\d[^"]*"\} 1$/m)

  const before = await valueOf(world, counted)
  const pid = gateway.pidOf(2)
  process.kill(pid, 'SIGKILL')
  await gateway.line(({ msg }) => msg === 'a worker ended and is replaced')
  t.equal(await valueOf(world, counted), before, 'what the dead one had counted stays')
  await gateway.successorOf(2, pid)
  t.equal(await valueOf(world, counted), before)
  t.equal((await alice.get(gateway.port)).status, 200)
  t.equal(await valueOf(world, 'bearergate_worker_deaths_total'), 1)

  process.kill(gateway.pidOf(3), 'SIGTERM')
  await gateway.successorOf(3, gateway.pidOf(3))
  t.ok((await valueOf(world, counted)) >= before)
})

async function samplesOf({ gateway }: WorkersWorld, name: string): Promise<string[]> {
  const { body } = await gateway.ask('/metrics')
  return body
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes('/open/*'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
}

t.test('OB-1 /readyz tells of each worker', async (t) => {
  const { gateway, provider } = await start(t)
  const ready = await gateway.ask('/readyz')
  t.equal(ready.status, 200)
  t.same(JSON.parse(ready.body), {
    status: 'pass',
    checks: {
      accepting: [{ status: 'pass' }],
      'worker:1': [{ status: 'pass' }],
      'worker:2': [{ status: 'pass' }],
      'worker:3': [{ status: 'pass' }],
    },
  })
  await provider.stop()
  const pid = gateway.pidOf(2)
  process.kill(pid, 'SIGKILL')
  await gateway.line(({ msg }) => msg === 'a worker ended and is replaced')
  t.match(await gateway.ask('/readyz'), {
    status: 200,
    body: /"worker:2":\[\{"status":"fail","output":"(not running|provider_metadata)"\}\]/,
  })
  await gateway.successorOf(2, pid)
  t.match(await gateway.ask('/readyz'), {
    status: 200,
    body: /"worker:2":\[\{"status":"fail","output":"provider_metadata"\}\]/,
  })
  await provider.restart()
  await until(async () => !(await gateway.ask('/readyz')).body.includes('fail'))
  const page = await gateway.ask('/')
  t.match(page, { status: 200, body: /[123] of 3/ })
})

t.test('SE-14 an operator lists and ends sessions, and all workers know', async (t) => {
  const { gateway, signedIn } = await start(t)
  const { admin, port } = gateway
  const [alice, bob] = [await signedIn('alice'), await signedIn('bob')]
  const everywhere = (one: typeof alice) =>
    Promise.all([1, 2, 3].map(async (worker) => (await (await one.at(worker)).get(port)).status))
  t.same(await everywhere(alice), [200, 200, 200])
  const listed = await bearergate(t, 'list', '--admin', admin)
  t.match(listed, { code: 0, stdout: '2 sessions' })
  t.match(await bearergate(t, 'end', '--subject', 'alice', '--admin', admin), {
    code: 0,
    stdout: '1 session ended',
  })
  await until(async () => (await everywhere(alice)).every((status) => status === 401))
  t.same(await everywhere(bob), [200, 200, 200])
  t.match(await gateway.line(({ event, kind }) => event === 'logout' && kind === 'operator'), {
    session_count: 1,
    audit: true,
    worker: Number,
    client_address: '127.0.0.1',
  })
})

t.test('SE-14 AT-40 the operator rule holds through the main process', async (t) => {
  const { gateway } = await start(t)
  const { admin } = gateway
  const end = (headers: Record<string, string>) =>
    fetch(`${admin}/sessions/end`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"all":true}',
    }).then(async (answer) => [
      answer.status,
      ((await answer.json()) as { reason?: string }).reason,
    ])
  t.same(await end({ origin: 'https://evil.example' }), [403, 'origin_refused'])
  t.same(await end({ 'sec-fetch-site': 'cross-site' }), [403, 'cross_site_refused'])
  t.same(await end({ 'content-type': 'text/plain' }), [400, 'parameter_refused'])
  const port = Number(new URL(admin).port)
  const rebound = 'GET /sessions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
  t.match(await rawRequest(port, rebound), { status: 421, text: /host_refused/ })
  t.same(await end({}), [200, undefined])
  const large = await fetch(`${admin}/sessions/end`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subject: 'x'.repeat(100_000) }),
  }).then(
    ({ status }) => status,
    () => 413,
  )
  t.equal(large, 413)
})

const OTHER_ADDRESS = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address

t.test(
  'SE-14 who is not of this machine cannot claim to be',
  { skip: OTHER_ADDRESS === undefined && 'no address but loopback' },
  async (t) => {
    const { gateway } = await start(t, { admin: { host: '0.0.0.0', port: 0 } })
    const port = Number(new URL(gateway.admin).port)
    const ask = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { 'bearergate-operator-peer': '127.0.0.1', host: `localhost:${port}` }
        const asking = request({ host, port, path: '/sessions', headers, agent: false })
        asking.on('error', reject).on('response', (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
        asking.end()
      })
    t.equal(await ask(OTHER_ADDRESS ?? ''), 403)
    t.equal(await ask('127.0.0.1'), 200)
  },
)

t.test('odd requests do not bring the admin listener down', async (t) => {
  const { gateway } = await start(t)
  const port = Number(new URL(gateway.admin).port)
  const odd = [
    'GET /\tx HTTP/1.1',
    'GET /\u00ff\u0080 HTTP/1.1',
    'GET http://evil.example/metrics HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'CONNECT evil.example:443 HTTP/1.1',
    'POST /metrics HTTP/1.1\r\nContent-Length: 0',
    'POST /sessions/end HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue',
    'GET /sessions HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket',
    'GET /sessions HTTP/1.1\r\nX-Odd: \u00ff\u0080',
    'DELETE / HTTP/1.1',
  ]
  for (const head of odd) {
    const { text } = await rawRequest(port, `${head}\r\nHost: localhost\r\n\r\n`, 300)
    t.comment(JSON.stringify([head, text.split('\r\n')[0]]))
  }
  t.equal((await gateway.ask('/livez')).status, 200)
  t.equal((await gateway.ask('/readyz')).status, 200)
  t.equal((await gateway.ask('/nothing')).status, 404)
  t.notMatch(gateway.logText(), 'internal_error')
})

t.test('/readyz: of several providers one that is known is enough, in every worker', async (t) => {
  const up = await startOpenIdProvider(t)
  const down = await startOpenIdProvider(t)
  await down.stop()
  const gateway = await startGatewayProcess(t, {
    workers: 2,
    session: sessionsInFile(t.testdir()),
    providers: { up: providerSection(up), down: providerSection(down, { ownCallback: true }) },
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:9', provider: 'up' }],
  })
  const listening = await gateway.line(({ msg }) => msg === 'bearergate is listening')
  t.match(listening['providers'], [
    { name: 'up', register_redirect_uri: `${gateway.origin}/oauth2/callback` },
    { name: 'down', register_redirect_uri: `${gateway.origin}/oauth2/callback/down` },
  ])
  await until(async () => (await gateway.ask('/readyz')).status === 200)
  await until(async () => {
    const { body } = await gateway.ask('/metrics')
    return /^bearergate_provider_ready\{provider="up"\} 1$/m.test(body)
  })
  t.match((await gateway.ask('/metrics')).body, /^bearergate_provider_ready\{provider="down"\} 0$/m)
  const workers = JSON.parse((await gateway.ask('/readyz')).body) as { checks: object }
  t.match(workers.checks, { 'worker:1': [{ status: 'pass' }], 'worker:2': [{ status: 'pass' }] })
})
