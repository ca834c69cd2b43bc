import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { Route } from '../../src/domain/route.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { startRawUpstream, type WireRequest } from '../support/raw-upstream.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const ORIGIN = 'http://127.0.0.1'
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
]
const ALLOWED = { websocket: { origins: [ORIGIN] } } satisfies Partial<Route>

/** A real WebSocket server that echoes, behind an HTTP server. */
async function startEcho(t: Test) {
  const upstream = await startRecordingUpstream(t)
  const sockets = new WebSocketServer({
    server: upstream.server,
    handleProtocols: (names) => [...names][0] ?? false,
  })
  const handshakes: { headers: Record<string, unknown>; url: string }[] = []
  sockets.on('connection', (socket, { headers, url = '' }) => {
    handshakes.push({ headers, url })
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  })
  return { origin: upstream.origin, handshakes, sockets }
}

function accepted({ socket }: WireRequest, ...fields: string[]): void {
  const accept = createHash('sha1')
    .update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ]
  socket.write(head(...lines, ...fields))
}

t.test(
  'CS-7 W3 W6 a signed-in user talks to the upstream; it gets the token, not our cookie',
  async (t) => {
    const { origin, handshakes } = await startEcho(t)
    const { port, signIn, finished, parts } = await startProxied(t, [
      guardedRoute('/ws', origin, ALLOWED),
    ])
    const { cookie, token } = await signIn()
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws?room=1`, ['chat', 'other'], {
      headers: {
        cookie: `${cookie}; theme=dark`,
        authorization: 'Bearer stolen',
        'x-forwarded-for': '1.2.3.4',
      },
      origin: ORIGIN,
    })
    await once(socket, 'open')
    t.equal(socket.protocol, 'chat')
    socket.send('hello')
    t.equal(String((await once(socket, 'message'))[0]), 'hello')
    const big = Buffer.alloc(3_000_000, 'x')
    socket.send(big)
    t.ok(((await once(socket, 'message'))[0] as Buffer).equals(big), 'large messages arrive whole')
    t.equal(parts.transfers.count(), 1, 'W4 sockets are counted')
    t.match(handshakes, [
      { url: '/ws?room=1', headers: { authorization: `Bearer ${token}`, cookie: 'theme=dark' } },
    ])
    t.notMatch(String(handshakes[0]?.headers['x-forwarded-for']), /1\.2\.3\.4/)
    socket.close(1000)
    t.equal((await once(socket, 'close'))[0], 1000, 'the close handshake passes through')
    t.match(await finished(), { status: 101, subject: 'alice', routeId: '/ws' })
    t.equal(parts.transfers.count(), 0)
  },
)

/** Who is refused, why, and that the upstream never hears of it. */
const REFUSED: readonly {
  readonly name: string
  readonly fields: readonly string[]
  readonly status: number
  readonly signedIn?: true
}[] = [
  { name: 'CS-6 without a session: 401', fields: [`Origin: ${ORIGIN}`], status: 401 },
  {
    name: 'AT-14 W2 another origin: 403',
    fields: ['Origin: https://evil.example'],
    status: 403,
    signedIn: true,
  },
  {
    name: 'AT-14 W2 a sibling origin: 403',
    fields: ['Origin: http://sub.127.0.0.1'],
    status: 403,
    signedIn: true,
  },
  { name: 'AT-14 W2 Origin null: 403', fields: ['Origin: null'], status: 403, signedIn: true },
  { name: 'AT-14 W2 no Origin but a cookie: 403', fields: [], status: 403, signedIn: true },
]

for (const { name, fields, status, signedIn } of REFUSED) {
  t.test(`${name}, and the upstream is not dialled`, async (t) => {
    const upstream = await startRawUpstream(t, () => undefined)
    const { port, signIn, finished } = await startProxied(t, [
      guardedRoute('/ws', upstream.origin, ALLOWED),
    ])
    const cookie = signedIn ? [`Cookie: ${(await signIn()).cookie}`] : []
    const answer = await ask(
      t,
      port,
      head('GET /ws HTTP/1.1', HOST, ...HANDSHAKE, ...fields, ...cookie),
    )
    t.equal(answer.status, status)
    t.equal(answer.header('content-type'), 'application/problem+json; charset=utf-8')
    t.equal(answer.header('connection'), 'close')
    t.equal(upstream.connections(), 0)
    t.match(await finished(), { status })
  })
}

t.test('a public route opens sockets for listed origins without a session', async (t) => {
  const { origin, handshakes } = await startEcho(t)
  const { port } = await startProxied(t, [openRoute('/ws', origin, ALLOWED)])
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { origin: ORIGIN })
  await once(socket, 'open')
  t.equal(handshakes[0]?.headers['authorization'], undefined)
  socket.terminate()
})

/** Handshakes that are none: a tunnel for these would be a way past every check. */
const MALFORMED: readonly (readonly [string, readonly string[], number])[] = [
  ['version 777', ['Sec-WebSocket-Version: 777', `Sec-WebSocket-Key: ${KEY}`], 426],
  ['no version', [`Sec-WebSocket-Key: ${KEY}`], 426],
  ['no key', ['Sec-WebSocket-Version: 13'], 400],
  ['a short key', ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: abc'], 400],
  ['a body', ['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`, 'Content-Length: 5'], 400],
]

