import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { answerOf, startRawUpstream } from '../support/raw-upstream.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const smuggled = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n\r\n`

/** Ambiguous framing: 400 and the end of the connection; a part that was understood reaches the upstream once at most. */
const SMUGGLING: readonly (readonly [string, string])[] = [
  [
    'HX-6 AT-16 CL.TE',
    `POST /x HTTP/1.1\r\n${HOST}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'HX-6 AT-16 TE.CL',
    `POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${smuggled}\r\n0\r\n\r\n`,
  ],
  [
    'HX-6 AT-16 TE.TE',
    `POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'HX-6 TE that does not end in chunked',
    `POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'HX-6 TE with a strange value',
    `POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'HX-6 two lengths',
    `POST /x HTTP/1.1\r\n${HOST}\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  ],
  [
    'HX-6 chunks in HTTP/1.0, on a connection to be kept',
    `POST /x HTTP/1.0\r\n${HOST}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'HX-6 another coding beneath the chunks',
    `POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['HX-6 a signed length', `POST /x HTTP/1.1\r\n${HOST}\r\nContent-Length: +3\r\n\r\nabc`],
  ['HX-6 a list of lengths', `POST /x HTTP/1.1\r\n${HOST}\r\nContent-Length: 3, 3\r\n\r\nabc`],
  ['HX-6 a negative length', `POST /x HTTP/1.1\r\n${HOST}\r\nContent-Length: -1\r\n\r\nabc`],
  ['HX-6 bare LF', `GET /x HTTP/1.1\n${HOST}\n\n`],
  ['HX-6 bare CR', `GET /x HTTP/1.1\r\n${HOST}\r\nX-A: a\rX-B: b\r\n\r\n`],
  ['HX-6 folded field', `GET /x HTTP/1.1\r\n${HOST}\r\nX-A: a\r\n b\r\n\r\n`],
  ['HX-6 space before the colon', `GET /x HTTP/1.1\r\n${HOST}\r\nX-A : a\r\n\r\n`],
  ['HX-6 NUL in a field', `GET /x HTTP/1.1\r\n${HOST}\r\nX-A: a\0b\r\n\r\n`],
  ['HX-7 P16 two Hosts', `GET /x HTTP/1.1\r\n${HOST}\r\nHost: evil.example\r\n\r\n`],
  ['HX-7 no Host', 'GET /x HTTP/1.1\r\nX-A: a\r\n\r\n'],
  ['HX-7 HX-8 no Host beside an absolute-form target', 'GET http://127.0.0.1/x HTTP/1.1\r\n\r\n'],
  ['HX-7 a Host with a path', 'GET /x HTTP/1.1\r\nHost: 127.0.0.1/evil\r\n\r\n'],
  [
    'HX-22 two Authorizations',
    `GET /x HTTP/1.1\r\n${HOST}\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n`,
  ],
]

for (const [name, bytes] of SMUGGLING) {
  t.test(`${name}: 400`, async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(bytes)
    t.equal((await client.next()).status, 400)
    client.socket.end()
    await client.closed
    t.notOk(upstream.requests.some(({ url }) => url === '/smuggled'))
  })
}

t.test(
  'AT-16 a bad chunk after a good head breaks the call on both sides, and nothing is smuggled',
  async (t) => {
    const upstream = await startRawUpstream(t, () => undefined)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(`POST /x HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`)
    const call = await upstream.request(0)
    client.write(`zz\r\n${smuggled}`)
    await Promise.all([client.closed, once(call.socket, 'close')])
    t.equal(upstream.requests.length, 1)
  },
)

/** Chunks in two readings: the whole of the call ends, on both sides, and nothing behind it is a request. */
const ODD_CHUNKS: Readonly<Record<string, string>> = {
  'a bare line feed behind the size': '3\nabc\r\n0\r\n\r\n',
  'a line feed inside an extension': '3;a\nb\r\nabc\r\n0\r\n\r\n',
  'a carriage return inside an extension': '3;a\rb\r\nabc\r\n0\r\n\r\n',
  'a size with a prefix': '0x3\r\nabc\r\n0\r\n\r\n',
  'a negative size': '-3\r\nabc\r\n0\r\n\r\n',
  'a size beyond 64 bits': 'fffffffffffffffff3\r\nabc\r\n0\r\n\r\n',
  'no line end behind the data': '3\r\nabcX\r\n0\r\n\r\n',
  'a last chunk that ends in line feeds': '3\r\nabc\r\n0\n\n',
  'extensions of 20 KB': `3;${'x'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`,
  'a trailer with a space before its colon': '3\r\nabc\r\n0\r\nX-A : b\r\n\r\n',
  'a folded trailer': '3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n',
}

for (const [name, chunks] of Object.entries(ODD_CHUNKS)) {
  t.test(`HX-6 AT-16 ${name}: the connection ends, nothing is smuggled`, async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(head('POST /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked') + chunks + smuggled)
    t.notMatch(await client.rest(), /^HTTP\/1\.1 2/)
    t.same(upstream.requests, [], 'nothing that was whole')
  })
}

t.test('HX-6 a chunk extension goes no further', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(answerOf('ok')))
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const chunked = head('POST /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')
  t.equal((await ask(t, port, `${chunked}3;a="b"\r\nabc\r\n0\r\n\r\n`)).status, 200)
  t.notMatch(upstream.requests[0]?.received(), /a="b"/)
})

t.test(
  'HX-13 AT-16 CL.0: a GET with a body is forwarded whole, and the next user gets his own answer',
  async (t) => {
    const upstream = await startRecordingUpstream(
      t,
      (request, response) => void response.end(request.url),
    )
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PUT']) {
      const request =
        head(`${method} /first HTTP/1.1`, HOST, `Content-Length: ${smuggled.length}`) + smuggled
      t.equal((await ask(t, port, request)).body, '/first')
      t.equal((await ask(t, port, head('GET /second HTTP/1.1', HOST))).body, '/second')
    }
    t.equal(upstream.requests.filter(({ body }) => body === smuggled).length, 4)
    t.notOk(upstream.requests.some(({ url }) => url === '/smuggled'))
  },
)

t.test('HX-13 P9 so is a GET with a chunked body', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(
    t,
    port,
    `${head('GET /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
  )
  t.equal(upstream.requests[0]?.body, 'abc')
})

t.test(
  'HX-8 P17 RS-2 absolute-form is routed by its path; another authority is refused',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    t.equal((await ask(t, port, head('GET http://127.0.0.1/api/x?q=1 HTTP/1.1', HOST))).status, 200)
    t.equal(upstream.requests[0]?.url, '/api/x?q=1')
    const foreign = await ask(t, port, head('GET http://evil.example/api/x HTTP/1.1', HOST))
    t.equal(foreign.status, 421)
    t.equal(upstream.requests.length, 1)
  },
)

t.test('HX-9 P20 OPTIONS *, CONNECT, TRACE and unknown methods', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('OPTIONS * HTTP/1.1', HOST))).status, 204)
  for (const request of ['CONNECT evil.example:443', 'TRACE /x', 'PURGE /x']) {
    const answer = await ask(t, port, head(`${request} HTTP/1.1`, HOST))
    t.ok([400, 405].includes(answer.status), `${request}: ${answer.status}`)
  }
  t.equal((await ask(t, port, head('PROPFIND /x HTTP/1.1', HOST))).status, 200, 'WebDAV works')
  t.equal(upstream.requests.length, 1)
})

