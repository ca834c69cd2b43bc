import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { answerOf, startRawUpstream, type WireRequest } from '../support/raw-upstream.ts'
import { BUSY_MS } from '../support/patience.ts'

const GET = head('GET /x HTTP/1.1', 'Host: 127.0.0.1')
const LIBRARY_WORDS = /ECONN|127\.0\.0\.1:|undici|UND_ERR|HPE_|at .*\.js/

/** Everything here is answered 502, and nothing of the upstream's reaches the client. */
const BROKEN_HEADS: readonly (readonly [string, string])[] = [
  ['HX-14 a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\nsecret'],
  ['HX-14 two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nsecret'],
  [
    'HX-14 length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n',
  ],
  ['HX-14 NUL in a field', 'HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 6\r\n\r\nsecret'],
  [
    'HX-14 control byte in a field',
    'HTTP/1.1 200 OK\r\nx-a: a\x07b\r\ncontent-length: 6\r\n\r\nsecret',
  ],
  ['HX-14 space in a field name', 'HTTP/1.1 200 OK\r\nx a: b\r\ncontent-length: 6\r\n\r\nsecret'],
  ['HX-14 folded field', 'HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 6\r\n\r\nsecret'],
  [
    'HX-14 100 KB of fields',
    `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(100_000)}\r\ncontent-length: 6\r\n\r\nsecret`,
  ],
  ['HX-14 no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
  [
    'HX-12 P11 a 101 nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nsecret',
  ],
  ['AT-30 status 999', 'HTTP/1.1 999 Oh\r\ncontent-length: 6\r\n\r\nsecret'],
  ['AT-30 status 600', 'HTTP/1.1 600 Oh\r\ncontent-length: 6\r\n\r\nsecret'],
  ['AT-30 status 099', 'HTTP/1.1 099 Oh\r\ncontent-length: 6\r\n\r\nsecret'],
  [
    'AT-30 a flood of 102',
    `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000)}${answerOf('secret')}`,
  ],
  [
    'HX-14 a coding that nobody undoes',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n',
  ],
  [
    'HX-14 a coding that nobody undoes in a line of its own',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n',
  ],
  [
    'HX-14 chunks within chunks',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n',
  ],
  ['HX-16 reset inside the head', 'HTTP/1.1 200 OK\r\nx-'],
]

for (const [name, bytes] of BROKEN_HEADS) {
  t.test(`${name}: 502, and the process lives`, async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.end(bytes, 'latin1'))
    const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const answer = await ask(t, port, GET)
    t.equal(answer.status, 502)
    t.equal(answer.header('content-type'), 'application/problem+json; charset=utf-8')
    t.match(JSON.parse(answer.body), { reason: 'upstream_protocol_error' })
    t.notMatch(answer.body + answer.head, /secret/)
    t.notMatch(answer.body, LIBRARY_WORDS)
    t.match(await finished(), { status: 502, reason: 'upstream_protocol_error' })
  })
}

for (const reason of [
  '\u00e9t\u00e9',
  'R\xc3\xa9ussi',
  '\xe6\x97\xa5\xe6\x9c\xac',
  'a\x01b',
  '\x7f',
  '',
]) {
  t.test(`AT-30 words beside the status: ${JSON.stringify(reason)}`, async (t) => {
    const wordy = (status: number, ...fields: string[]) =>
      head(`HTTP/1.1 ${status} ${reason}`, ...fields, 'content-length: 2') + 'ok'
    const upstream = await startRawUpstream(t, (request) => {
      const challenge = 'www-authenticate: Bearer error="invalid_token"'
      const isRefused = request.head.startsWith('GET /401')
      request.socket.write(isRefused ? wordy(401, challenge) : wordy(200), 'latin1')
    })
    const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
    const cookie = `Cookie: ${(await signIn()).cookie}`
    t.match(await ask(t, port, head('GET /x HTTP/1.1', 'Host: 127.0.0.1', cookie)), {
      status: 200,
      body: 'ok',
    })
    t.equal((await ask(t, port, head('GET /401 HTTP/1.1', 'Host: 127.0.0.1', cookie))).status, 401)
  })
}