for (const [name, fields, status] of MALFORMED) {
  t.test(`AT-37 a handshake with ${name} is ${status}`, async (t) => {
    const upstream = await startRawUpstream(t, () => undefined)
    const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', `Origin: ${ORIGIN}`]
    t.equal(
      (await ask(t, port, head('GET /ws HTTP/1.1', HOST, ...upgrade, ...fields))).status,
      status,
    )
    t.equal(upstream.connections(), 0)
  })
}

const OPEN = head('GET /ws HTTP/1.1', HOST, `Origin: ${ORIGIN}`, ...HANDSHAKE)

t.test("CS-7 W1 the upstream's refusal arrives as its status, before any 101", async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.end(
      'HTTP/1.1 403 No\r\ncontent-length: 5\r\nx-why: because\r\nset-cookie: bearergate=x\r\n\r\nno go',
    )
  })
  const { port, finished } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const answer = await ask(t, port, OPEN)
  t.equal(answer.status, 403)
  t.equal(answer.body, 'no go')
  t.equal(answer.header('x-why'), 'because')
  t.equal(answer.header('set-cookie'), undefined)
  t.equal(answer.header('connection'), 'close')
  t.match(await finished(), { status: 403 })
})

const STALLED_REFUSAL = 'HTTP/1.1 403 No\r\ncontent-length: 100\r\n\r\nno'

t.test('HX-18 a client that leaves a refusal half told hangs up on the upstream', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(STALLED_REFUSAL))
  const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const client = await openRawSocket(t, port)
  client.write(OPEN)
  const { socket } = await upstream.request(0)
  client.socket.once('data', () => client.socket.end())
  await once(socket, 'close')
  await client.closed
})

t.test('HX-19 a refusal that stalls for too long is cut', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(STALLED_REFUSAL))
  const timeouts = { connectMs: 1_000, headersMs: 1_000, idleMs: 50 }
  const { port } = await startProxied(t, [
    openRoute('/ws', upstream.origin, { ...ALLOWED, timeouts }),
  ])
  const client = await openRawSocket(t, port)
  client.write(OPEN)
  await client.closed
})

/** Refusals of which the rest never comes: their bodies end with the connection, so the end must not be a quiet one. */
const CUT_REFUSALS: Readonly<Record<string, (socket: Socket) => void>> = {
  'chunks without an end': (socket) =>
    socket.end('HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
  'fewer octets than its length says': (socket) =>
    socket.end('HTTP/1.1 403 No\r\ncontent-length: 9\r\n\r\nhalf'),
  'a reset': (socket) => {
    socket.write('HTTP/1.1 403 No\r\n\r\nhalf')
    setTimeout(() => socket.resetAndDestroy(), 50) // behind what it wrote
  },
  'silence behind a half': (socket) =>
    socket.write('HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
}

for (const [name, refuse] of Object.entries(CUT_REFUSALS)) {
  t.test(`HX-15 a refusal that breaks off by ${name} never looks whole`, async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => refuse(socket))
    const timeouts = { connectMs: 1_000, headersMs: 5_000, idleMs: 200 }
    const { port } = await startProxied(t, [
      openRoute('/ws', upstream.origin, { ...ALLOWED, timeouts }),
    ])
    const client = await openRawSocket(t, port)
    client.write(OPEN)
    t.equal(await client.closed, true, 'by a reset')
  })
}

