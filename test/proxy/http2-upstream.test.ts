import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http2, { type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Route, Upstream } from '../../src/domain/route.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { startRawUpstream } from '../support/raw-upstream.ts'
import { SERVER_CERTIFICATE, TEST_AUTHORITY } from '../support/upstream-certificates.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST)

type Fields = Readonly<Record<string, string | string[] | undefined>>

interface Call {
  readonly stream: ServerHttp2Stream
  readonly fields: Fields
  /** Names and values as they came, in order. */
  readonly raw: readonly string[]
}

/** An HTTP/2 server on loopback; `answer` gets every stream. */
async function startHttp2(
  t: Test,
  answer: (call: Call) => void,
  server: Http2Server = http2.createServer(),
  listenOn?: string,
) {
  const calls: Call[] = []
  let wake = (): void => undefined
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  server.on('sessionError', () => undefined)
  server.on('stream', (stream, fields, _flags, raw?: string[]) => {
    stream.on('error', () => undefined)
    const call = { stream, fields: fields as Fields, raw: raw ?? [] }
    calls.push(call)
    wake()
    answer(call)
  })
  await once(
    listenOn === undefined ? server.listen(0, '127.0.0.1') : server.listen(listenOn),
    'listening',
  )
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const address = server.address() as AddressInfo
  return {
    calls,
    sessions,
    origin: `http://127.0.0.1:${address.port}`,
    port: address.port,
    /** Resolves with the call of this number, counted from 0. */
    call: async (index: number): Promise<Call> => {
      while (calls[index] === undefined) await new Promise<void>((resolve) => (wake = resolve))
      return calls[index]
    },
  }
}

function spoken(origin: string, more: Partial<Upstream> = {}): Partial<Route> {
  return { upstream: { origin, basePath: '', http2: true, ...more } }
}

const ok = ({ stream }: Call): void => {
  stream.respond({ ':status': 200 })
  stream.end('ok')
}

t.test(
  'RS-1 HX-1 HX-25 a signed-in request over h2c carries what it would over HTTP/1.1',
  async (t) => {
    const upstream = await startHttp2(t, ok)
    const { port, signIn, finished } = await startProxied(t, [
      guardedRoute('/*', upstream.origin, spoken(upstream.origin)),
    ])
    const { cookie, token } = await signIn()
    const answer = await ask(
      t,
      port,
      head(
        'GET /a%2Fb?x=1 HTTP/1.1',
        HOST,
        `Cookie: ${cookie}; a=1`,
        'Cookie: b=2',
        'X-Multi: one',
        'x-multi: two',
        'DNT: 1',
        'dnt: 1',
        'constructor: odd',
        'Connection: keep-alive, X-Named',
        'X-Named: no',
        'Keep-Alive: 5',
        'TE: trailers, gzip',
      ),
    )
    t.equal(answer.status, 200)
    t.equal(answer.body, 'ok')
    const { fields } = upstream.calls[0]!
    t.match(fields, {
      ':method': 'GET',
      ':path': '/a%2Fb?x=1',
      ':authority': upstream.origin.slice(7),
      ':scheme': 'http',
      authorization: `Bearer ${token}`,
      cookie: 'a=1; b=2',
      'x-multi': 'one, two',
      constructor: 'odd',
      te: 'trailers',
      'x-forwarded-host': '127.0.0.1',
    })
    for (const name of ['connection', 'keep-alive', 'x-named', 'host'])
      t.notOk(name in fields, name)
    t.match(await finished(), { status: 200 })
  },
)

t.test('P1 over TLS HTTP/2 is agreed on by ALPN, and the certificate verified', async (t) => {
  const upstream = await startHttp2(t, ok, http2.createSecureServer(SERVER_CERTIFICATE) as never)
  const origin = `https://127.0.0.1:${upstream.port}`
  const { port } = await startProxied(t, [
    openRoute('/trusted', origin, spoken(origin, { certificateAuthority: TEST_AUTHORITY })),
    openRoute('/stranger', origin, spoken(origin)),
  ])
  t.equal((await ask(t, port, head('GET /trusted HTTP/1.1', HOST))).body, 'ok')
  const refused = await ask(t, port, head('GET /stranger HTTP/1.1', HOST))
  t.match(JSON.parse(refused.body), { status: 502, reason: 'upstream_unreachable' })
  t.equal(upstream.calls.length, 1)
})