t.test('HX-4 P5 Trailer beside a length is dropped, and the process lives', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(answerOf('ok', 'trailer: x-a')),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 200)
  t.equal(answer.header('trailer'), undefined)
})

t.test('HX-16 P12 a refused connection is 502 without addresses', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: closedPort } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const { port, finished } = await startProxied(t, [
    openRoute('/*', `http://127.0.0.1:${closedPort}`),
  ])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 502)
  t.match(JSON.parse(answer.body), { reason: 'upstream_unreachable' })
  t.notMatch(answer.body, LIBRARY_WORDS)
  t.match(await finished(), { reason: 'upstream_unreachable', cause: Error })
})

t.test('HX-16 P12 an unknown name is 502', async (t) => {
  const { port } = await startProxied(t, [openRoute('/*', 'http://no-such-host.invalid:1')])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 502)
  t.match(JSON.parse(answer.body), { reason: 'upstream_unreachable' })
  t.notMatch(answer.body, /no-such-host/)
})

t.test('HX-16 P12 a connection closed without an answer is 502', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.destroy())
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 502)
  t.match(JSON.parse(answer.body), { reason: 'upstream_unreachable' })
  t.equal(upstream.requests.length, 1, 'a fresh connection is not tried again (HX-17)')
})

t.test('HX-16 P22 an upstream without an answer is 504 in time, and is hung up on', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const timeouts = { connectMs: 1_000, headersMs: 300, idleMs: 1_000 }
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin, { timeouts })])
  const startedAtMs = performance.now()
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 504)
  t.match(JSON.parse(answer.body), { reason: 'upstream_timeout' })
  t.ok(performance.now() - startedAtMs >= 300, 'not before its time')
  t.ok(performance.now() - startedAtMs < 1_500 + BUSY_MS, 'soon after')
  await once((await upstream.request(0)).socket, 'close')
  t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
})

t.test('P22 a limit of 0 is none: who waits longer than others do gets the answer', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const limits = { connectMs: 1_000, headersMs: 200, idleMs: 200 }
  const { port } = await startProxied(t, [
    openRoute('/patient', upstream.origin, { timeouts: { ...limits, headersMs: 0, idleMs: 0 } }),
    openRoute('/short', upstream.origin, { timeouts: limits }),
  ])
  const patient = await openRawSocket(t, port)
  patient.write(head('GET /patient HTTP/1.1', 'Host: 127.0.0.1'))
  const { socket } = await upstream.request(0)
  t.equal((await ask(t, port, head('GET /short HTTP/1.1', 'Host: 127.0.0.1'))).status, 504)
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab')
  t.equal((await ask(t, port, head('GET /short HTTP/1.1', 'Host: 127.0.0.1'))).status, 504)
  socket.write('cd')
  const answer = await patient.next()
  t.equal(answer.status, 200)
  t.equal(answer.body, 'abcd')
})

t.test('HX-15 a truncated body aborts the client: a part never looks like the whole', async (t) => {
  const cut = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.end(cut))
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await t.rejects(ask(t, port, GET))
  t.match(await finished(), { status: 200, reason: 'upstream_protocol_error' })
})

t.test('HX-15 so does a truncated chunk', async (t) => {
  const cut = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.end(cut))
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await t.rejects(ask(t, port, GET))
})

t.test(
  'HX-15 HX-29 an HTTP/1.0 client gets a reset: the mere end would be the end of its body',
  async (t) => {
    const cut = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo'
    const upstream = await startRawUpstream(t, ({ socket }) => {
      socket.write(cut)
      setImmediate(() => socket.destroy())
    })
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    const failed = once(client.socket, 'error')
    client.write(head('GET /x HTTP/1.0', 'Host: 127.0.0.1'))
    t.match(await failed, [{ code: 'ECONNRESET' }])
  },
)