t.test('HX-14 a refusal in a coding that nobody undoes is 502', async (t) => {
  const coded =
    'HTTP/1.1 403 No\r\ntransfer-encoding: gzip, chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(coded))
  const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const answer = await ask(t, port, OPEN)
  t.equal(answer.status, 502)
  t.notMatch(answer.body, /secret/)
})

t.test('AT-30 a refusal with a status that HTTP has not is 502', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 999 No\r\ncontent-length: 2\r\n\r\nno')
  })
  const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  t.equal((await ask(t, port, OPEN)).status, 502)
})

t.test('AT-37 after a refused upgrade nothing is tunnelled', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 426 No\r\ncontent-length: 0\r\nsec-websocket-version: 8\r\n\r\n')
  })
  const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const client = await openRawSocket(t, port)
  client.write(`${OPEN}GET /internal HTTP/1.1\r\n${HOST}\r\n\r\n`)
  t.equal((await client.next()).status, 426)
  await client.closed
  t.equal(upstream.requests.length, 1)
  t.notMatch(upstream.requests[0]?.received(), /internal/)
})

/** A 101 that does not answer this handshake. */
const FALSE_101: readonly (readonly [string, string])[] = [
  ['no accept', head('HTTP/1.1 101 Ok', 'Upgrade: websocket', 'Connection: Upgrade')],
  [
    'a wrong accept',
    head(
      'HTTP/1.1 101 Ok',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: AAAA',
    ),
  ],
  ['another protocol', head('HTTP/1.1 101 Ok', 'Upgrade: h2c', 'Connection: Upgrade')],
]

for (const [name, bytes] of FALSE_101) {
  t.test(`AT-37 a 101 with ${name} is 502`, async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(`${bytes}secret`))
    const { port, finished } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
    const answer = await ask(t, port, OPEN)
    t.equal(answer.status, 502)
    t.notMatch(answer.body, /secret/)
    t.match(await finished(), { status: 502, reason: 'upstream_protocol_error' })
  })
}

t.test('W1 RL-10 a hanging upstream is 504 in time', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const timeouts = { connectMs: 100, headersMs: 200, idleMs: 1_000 }
  const { port } = await startProxied(t, [
    openRoute('/ws', upstream.origin, { ...ALLOWED, timeouts }),
  ])
  t.equal((await ask(t, port, OPEN)).status, 504)
})

t.test('W1 a refused connection is 502', async (t) => {
  const { port } = await startProxied(t, [openRoute('/ws', 'http://127.0.0.1:1', ALLOWED)])
  const answer = await ask(t, port, OPEN)
  t.equal(answer.status, 502)
  t.notMatch(answer.body, /127\.0\.0\.1|ECONN/)
})

t.test('W1 HX-18 a client that leaves during the handshake hangs up on the upstream', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port, finished } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const client = await openRawSocket(t, port)
  client.write(OPEN)
  const call = await upstream.request(0)
  client.socket.destroy()
  await once(call.socket, 'close')
  t.match(await finished(), { status: 0, clientLeft: true })
})

/** An open tunnel between two raw sockets. */
async function openTunnel(t: Test, route: (origin: string) => Route) {
  const upstream = await startRawUpstream(t, (request) =>
    accepted(request, 'X-Server: yes', 'Set-Cookie: bearergate=x', 'Content-Length: 5'),
  )
  const proxied = await startProxied(t, [route(upstream.origin)])
  const { cookie, ticket } = await proxied.signIn()
  const client = await openRawSocket(t, proxied.port)
  client.write(
    head('GET /ws HTTP/1.1', HOST, `Origin: ${ORIGIN}`, ...HANDSHAKE, `Cookie: ${cookie}`),
  )
  const answer = await client.next()
  return { ...proxied, client, answer, ticket, far: (await upstream.request(0)).socket }
}

