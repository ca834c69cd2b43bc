import { once } from 'node:events'
import http2, { type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Route } from '../../src/domain/route.ts'
import { createUpstreamPools, type UpstreamPoolLimits } from '../../src/proxy/upstream-pool.ts'
import { answerFrames, FRAME, startHttp2Wire } from '../support/http2-wire.ts'
import { openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { TEST_AUTHORITY } from '../support/upstream-certificates.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST)
const LONG_MS = 60_000 // a test that waits for this fails by its own timeout
const PATIENT = { connectMs: LONG_MS, headersMs: LONG_MS, idleMs: LONG_MS }

type OnStream = (stream: ServerHttp2Stream, path: string) => void

async function startHttp2(t: Test, onStream: OnStream, settings: http2.Settings = {}) {
  const sessions: ServerHttp2Session[] = []
  const server = http2.createServer({ settings })
  server.on('session', (session) => sessions.push(session))
  server.on('sessionError', () => undefined)
  server.on('stream', (stream, fields) => {
    stream.on('error', () => undefined)
    onStream(stream, String(fields[':path']))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sessions }
}

async function inFront(
  t: Test,
  origin: string,
  more: Partial<Route> = {},
  limits: Partial<UpstreamPoolLimits> = {},
) {
  const upstream = {
    origin,
    basePath: '',
    http2: true,
    certificateAuthority: TEST_AUTHORITY,
  } as const
  const routes = [openRoute('/*', origin, { upstream, timeouts: PATIENT, ...more })]
  return startProxied(t, routes, { parts: { pools: createUpstreamPools(routes, limits) } })
}

function ok(stream: ServerHttp2Stream, body = 'ok'): void {
  stream.respond({ ':status': 200 })
  stream.end(body)
}

interface Counter {
  add(): void
  /** Resolves when it has come so far. */
  until(count: number): Promise<void>
}

function counter(): Counter {
  const state = { count: 0, wake: (): void => undefined }
  return {
    add: () => {
      state.count += 1
      state.wake()
    },
    until: async (count) => {
      while (state.count < count) await new Promise<void>((resolve) => (state.wake = resolve))
    },
  }
}

t.test('HX-16 a TLS handshake that never ends is 504 after the connect timeout', async (t) => {
  const mute = createServer((socket) => {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
  })
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => mute.close())
  const origin = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const { port, finished } = await inFront(t, origin, { timeouts: { ...PATIENT, connectMs: 200 } })
  const answers = await Promise.all([ask(t, port, GET), ask(t, port, GET)])
  for (const answer of answers) {
    t.equal(answer.status, 504)
    t.match(JSON.parse(answer.body), { reason: 'upstream_timeout' })
    t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
  }
})

t.test('HX-18 a client that leaves while the connection is being made is told once', async (t) => {
  const accepted = counter()
  const mute = createServer((socket) => {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
    accepted.add()
  })
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => mute.close())
  const origin = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const { port, finished, events } = await inFront(t, origin, {
    timeouts: { ...PATIENT, connectMs: 300 },
  })
  const [leaving, staying] = [await openRawSocket(t, port), await openRawSocket(t, port)]
  leaving.write(GET)
  staying.write(GET)
  await accepted.until(1)
  leaving.socket.destroy()
  t.match(await finished(), { status: 0, clientLeft: true })
  t.equal((await staying.next()).status, 504)
  t.match(await finished(), { status: 504 })
  t.equal(events.filter(({ type }) => type === 'request_finished').length, 2)
})

t.test('AT-28 silence inside a body is cut, and other calls go on', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream, path) => {
    if (path === '/fine') return ok(stream)
    stream.respond({ ':status': 200, 'content-length': 10 })
    stream.write('abc')
  })
  const { port, finished } = await inFront(t, origin, { timeouts: { ...PATIENT, idleMs: 300 } })
  await t.rejects(ask(t, port, GET))
  t.match(await finished(), { status: 200, reason: 'upstream_timeout' })
  t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
  t.equal(sessions.length, 1, 'on the same connection')
})

