import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { WebSocket, WebSocketServer } from 'ws'
import { openEventStream } from '../support/event-stream.ts'
import { freePort, type GatewayPlan } from '../support/gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import { openAndProtected, plainUpstream } from '../support/plain-upstream.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startRedis, until } from '../support/redis-servers.ts'
import { sessionsInFile, startWorkers, startWorkersGateway } from '../support/workers-gateway.ts'
import { BUSY_MS } from '../support/patience.ts'

t.setTimeout(240_000)

const WORKERS = 3
const PROMPT_MS = 1_000

t.test('connections are dealt to all workers in turn', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: WORKERS,
    session: sessionsInFile(t.testdir()),
  })
  const CONNECTIONS = 60
  for (let nth = 0; nth < CONNECTIONS; nth++) {
    const ask = `GET /open/${nth} HTTP/1.1\r\nHost: ${gateway.origin.slice(7)}\r\n`
    t.match(await rawRequest(gateway.port, `${ask}Connection: close\r\n\r\n`), { status: 200 })
  }
  const requests = () => gateway.log().filter(({ msg }) => msg === 'request')
  await until(() => requests().length === CONNECTIONS)
  const counts = [1, 2, 3].map(
    (worker) => requests().filter((line) => line['worker'] === worker).length,
  )
  t.comment(`of ${CONNECTIONS}: ${counts.join(', ')}`)
  t.ok(
    counts.every((count) => count >= CONNECTIONS / WORKERS / 2),
    'none gets much less than its share',
  )
  t.ok(requests().every((line) => line['client_address'] === '127.0.0.1'))
})

t.test('TLS is spoken by every worker, and the client keeps its address', async (t) => {
  const seen: (string | undefined)[] = []
  const api = await plainUpstream(t, (incoming, response) => {
    seen.push(incoming.headers['x-forwarded-for'] as string | undefined)
    response.end('up')
  })
  const folder = t.testdir({ 'cert.pem': LOOPBACK_CERTIFICATE, 'key.pem': LOOPBACK_KEY, s: {} })
  const port = await freePort()
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    publicUrl: `https://127.0.0.1:${port}`,
    listen: {
      host: '127.0.0.1',
      port,
      tls: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
    },
    workers: WORKERS,
    session: sessionsInFile(join(folder, 's')),
  })
  for (let nth = 0; nth < 6; nth++) {
    const dispatcher = new Agent({
      connect: { ca: LOOPBACK_CERTIFICATE },
      localAddress: '127.0.0.9',
    })
    const { statusCode, body } = await request(`https://127.0.0.1:${port}/open/x`, { dispatcher })
    t.equal(statusCode, 200)
    await body.dump()
    await dispatcher.destroy()
  }
  t.same([...new Set(seen)], ['127.0.0.9'])
  const requests = () => gateway.log().filter(({ msg }) => msg === 'request')
  await until(() => requests().length === 6)
  t.same(new Set(requests().map((line) => line['worker'])), new Set([1, 2, 3]))
  t.same(new Set(requests().map((line) => line['client_address'])), new Set(['127.0.0.9']))
})

const STORES: Record<string, (t: Test) => Promise<GatewayPlan>> = {
  file: async (t) => ({ store: 'file', file: { path: t.testdir() } }),
  redis: async (t) => ({ store: 'redis', redis: { url: (await startRedis(t)).server.url } }),
}