t.test(
  'AT-12 a method the route does not list is 405 with Allow; overrides do not help',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { methods: ['GET'] })])
    const answer = await ask(
      t,
      port,
      head('POST /x HTTP/1.1', HOST, 'Content-Length: 0', 'X-HTTP-Method-Override: GET'),
    )
    t.equal(answer.status, 405)
    t.match(answer.header('allow'), /GET/)
    await ask(
      t,
      port,
      head(
        'GET /x?_method=DELETE HTTP/1.1',
        HOST,
        'X-HTTP-Method-Override: DELETE',
        'X-Method-Override: DELETE',
        'X-HTTP-Method: DELETE',
      ),
    )
    t.equal(upstream.requests.length, 1)
    t.notMatch(
      upstream.requests[0]?.rawHeaders.join('|').toLowerCase(),
      /method-override|x-http-method/,
    )
    t.equal(
      (await ask(t, port, head('get /x HTTP/1.1', HOST))).status,
      400,
      'methods are case-sensitive',
    )
  },
)

t.test('AT-12 HEAD on a protected route is protected', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('HEAD /x HTTP/1.1', HOST))).status, 401)
  t.equal(upstream.requests.length, 0)
})

t.test('AT-10 the upstream sees its own Host; a client cannot choose it', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('GET /x HTTP/1.1', 'Host: evil.example'))).status, 421, 'AT-40')
  const spoofed = [
    'X-Forwarded-Host: evil',
    'X-Forwarded-Uri: /public',
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
  ]
  await ask(t, port, head('GET /x HTTP/1.1', HOST, ...spoofed))
  const [request] = upstream.requests
  t.equal(request?.headers.host, upstream.origin.slice(7))
  t.equal(request?.headers['x-forwarded-host'], '127.0.0.1')
  t.notMatch(request?.rawHeaders.join('|'), /evil|\/admin|\/public/)
})