t.test('HX-19 an event stream may be silent for as long as it likes', async (t) => {
  const { origin } = await startHttp2(t, (stream, path) => {
    if (path === '/short') {
      stream.respond({ ':status': 200, 'content-length': 10 })
      return void stream.write('abc')
    }
    stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
    stream.write('data: 1\n\n')
    later = () => stream.end('data: 2\n\n')
  })
  let later = (): void => undefined
  const { port } = await inFront(t, origin, { timeouts: { ...PATIENT, idleMs: 300 } })
  const events = ask(t, port, GET)
  await t.rejects(ask(t, port, head('GET /short HTTP/1.1', HOST)), 'which takes the limit and more')
  later()
  t.equal((await events).body, 'data: 1\n\ndata: 2\n\n')
})

t.test('HX-16 AT-30 an upload whose window stays shut is 504, in bounded memory', async (t) => {
  const { origin } = await startHttp2(t, (stream, path) => {
    if (path === '/fine') ok(stream) // the other one is never read: its window stays shut
  })
  const { port, finished } = await inFront(t, origin, {
    timeouts: { ...PATIENT, headersMs: 500 },
    maxBodyBytes: 2 ** 30,
  })
  const client = await openRawSocket(t, port)
  client.write(head('POST /x HTTP/1.1', HOST, `Content-Length: ${2 ** 28}`))
  const chunk = Buffer.alloc(1_000_000, 'x')
  const send = (): void => {
    while (!client.socket.destroyed && client.socket.write(chunk));
    if (!client.socket.destroyed) client.socket.once('drain', send)
  }
  send()
  t.equal((await client.next()).status, 504)
  t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
  t.ok(client.socket.bytesWritten < 100_000_000, `${client.socket.bytesWritten} octets were taken`)
  t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
})

t.test('HX-19 AT-28 a client that does not read stops its own call and no other', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream, path) => {
    if (path === '/fine') return ok(stream, 'f'.repeat(300_000))
    stream.respond({ ':status': 200 })
    const more = (): void => {
      while (!stream.destroyed && stream.write(Buffer.alloc(65_536, 'x')));
      if (!stream.destroyed) stream.once('drain', more)
    }
    more()
  })
  const { port, finished } = await inFront(t, origin, { timeouts: { ...PATIENT, idleMs: 700 } })
  const client = await openRawSocket(t, port)
  client.socket.pause()
  client.write(GET)
  for (let at = 0; at < 5; at += 1)
    t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body.length, 300_000)
  t.equal(sessions.length, 1)
  for (let at = 0; at < 5; at += 1) await finished()
  t.match(await finished(), { path: '/x', clientLeft: true }, 'and is cut in the end')
})

t.test('RL-6 calls above what an upstream allows wait, and are all answered', async (t) => {
  const held: ServerHttp2Stream[] = []
  const arrived = counter()
  const { origin, sessions } = await startHttp2(
    t,
    (stream) => {
      held.push(stream)
      arrived.add()
    },
    { maxConcurrentStreams: 2 },
  )
  const { port } = await inFront(t, origin)
  const first = ask(t, port, GET)
  await arrived.until(1) // from here on the limit is known
  const answers = Array.from({ length: 59 }, () => ask(t, port, GET))
  for (let served = 0; served < 60; served += 1) {
    await arrived.until(served + 1)
    ok(held[served]!, 'done')
  }
  for (const answer of [await first, ...(await Promise.all(answers))]) t.equal(answer.body, 'done')
  t.ok(sessions.length <= 16, `${sessions.length} connections`)
})

t.test('RL-6 more calls than the pool takes are 503 at once', async (t) => {
  const arrived = counter()
  const held: ServerHttp2Stream[] = []
  const { origin } = await startHttp2(t, (stream) => {
    held.push(stream)
    arrived.add()
  })
  const { port } = await inFront(t, origin, {}, { connections: 1, queue: 2 })
  const taken = Array.from({ length: 3 }, () => ask(t, port, GET))
  await arrived.until(3)
  for (let at = 0; at < 3; at += 1) t.equal((await ask(t, port, GET)).status, 503)
  for (const stream of held) ok(stream)
  for (const answer of await Promise.all(taken)) t.equal(answer.status, 200)
})