t.test("W1 the 101 is the upstream's own, less what it may not set", async (t) => {
  const { answer } = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
  t.equal(answer.status, 101)
  t.equal(answer.header('x-server'), 'yes')
  t.equal(answer.header('upgrade'), 'websocket')
  t.equal(answer.header('set-cookie'), undefined)
  t.equal(answer.header('content-length'), undefined, 'RFC 9110 §8.6')
})

t.test('CS-7 LO-15 the end of the session closes the socket with 4401', async (t) => {
  const { parts, ticket, client, far } = await openTunnel(t, (origin) =>
    guardedRoute('/ws', origin, ALLOWED),
  )
  await parts.sessions.end(ticket, 'session_revoked')
  t.same(Buffer.from(await client.rest(), 'latin1'), Buffer.from([0x88, 2, 4401 >> 8, 4401 & 255]))
  far.resume()
  if (!far.closed) await once(far, 'close')
})

t.test('W4 a shutdown closes sockets with 1001', async (t) => {
  const { parts, client } = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
  parts.transfers.endStreams()
  t.same(Buffer.from(await client.rest(), 'latin1'), Buffer.from([0x88, 2, 3, 233]))
})

t.test('when the upstream dies, the client is hung up on, and the other way round', async (t) => {
  const first = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
  first.far.resetAndDestroy()
  await first.client.closed
  const second = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
  second.far.resume()
  second.client.socket.resetAndDestroy()
  if (!second.far.closed) await once(second.far, 'close')
  t.match(await second.finished(), { status: 101 })
})

t.test(
  'HX-19 RL-10 a client that does not read, not even pongs, slows the upstream down',
  async (t) => {
    const { client, far } = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
    client.socket.pause()
    let sentBytes = 0
    const chunk = Buffer.alloc(65_536)
    while (far.write(chunk) && sentBytes < 100_000_000) {
      sentBytes += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.ok(sentBytes < 50_000_000, `stopped after ${sentBytes} bytes`)
  },
)

t.test('RL-10 fragments are never put together here: 50,000 pass as they came', async (t) => {
  const { client, far } = await openTunnel(t, (origin) => guardedRoute('/ws', origin, ALLOWED))
  const fragment = Buffer.from([0x00, 0x81, 1, 2, 3, 4, 5]) // a masked continuation of one byte, never the last
  const sent = Buffer.concat(Array.from({ length: 50_000 }, () => fragment))
  const arrived: Buffer[] = []
  const all = new Promise<void>((resolve) => {
    let bytes = 0
    far.on('data', (chunk: Buffer) => {
      arrived.push(chunk)
      bytes += chunk.length
      if (bytes === sent.length) resolve()
    })
  })
  client.write(sent)
  await all
  t.ok(Buffer.concat(arrived).equals(sent))
})

t.test('bytes sent right behind the handshake reach the other side in order', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    accepted(request)
    request.socket.write('greeting')
  })
  const { port } = await startProxied(t, [openRoute('/ws', upstream.origin, ALLOWED)])
  const client = await openRawSocket(t, port)
  client.write(`${OPEN}early`)
  const { socket, received } = await upstream.request(0)
  t.equal((await client.next()).status, 101)
  while (!received().endsWith('early')) await once(socket, 'data')
  t.pass('the upstream got the early bytes')
})

t.test('HX-20 W4 426 where the route has no WebSocket, 404 where there is no route', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port } = await startProxied(t, [openRoute('/plain', upstream.origin)])
  t.equal((await ask(t, port, head('GET /plain HTTP/1.1', HOST, ...HANDSHAKE))).status, 426)
  t.equal((await ask(t, port, head('GET /none HTTP/1.1', HOST, ...HANDSHAKE))).status, 404)
  t.equal((await ask(t, port, head('GET /oauth2/login HTTP/1.1', HOST, ...HANDSHAKE))).status, 426)
  t.equal(upstream.connections(), 0)
})