t.test(
  'HX-11 P3 curl upload with Expect works: 100 once the upstream is connected, then the answer',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(head('POST /x HTTP/1.1', HOST, 'Content-Length: 5', 'Expect: 100-continue'))
    t.equal((await client.next()).status, 100)
    client.write('hello')
    t.equal((await client.next()).status, 200)
    t.equal(upstream.requests[0]?.body, 'hello')
    t.equal(upstream.requests[0]?.headers.expect, undefined)
  },
)

t.test('HX-11 who may not send is told so instead of 100', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [
    guardedRoute('/guarded', upstream.origin),
    openRoute('/small', upstream.origin, { maxBodyBytes: 3 }),
  ])
  const expectation = ['Content-Length: 5', 'Expect: 100-continue']
  const refused = await ask(t, port, head('POST /guarded HTTP/1.1', HOST, ...expectation))
  t.equal(refused.status, 401)
  t.equal(refused.interim.length, 0)
  const tooLarge = await ask(t, port, head('POST /small HTTP/1.1', HOST, ...expectation))
  t.equal(tooLarge.status, 413)
  t.equal(tooLarge.interim.length, 0)
})

t.test('HX-11 another expectation is 417', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Expect: miracles'))).status, 417)
  t.equal(upstream.requests.length, 0)
})

t.test('HX-18 P10 a client that leaves before the answer takes the call with it', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(head('GET /slow HTTP/1.1', HOST))
  const call = await upstream.request(0)
  client.socket.destroy()
  await once(call.socket, 'close')
  const event = await finished()
  t.match(event, { status: 0, clientLeft: true })
  t.equal(event.reason, undefined, 'nobody failed')
})

t.test('HX-18 one that leaves inside the answer as well', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome')
  })
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(head('GET /x HTTP/1.1', HOST))
  await once(client.socket, 'data')
  client.socket.destroy()
  await once((await upstream.request(0)).socket, 'close')
  t.match(await finished(), { status: 200, clientLeft: true })
})

t.test('HX-18 one that leaves inside its upload as well', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(`${head('POST /x HTTP/1.1', HOST, 'Content-Length: 1000')}some`)
  const call = await upstream.request(0)
  client.socket.destroy()
  await once(call.socket, 'close')
  t.match(await finished(), { status: 0, clientLeft: true })
})

t.test('RL-3 P21 a body one byte over the limit is 413, with a length', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { maxBodyBytes: 10 })])
  const post = (bytes: number) =>
    head('POST /x HTTP/1.1', HOST, `Content-Length: ${bytes}`) + 'a'.repeat(bytes)
  t.equal((await ask(t, port, post(10))).status, 200)
  const answer = await ask(t, port, post(11))
  t.equal(answer.status, 413)
  t.match(JSON.parse(answer.body), { reason: 'body_too_large' })
  t.equal(upstream.requests.length, 1)
})

t.test('RL-3 P21 and in chunks, counted while they stream', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port, finished } = await startProxied(t, [
    openRoute('/*', upstream.origin, { maxBodyBytes: 10 }),
  ])
  const client = await openRawSocket(t, port)
  client.write(`${head('POST /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')}a\r\n0123456789\r\n`)
  const call = await upstream.request(0)
  client.write('1\r\nX\r\n')
  const answer = await client.next()
  t.equal(answer.status, 413)
  t.equal(answer.header('connection'), 'close')
  await once(call.socket, 'close')
  t.match(await finished(), { status: 413, reason: 'body_too_large' })
  t.notMatch(call.received(), /0\r\n\r\n$/, 'the upstream never sees a whole body')
})

t.test('HX-32 an early answer to an upload is forwarded, then the connection ends', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 413 Too Much\r\ncontent-length: 4\r\n\r\nless')
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(`${head('POST /x HTTP/1.1', HOST, 'Content-Length: 100000')}${'a'.repeat(1_000)}`)
  const answer = await client.next()
  t.equal(answer.status, 413)
  t.equal(answer.body, 'less')
  t.equal(answer.header('connection'), 'close')
  await client.closed
})

t.test(
  'HX-29 an HTTP/1.0 client gets no chunks, no interim answer, and the end of the connection',
  async (t) => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n'
    const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(hints + chunked))
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(head('GET /x HTTP/1.0', HOST))
    const answer = await client.next()
    t.equal(answer.status, 200)
    t.equal(answer.header('transfer-encoding'), undefined)
    t.equal(answer.body, 'hello')
    await client.closed
  },
)