t.test('HX-16 an upstream that does not speak HTTP/2 is 502, over TLS and without', async (t) => {
  const tls = createTlsServer(SERVER_CERTIFICATE, (_request, response) => response.end('1.1'))
  tls.listen(0, '127.0.0.1')
  await once(tls, 'listening')
  t.teardown(() => {
    tls.closeAllConnections()
    tls.close()
  })
  const origin = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`
  const plain = await startRawUpstream(
    t,
    ({ socket }) => void socket.end('HTTP/1.1 400 No\r\n\r\n'),
  )
  const { port } = await startProxied(t, [
    openRoute('/tls', origin, spoken(origin, { certificateAuthority: TEST_AUTHORITY })),
    openRoute('/plain', plain.origin, spoken(plain.origin)),
    openRoute('/nobody', 'http://127.0.0.1:9', spoken('http://127.0.0.1:9')),
  ])
  for (const path of ['/tls', '/plain', '/nobody'])
    t.equal((await ask(t, port, head(`GET ${path} HTTP/1.1`, HOST))).status, 502, path)
})

t.test('HTTP/2 over a unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const socketPath = join(folder, 'app.sock')
  await startHttp2(t, ok, http2.createServer(), socketPath)
  const { port } = await startProxied(t, [
    openRoute('/*', 'http://localhost', spoken('http://localhost', { socketPath })),
  ])
  t.equal((await ask(t, port, GET)).body, 'ok')
})

t.test('RL-3 an upload passes whole, with or without a length, and is counted', async (t) => {
  const upstream = await startHttp2(t, ({ stream }) => {
    let bytes = 0
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
    stream.on('end', () => {
      if (stream.destroyed) return
      stream.respond({ ':status': 200 })
      stream.end(String(bytes))
    })
  })
  const { port, finished } = await startProxied(t, [
    openRoute('/*', upstream.origin, { ...spoken(upstream.origin), maxBodyBytes: 300_000 }),
  ])
  const post = head('POST /x HTTP/1.1', HOST, 'Content-Length: 300000')
  t.equal((await ask(t, port, post + 'a'.repeat(300_000))).body, '300000')
  t.equal(upstream.calls[0]?.fields['content-length'], '300000')
  const chunk = `8000\r\n${'b'.repeat(32_768)}\r\n`
  const chunked = head('DELETE /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')
  t.equal((await ask(t, port, `${chunked}${chunk.repeat(4)}0\r\n\r\n`)).body, '131072')
  const over = await ask(t, port, `${chunked}${chunk.repeat(20)}`)
  t.equal(over.status, 413)
  await finished()
  await finished()
  t.match(await finished(), { status: 413, reason: 'body_too_large' })
  const get = head('GET /x HTTP/1.1', HOST, 'Content-Length: 3')
  t.equal((await ask(t, port, `${get}abc`)).body, '3', 'HX-13')
})

t.test(
  'HX-21 HX-15 trailers come behind the last octet, however slowly the client reads',
  async (t) => {
    const BYTES = 3_000_000
    const upstream = await startHttp2(t, ({ stream }) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', 'set-cookie': 'a=b' }))
      stream.end(Buffer.alloc(BYTES, 'z'))
    })
    const { port } = await startProxied(t, [
      openRoute('/*', upstream.origin, spoken(upstream.origin)),
    ])
    const client = await openRawSocket(t, port)
    client.write(head('GET /x HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE'))
    client.socket.pause()
    await upstream.call(0)
    setImmediate(() => client.socket.resume())
    const answer = await client.next()
    t.equal(answer.body.length, BYTES)
    t.equal(answer.trailers, 'x-sum: 42\r\n')
  },
)

t.test('HX-12 HX-23 HX-22 hints pass, 204 has no length, cookies stay apart', async (t) => {
  const upstream = await startHttp2(t, ({ stream, fields }) => {
    if (fields[':path'] === '/204') {
      stream.respond({ ':status': 204 })
      return void stream.end()
    }
    stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' })
    stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2', 'bearergate=x'] })
    stream.end('ok')
  })
  const { port } = await startProxied(t, [
    openRoute('/*', upstream.origin, spoken(upstream.origin)),
  ])
  const answer = await ask(t, port, GET)
  t.equal(answer.interim[0]?.status, 103)
  t.same(answer.headers('set-cookie'), ['a=1', 'b=2'])
  t.match(answer.head, /^HTTP\/1\.1 200 OK/)
  const empty = await ask(t, port, head('GET /204 HTTP/1.1', HOST))
  t.equal(empty.status, 204)
  t.equal(empty.header('content-length'), undefined)
})

const BROKEN: Readonly<Record<string, (call: Call) => void>> = {
  'a reset': ({ stream }) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  'a cancelled call': ({ stream }) => stream.close(http2.constants.NGHTTP2_CANCEL),
  'a lost connection': ({ stream }) => stream.session?.destroy(),
  'a head of 60 KB': ({ stream }) => {
    stream.respond({ ':status': 200, 'x-a': 'y'.repeat(60_000) })
    stream.end('x')
  },
  'five hundred fields': ({ stream }) => {
    const fields = Array.from({ length: 500 }, (_, at) => [`x-${at}`, '1'] as const)
    stream.respond({ ':status': 200, ...Object.fromEntries(fields) })
    stream.end('x')
  },
  'a flood of interim answers': ({ stream }) => {
    for (let at = 0; at < 100; at += 1) stream.additionalHeaders({ ':status': 103, link: '</a>' })
  },
}
for (const [name, answer] of Object.entries(BROKEN)) {
  t.test(`AT-30 HX-14 HX-16 ${name} is 502, and the next request is served`, async (t) => {
    const upstream = await startHttp2(t, (call) =>
      call.fields[':path'] === '/fine' ? ok(call) : answer(call),
    )
    const { port } = await startProxied(t, [
      openRoute('/*', upstream.origin, spoken(upstream.origin)),
    ])
    const broken = await ask(t, port, head('POST /x HTTP/1.1', HOST, 'Content-Length: 1') + 'a')
    t.equal(broken.status, 502)
    t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
  })
}

t.test('HX-15 a body that breaks off breaks the client’s connection', async (t) => {
  const upstream = await startHttp2(t, ({ stream }) => {
    stream.respond({ ':status': 200, 'content-length': 10 })
    stream.write('abc')
    setImmediate(() => stream.session?.destroy())
  })
  const { port, finished } = await startProxied(t, [
    openRoute('/*', upstream.origin, spoken(upstream.origin)),
  ])
  const client = await openRawSocket(t, port)
  client.write(GET)
  t.notMatch(await client.rest(), /0\r\n\r\n$/)
  t.match((await finished()).reason, 'upstream_protocol_error')
})

t.test('HX-18 a client that leaves takes its call with it, and no other', async (t) => {
  const upstream = await startHttp2(t, (call) => {
    if (call.fields[':path'] === '/fine') ok(call)
  })
  const { port, finished } = await startProxied(t, [
    openRoute('/*', upstream.origin, spoken(upstream.origin)),
  ])
  const client = await openRawSocket(t, port)
  client.write(GET)
  const { stream } = await upstream.call(0)
  const left = once(stream, 'close')
  client.socket.destroy()
  await left
  t.equal(stream.rstCode, http2.constants.NGHTTP2_CANCEL)
  t.match(await finished(), { status: 0, clientLeft: true })
  t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
  t.equal(upstream.sessions.size, 1, 'on the same connection')
})

t.test('HX-17 a call the upstream refused unread is made once more, if that is safe', async (t) => {
  const upstream = await startHttp2(t, (call) => {
    if (upstream.calls.length % 2 === 1) call.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)
    else ok(call)
  })
  const { port } = await startProxied(t, [
    openRoute('/*', upstream.origin, spoken(upstream.origin)),
  ])
  t.equal((await ask(t, port, GET)).body, 'ok')
  t.equal(upstream.calls.length, 2)
  const post = head('POST /x HTTP/1.1', HOST, 'Content-Length: 1')
  t.equal((await ask(t, port, `${post}a`)).status, 502)
  t.equal(upstream.calls.length, 3)
})

t.test(
  'HX-17 after GOAWAY calls under way finish and new ones take a new connection',
  async (t) => {
    const upstream = await startHttp2(t, (call) => {
      if (call.fields[':path'] === '/fine') return ok(call)
      call.stream.session?.goaway()
      call.stream.respond({ ':status': 200 })
      call.stream.write('slow')
    })
    const { port } = await startProxied(t, [
      openRoute('/*', upstream.origin, spoken(upstream.origin)),
    ])
    const slow = ask(t, port, GET)
    const { stream } = await upstream.call(0)
    for (let at = 0; at < 5; at += 1)
      t.equal((await ask(t, port, head('GET /fine HTTP/1.1', HOST))).body, 'ok')
    stream.end('ly')
    t.equal((await slow).body, 'slowly')
    t.ok(upstream.sessions.size >= 2)
  },
)

t.test(
  'HX-31 HX-19 many users share a connection and none gets the answer of another',
  async (t) => {
    const upstream = await startHttp2(t, ({ stream, fields }) => {
      stream.respond({ ':status': 200 })
      const word = String(fields.authorization).slice(7)
      stream.write(word.padEnd(70_000, '.'))
      setImmediate(() => stream.end(word))
    })
    const { port, signIn } = await startProxied(t, [
      guardedRoute('/*', upstream.origin, spoken(upstream.origin)),
    ])
    const users = await Promise.all(Array.from({ length: 40 }, (_, at) => signIn(`user-${at}`)))
    const rounds = Array.from({ length: 5 }, () => users).flat()
    await Promise.all(
      rounds.map(async ({ cookie, token }, at) => {
        const request = head('GET /x HTTP/1.1', HOST, `Cookie: ${cookie}`)
        if (at % 7 === 0) {
          const client = await openRawSocket(t, port)
          client.write(request)
          return void setImmediate(() => client.socket.destroy())
        }
        const { body } = await ask(t, port, request)
        if (body !== token.padEnd(70_000, '.') + token) t.fail(`${token} got ${body.slice(0, 40)}`)
      }),
    )
    t.ok(upstream.sessions.size <= 4, `${upstream.sessions.size} connections`)
  },
)

t.test('P22 an answer that does not come is 504', async (t) => {
  const upstream = await startHttp2(t, () => undefined)
  const timeouts = { connectMs: 1_000, headersMs: 300, idleMs: 1_000 }
  const { port } = await startProxied(t, [
    openRoute('/*', upstream.origin, { ...spoken(upstream.origin), timeouts }),
  ])
  t.equal((await ask(t, port, GET)).status, 504)
})