t.test('P22 silence inside a body ends both sides after the idle limit', async (t) => {
  const begun = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(begun))
  const timeouts = { connectMs: 1_000, headersMs: 1_000, idleMs: 300 }
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin, { timeouts })])
  await t.rejects(ask(t, port, GET))
  await once((await upstream.request(0)).socket, 'close')
  t.match(await finished(), { status: 200, reason: 'upstream_timeout' })
})

t.test('HX-15 a reset is not the end of a body that ends with the connection', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')
    socket.once('data', () => socket.resetAndDestroy())
  })
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  for (const version of ['1.1', '1.0']) {
    const client = await openRawSocket(t, port)
    client.write(head(`POST /x HTTP/${version}`, 'Host: 127.0.0.1', 'Content-Length: 2') + 'a')
    await client.some()
    client.write('b')
    t.notMatch(await client.rest(), /\r\n0\r\n\r\n$/, 'no end of chunks')
    t.equal(
      await client.closed,
      version === '1.0',
      'where the end of the connection is the end, a reset',
    )
    t.match(await finished(), { status: 200, reason: 'upstream_protocol_error' })
  }
})

t.test('HX-17 P2 a 503 with Retry-After is passed on, once', async (t) => {
  const busy = 'HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nbusy'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(busy))
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 503)
  t.equal(answer.body, 'busy')
  t.equal(answer.header('retry-after'), '1')
  t.equal(upstream.requests.length, 1)
})

/** Answers the first request of a connection and cuts the connection at its second. */
function cutsSecond(): (request: WireRequest) => void {
  const served = new WeakSet<object>()
  return ({ socket }) => {
    if (served.has(socket)) return void socket.resetAndDestroy()
    served.add(socket)
    socket.write(answerOf('ok'))
  }
}

t.test('HX-17 a GET on a connection that just went stale is sent once more', async (t) => {
  const upstream = await startRawUpstream(t, cutsSecond())
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, GET)).status, 200)
  t.equal((await ask(t, port, GET)).status, 200)
  t.equal(upstream.requests.length, 3)
})

t.test('HX-17 a POST on a stale connection is not', async (t) => {
  const upstream = await startRawUpstream(t, cutsSecond())
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const post = head('POST /x HTTP/1.1', 'Host: 127.0.0.1', 'Content-Length: 0')
  t.equal((await ask(t, port, post)).status, 200)
  t.equal((await ask(t, port, post)).status, 502)
  t.equal(upstream.requests.length, 2)
})

t.test('HX-31 bytes on an idle upstream connection never become the next answer', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(`${answerOf('right')}${answerOf('POISON')}`)
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  for (let round = 0; round < 3; round++) {
    const answer = await ask(t, port, GET)
    t.notMatch(answer.body, /POISON/)
  }
})

t.test('HX-31 a body behind the answer to HEAD never becomes the next answer', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(answerOf('POISON')))
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const headAnswer = await ask(t, port, head('HEAD /x HTTP/1.1', 'Host: 127.0.0.1'))
  t.equal(headAnswer.header('content-length'), '6')
  t.equal((await ask(t, port, GET)).body, 'POISON', 'the answer that was asked for')
})

t.test('RS-5 P14 an upstream cannot set our cookies, in any disguise; others pass', async (t) => {
  const fields = [
    'set-cookie: bearergate=stolen; Path=/',
    'Set-Cookie: __Host-bearergate=stolen; Path=/; Secure',
    'set-cookie: BearerGate-tx=1',
    'set-cookie: =bearergate=1',
    'set-cookie: theirs=1; Path=/',
    'set-cookie: more=2',
  ]
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(answerOf('ok', ...fields)),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.same((await ask(t, port, GET)).headers('set-cookie'), ['theirs=1; Path=/', 'more=2'])
})