t.test('HX-30 pipelined requests are answered in order, each with its own session', async (t) => {
  const upstream = await startRecordingUpstream(t, (request, response) => {
    setTimeout(() => response.end(request.headers.authorization), request.url === '/slow' ? 50 : 0)
  })
  const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  const [alice, bob] = [await signIn('alice'), await signIn('bob')]
  const client = await openRawSocket(t, port)
  client.write(
    head('GET /slow HTTP/1.1', HOST, `Cookie: ${alice.cookie}`) +
      head('GET /fast HTTP/1.1', HOST, `Cookie: ${bob.cookie}`) +
      head('GET /none HTTP/1.1', HOST),
  )
  t.equal((await client.next()).body, `Bearer ${alice.token}`)
  t.equal((await client.next()).body, `Bearer ${bob.token}`)
  t.equal((await client.next()).status, 401)
})

t.test('HX-28 Max-Forwards: 0 on OPTIONS is answered here, more is counted down', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('OPTIONS /x HTTP/1.1', HOST, 'Max-Forwards: 0'))).status, 204)
  t.equal(upstream.requests.length, 0)
  await ask(t, port, head('OPTIONS /x HTTP/1.1', HOST, 'Max-Forwards: 3'))
  t.equal(upstream.requests[0]?.headers['max-forwards'], '2')
})

t.test('HX-5 a gateway pointed at itself answers 508, not for ever', async (t) => {
  const front = await startRawUpstream(t, ({ socket, received }) => {
    const onward = connect(port, '127.0.0.1')
    onward.write(received(), 'latin1')
    onward.pipe(socket)
  })
  const { port } = await startProxied(t, [openRoute('/*', front.origin, { hostHeader: 'client' })])
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST))
  t.equal(answer.status, 508)
})

t.test('HX-20 W4 an upgrade on a plain route is 426', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  const answer = await ask(
    t,
    port,
    head(
      'GET /x HTTP/1.1',
      HOST,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      key,
    ),
  )
  t.equal(answer.status, 426)
  t.equal(upstream.requests.length, 0)
})

t.test(
  'HX-20 W5 curl --http2: h2c is answered as plain HTTP, bodies and later requests included',
  async (t) => {
    const upstream = await startRecordingUpstream(
      t,
      (request, response) => void response.end(request.url),
    )
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    const wish = [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQ',
    ]
    client.write(head('GET /get HTTP/1.1', HOST, ...wish))
    t.equal((await client.next()).body, '/get')
    client.write(head('GET /again HTTP/1.1', HOST))
    t.equal((await client.next()).body, '/again', 'the connection lives on')
    client.write(`${head('POST /post HTTP/1.1', HOST, ...wish, 'Content-Length: 5')}hel`)
    await new Promise((resolve) => setImmediate(resolve))
    client.write('lo')
    t.equal((await client.next()).body, '/post')
    t.equal(upstream.requests[2]?.body, 'hello')
    for (const { rawHeaders } of upstream.requests)
      t.notMatch(rawHeaders.join('|'), /h2c|http2-settings/i)
  },
)

t.test('HX-20 W5 a hundred upgrades on one connection leave nothing behind', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const complaints: unknown[] = []
  const complain = (warning: Error) => complaints.push(warning.name)
  process.on('warning', complain)
  t.teardown(() => process.off('warning', complain))
  const client = await openRawSocket(t, port)
  const wish = head('GET /x HTTP/1.1', HOST, 'Connection: Upgrade', 'Upgrade: h2c')
  for (let count = 0; count < 100; count++) {
    client.write(wish)
    t.equal((await client.next()).status, 200)
  }
  t.strictSame(complaints, [])
})

for (const upgrade of ['h2c', 'websocket']) {
  t.test(`HX-30 ${upgrade} behind an answer of our own that is not finished`, async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port, parts } = await startProxied(t, [openRoute('/*', upstream.origin)])
    parts.providers[0]!.provider.connection = () => new Promise(() => undefined)
    const client = await openRawSocket(t, port)
    client.write(
      head('GET /oauth2/login HTTP/1.1', HOST, 'Accept: text/html') +
        head('GET /x HTTP/1.1', HOST, 'Connection: Upgrade', `Upgrade: ${upgrade}`),
    )
    t.equal(await client.rest(), '', 'the connection ends, no answer takes the place of another')
    t.equal(upstream.requests.length, 0)
  })
}

t.test('P4 a lone Upgrade without Connection is an ordinary request', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Upgrade: h2c'))).status, 200)
  t.equal((await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Keep-Alive: timeout=5'))).status, 200)
})