t.test('AT-30 an upstream that allows no calls at all is refused in time', async (t) => {
  const { origin } = await startHttp2(t, (stream) => ok(stream), { maxConcurrentStreams: 0 })
  const { port, parts } = await inFront(t, origin, { timeouts: { ...PATIENT, headersMs: 400 } })
  // A call may be on its way before the upstream has said that it takes none.
  for (let at = 0; at < 3; at += 1) t.ok([200, 502, 504].includes((await ask(t, port, GET)).status))
  t.equal(parts.transfers.count(), 0)
})

t.test(
  'HX-18 RL-6 a call that waits for its turn and whose client left is never made',
  async (t) => {
    const held: ServerHttp2Stream[] = []
    const arrived = counter()
    const paths: string[] = []
    const { origin } = await startHttp2(
      t,
      (stream, path) => {
        paths.push(path)
        if (path === '/held') held.push(stream)
        else ok(stream)
        arrived.add()
      },
      { maxConcurrentStreams: 1 },
    )
    const { port, finished } = await inFront(t, origin)
    await ask(t, port, head('GET /fine HTTP/1.1', HOST))
    const waiting: ReturnType<typeof ask>[] = []
    for (let at = 0; at < 16; at += 1) {
      waiting.push(ask(t, port, head('GET /held HTTP/1.1', HOST)))
      await arrived.until(at + 2) // a new connection has room for all until it has said for how many
    }
    const client = await openRawSocket(t, port)
    client.write(head('GET /left HTTP/1.1', HOST))
    client.socket.destroy()
    await finished()
    t.match(await finished(), { path: '/left', clientLeft: true })
    for (const stream of held) ok(stream)
    for (const answer of await Promise.all(waiting)) t.equal(answer.body, 'ok')
    t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
    t.notOk(paths.includes('/left'))
  },
)

t.test('HX-16 a connection that answers no PING is given up, and a new one serves', async (t) => {
  const upstream = await startHttp2Wire(t, ({ number, send }, { type, stream }) => {
    if (type === FRAME.headers && number > 0) send(answerFrames(stream, 'alive'))
  })
  const { port, finished } = await inFront(
    t,
    upstream.origin,
    {},
    {
      http2: { pingEveryMs: 150, idleMs: LONG_MS },
    },
  )
  const dead = await ask(t, port, GET)
  t.equal(dead.status, 504)
  t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
  t.equal((await ask(t, port, GET)).body, 'alive')
})

t.test('a connection that answers PING is kept for as long as a call takes', async (t) => {
  const upstream = await startHttp2Wire(t, ({ send }, { type, flags, stream, payload }) => {
    if (type !== FRAME.ping || flags !== 0) return void (lastStream = stream || lastStream)
    send(pong(payload))
    pings.add()
  })
  let lastStream = 0
  const pings = counter()
  const { port } = await inFront(
    t,
    upstream.origin,
    {},
    {
      http2: { pingEveryMs: 50, idleMs: 100 },
    },
  )
  const client = await openRawSocket(t, port)
  client.write(GET)
  await pings.until(6)
  t.equal(upstream.connectionCount(), 1)
  t.ok(lastStream > 0)
})

t.test('a connection that nobody uses is closed', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream) => ok(stream))
  const { port } = await inFront(t, origin, {}, { http2: { pingEveryMs: LONG_MS, idleMs: 100 } })
  t.equal((await ask(t, port, GET)).body, 'ok')
  const [session] = sessions
  if (!session!.destroyed) await once(session!, 'close')
  t.equal((await ask(t, port, GET)).body, 'ok')
  t.equal(sessions.length, 2)
})

function pong(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 8, FRAME.ping, 1, 0, 0, 0, 0]), payload])
}