t.test('AT-30 Clear-Site-Data of an upstream does not sign anybody out', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(answerOf('ok', 'clear-site-data: "cookies", "cache"'))
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.notMatch((await ask(t, port, GET)).header('clear-site-data') ?? '', /cookies|\*/)
})

t.test('HX-12 an unasked 100 before the answer is swallowed', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(`HTTP/1.1 100 Continue\r\n\r\n${answerOf('ok')}`)
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 200)
  t.equal(answer.interim.length, 0)
})

const CONTINUE = 'HTTP/1.1 100 Continue\r\nx-a: b\r\n\r\n'
const WHOLE = answerOf('HTTP/1.1 100 Continue\r\n\r\n')
/** Pieces of what the upstream sends, each on its own. */
const IN_PIECES: Readonly<Record<string, readonly string[]>> = {
  'octet by octet': (CONTINUE + WHOLE).split(''),
  'cut inside its head': [CONTINUE.slice(0, 20), CONTINUE.slice(20) + WHOLE],
  'cut inside its version': [CONTINUE.slice(0, 7), CONTINUE.slice(7) + WHOLE],
  'behind another interim answer': [`HTTP/1.1 102 Processing\r\n\r\n${CONTINUE}${WHOLE}`],
  'ahead of one': [`${CONTINUE}HTTP/1.1 102 Processing\r\n\r\n${WHOLE}`],
  'between two, cut': [
    `HTTP/1.1 102 Processing\r\n\r\n${CONTINUE}HTTP/1.1 102 Pro`,
    `cessing\r\n\r\n${CONTINUE}${WHOLE}`,
  ],
  'with a large head': [`HTTP/1.1 100 Continue\r\nx-a: ${'b'.repeat(9_000)}\r\n\r\n${WHOLE}`],
  'a thousand times': [CONTINUE.repeat(1_000) + WHOLE],
}

for (const [name, pieces] of Object.entries(IN_PIECES)) {
  t.test(`HX-12 an unasked 100 ${name} is swallowed, and nothing else is`, async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void sendApart(socket, pieces))
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    for (let call = 0; call < 2; call++) {
      client.write(GET)
      t.match(await client.next(), { status: 200, body: 'HTTP/1.1 100 Continue\r\n\r\n' })
    }
    t.equal(upstream.connections(), 1)
  })
}

t.test('HX-12 an interim answer that never ends is 502', async (t) => {
  const flood = `HTTP/1.1 100 Continue\r\n${'x-a: b\r\n'.repeat(10_000)}`
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(flood))
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, GET)).status, 502)
})

async function sendApart(socket: Socket, pieces: readonly string[]): Promise<void> {
  socket.setNoDelay(true)
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve))
    await new Promise((resolve) => setTimeout(resolve, 1)) // apart on the wire, mostly
  }
}

t.test('HX-12 P11 early hints reach the client before the answer', async (t) => {
  const hints =
    'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload; as=style\r\nx-internal: 1\r\n\r\n'
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(hints + answerOf('ok')),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 200)
  t.match(answer.interim, [{ status: 103 }])
  t.equal(answer.interim[0]?.header('link'), '</a.css>; rel=preload; as=style')
  t.equal(answer.interim[0]?.header('x-internal'), undefined)
})

t.test('HX-12 a hint that is no link is dropped, the answer comes', async (t) => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nlink: garbage\r\n\r\n'
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(hints + answerOf('ok')),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, GET)).status, 200)
})

t.test('AT-30 a hint that could be read in many ways costs no time', async (t) => {
  const manifold = `</a>${';a=b'.repeat(60)}"`
  const links = [manifold, '</b>;x="y=z"; as=style,</c>;;', '</d>; rel=preload']
  const hints = head('HTTP/1.1 103 Early Hints', ...links.map((link) => `link: ${link}`))
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(hints + answerOf('ok')),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const { status, interim } = await ask(t, port, GET)
  t.equal(status, 200)
  t.equal(interim[0]?.header('link'), '</b>;x="y=z"; as=style, </d>; rel=preload')
})