for (const [store, sessionOf] of Object.entries(STORES)) {
  t.test(`LO-15 CS-7 a sign-out closes what is open at any worker (${store})`, async (t) => {
    const world = await startWorkers(t, { workers: WORKERS, session: await sessionOf(t) })
    const { gateway, upstream } = world
    const sockets = new WebSocketServer({ server: upstream.server })
    t.teardown(() => sockets.clients.forEach((socket) => socket.terminate()))
    const alice = await world.signedIn('alice')
    const { cookie } = alice
    const headers = { cookie, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
    const closed: Promise<unknown>[] = []
    const EACH = 2 * WORKERS
    for (let nth = 0; nth < EACH; nth++) {
      const events = await openEventStream(t, `${gateway.origin}/oauth2/session/events`, headers)
      t.equal(events.status, 200)
      closed.push(events.ended.then(() => events.events().at(-1)))
      const url = `${gateway.origin.replace('http', 'ws')}/api/socket`
      const socket = new WebSocket(url, { headers: { cookie }, origin: gateway.origin })
      t.teardown(() => socket.terminate())
      await once(socket, 'open')
      closed.push(once(socket, 'close').then(([code]) => code as unknown))
    }
    const open = () => gateway.ask('/metrics').then(({ body }) => body)
    t.match(await open(), `\nbearergate_streams ${2 * EACH}\n`, 'counted over all workers')
    const startedAtMs = performance.now()
    t.equal((await alice.signOut(gateway.port)).status, 303)
    const ends = await Promise.all(closed)
    const tookMs = performance.now() - startedAtMs
    t.comment(`all closed after ${tookMs.toFixed(0)} ms`)
    t.ok(tookMs < PROMPT_MS + BUSY_MS)
    for (const end of ends) {
      if (typeof end === 'number') t.equal(end, 4401)
      else t.match(end, { event: 'ended', data: { reason: 'session_revoked' } })
    }
    await until(async () => (await open()).includes('\nbearergate_streams 0\n'))
    const streams = gateway.log().filter(({ path }) => path === '/oauth2/session/events')
    t.equal(
      new Set(streams.map((line) => line['worker'])).size,
      WORKERS,
      'they were at all of them',
    )
  })
}

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

t.test('OB-5 lines of several workers never mix, also when the reader is slow', async (t) => {
  const api = await plainUpstream(t)
  const port = await freePort()
  const folder = t.testdir({ s: {} })
  const file = join(folder, 'bearergate.yaml')
  const plan = {
    ...openAndProtected(api.url),
    publicUrl: `http://127.0.0.1:${port}`,
    listen: { host: '127.0.0.1', port },
    admin: { host: '127.0.0.1', port: 0 },
    workers: WORKERS,
    session: sessionsInFile(join(folder, 's')),
  }
  await writeFile(file, JSON.stringify(plan))
  // A pipe, as container runtimes read from; Node itself gives its children sockets.
  const shell = ['-c', '"$0" "$@" | cat', process.execPath, MAIN, 'serve', '--config', file]
  const child = spawn('sh', shell, { stdio: ['ignore', 'pipe', 'inherit'] })
  const texts: string[] = []
  createInterface(child.stdout).on('line', (text) => texts.push(text))
  await until(() => texts.some((text) => text.includes('bearergate is listening')))
  const worker = texts.map((text) => JSON.parse(text) as { pid?: number }).find(({ pid }) => pid)
  const main = parentOf(worker?.pid ?? 0)
  t.teardown(() => endQuietly(main))
  child.stdout.pause()
  const ask = `GET /open/${'x'.repeat(900)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`
  const [CLIENTS, EACH] = [12, 250]
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      rawRequest(port, [`${ask}\r\n`.repeat(EACH - 1), `${ask}Connection: close\r\n\r\n`], 30_000),
    ),
  )
  for (const { text } of answers) t.equal(text.split('HTTP/1.1 200').length - 1, EACH)
  child.stdout.resume()
  const isAll = () =>
    texts.filter((text) => text.includes('"msg":"request"')).length >= CLIENTS * EACH
  await until(isAll).catch(() => undefined)
  process.kill(main, 'SIGTERM')
  await once(child, 'close')
  const broken = texts.filter((text) => !isLine(text))
  t.same(broken.slice(0, 3), [])
  const lines = texts.filter(isLine).map((text) => JSON.parse(text) as Record<string, unknown>)
  t.equal(lines.filter(({ msg }) => msg === 'request').length, CLIENTS * EACH)
})

function isLine(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it is gone already
  }
}