t.test('RL-6 more calls than pool and queue hold are 503 at once', async (t) => {
  const { createUpstreamPools } = await import('../../src/proxy/upstream-pool.ts')
  const upstream = await startRawUpstream(t, () => undefined)
  const routes = [openRoute('/*', upstream.origin)]
  const pools = createUpstreamPools(routes, { connections: 2, queue: 1 })
  const { port } = await startProxied(t, routes, { parts: { pools } })
  for (let call = 0; call < 3; call++) (await openRawSocket(t, port)).write(GET)
  await upstream.request(1)
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 503)
  t.match(JSON.parse(answer.body), { reason: 'overloaded' })
  t.ok(answer.header('retry-after'), 'ER-14')
  t.equal(upstream.requests.length, 2, 'the upstream is not asked more than the pool allows')
})

t.test('RL-6 a queued call whose client left is never sent', async (t) => {
  const { createUpstreamPools } = await import('../../src/proxy/upstream-pool.ts')
  const upstream = await startRawUpstream(t, ({ socket }) => {
    setImmediate(() => socket.write(answerOf('ok')))
  })
  const held = await startRawUpstream(t, () => undefined)
  const routes = [openRoute('/*', held.origin)]
  const pools = createUpstreamPools(routes, { connections: 1, queue: 5 })
  const { port, finished } = await startProxied(t, routes, { parts: { pools } })
  const first = await openRawSocket(t, port)
  first.write(GET)
  await held.request(0)
  const second = await openRawSocket(t, port)
  second.write(head('GET /queued HTTP/1.1', 'Host: 127.0.0.1'))
  second.socket.end()
  second.socket.destroy()
  t.match(await finished(), { clientLeft: true, status: 0 })
  held.requests[0]?.socket.write(answerOf('ok'))
  t.equal((await first.next()).status, 200)
  const third = await openRawSocket(t, port)
  third.write(head('GET /third HTTP/1.1', 'Host: 127.0.0.1'))
  t.match((await held.request(1)).head, /GET \/third/)
  t.equal(upstream.requests.length, 0)
})

t.test('RL-6 HX-16 an upload that gets no connection is 504 in time, however large', async (t) => {
  const { createUpstreamPools } = await import('../../src/proxy/upstream-pool.ts')
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const timeouts = { connectMs: 5_000, headersMs: 300, idleMs: 300 }
  const routes = [openRoute('/*', upstream.origin, { timeouts })]
  const pools = createUpstreamPools(routes, { connections: 1, queue: 5 })
  const { port } = await startProxied(t, routes, { parts: { pools } })
  const events = await openRawSocket(t, port)
  events.write(GET)
  await events.some()
  const post = head('POST /x HTTP/1.1', 'Host: 127.0.0.1', 'Content-Length: 1000000')
  t.equal((await ask(t, port, post + 'a'.repeat(300_000))).status, 504)
  t.equal(upstream.requests.length, 1)
})

t.test('RS-6 401 and 403 of the upstream pass with their challenge', async (t) => {
  const denied =
    'HTTP/1.1 401 No\r\nwww-authenticate: Bearer error="invalid_token"\r\ncontent-length: 2\r\n\r\nno'
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(denied))
  const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  const { cookie } = await signIn()
  const answer = await ask(
    t,
    port,
    head(
      'POST /x HTTP/1.1',
      'Host: 127.0.0.1',
      'Sec-Fetch-Site: same-origin',
      'Content-Length: 0',
      `Cookie: ${cookie}`,
    ),
  )
  t.equal(answer.status, 401)
  t.equal(answer.header('www-authenticate'), 'Bearer error="invalid_token"')
  t.equal(answer.body, 'no')
})
