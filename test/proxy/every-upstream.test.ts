import t, { type Test } from 'tap'
import type { Route } from '../../src/domain/route.ts'
import {
  breakCall,
  sendInterim,
  UPSTREAM_KINDS,
  type AnswerCall,
  type UpstreamKind,
} from '../support/every-upstream.ts'
import { untilStill } from '../support/large-transfers.ts'
import { startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { sampleRoute } from '../support/sample-route.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST)
const ANNOUNCED = 'HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ncontent-length: 2\r\n\r\nok' // Node writes no such thing
const HINT = '</a.css>; rel=preload'

/** The gateway in front of an upstream of this kind; the route is public unless `overrides` say otherwise. */
async function inFront(
  t: Test,
  kind: UpstreamKind,
  answer: AnswerCall,
  overrides: Partial<Route> = {},
) {
  const upstream = await kind.start(t, answer)
  const route = sampleRoute('/*', {
    access: 'public',
    ...overrides,
    upstream: { ...upstream.upstream, ...overrides.upstream },
  })
  return { upstream, ...(await startProxied(t, [route])) }
}

const ok: AnswerCall = ({ response }) => void response.end('ok')

/** Tells what arrived: method, target and body. */
const tell: AnswerCall = async (call) => {
  const body = await call.body
  call.response.end(Buffer.from(`${call.request.method} ${call.request.url} ${body}`, 'latin1'))
}

for (const kind of UPSTREAM_KINDS) {
  const title = (text: string): string => `${text} (${kind.name})`

  t.test(title('HX-1 HX-2 HX-5 FW-1 FW-2 FW-4 FW-5 RS-1 the fields of a request'), async (t) => {
    const set = [{ name: 'x-user', value: [{ claim: ['sub'] }] }]
    const { port, upstream, signIn } = await inFront(t, kind, ok, {
      access: 'required',
      headers: { set, remove: [] },
    })
    const { cookie, token } = await signIn('alice')
    const answer = await ask(
      t,
      port,
      head(
        'GET /x HTTP/1.1',
        HOST,
        `Cookie: ${cookie}; theme=dark`,
        'Connection: keep-alive, X-Named, authorization, X-USER, via',
        'X-Named: forged',
        'Keep-Alive: forged',
        'Proxy-Connection: forged',
        'Proxy-Authorization: forged',
        'Proxy-Authenticate: forged',
        'TE: trailers, forged',
        'Trailer: forged',
        'Upgrade: forged',
        'HTTP2-Settings: forged',
        'Authorization: Bearer forged',
        'X-User: forged',
        'X_User: forged',
        'X-Forwarded-For: forged',
        'Forwarded: for=forged',
        'X-Real-IP: forged',
        'Via: 1.0 fred',
        'X-Kept: one',
        'X-Kept: two',
      ),
    )
    t.equal(answer.status, 200)
    const [call] = upstream.calls
    t.notMatch(call?.request.rawHeaders.join('|'), /forged/i)
    for (const name of ['keep-alive', 'trailer', 'upgrade', 'http2-settings', 'x_user'])
      t.same(call?.values(name), [], name)
    t.same(call?.values('authorization'), [`Bearer ${token}`])
    t.same(call?.values('x-user'), ['alice'])
    t.same(call?.values('cookie'), ['theme=dark'])
    t.same(call?.values('te'), ['trailers'])
    t.same(call?.values('x-forwarded-for'), ['127.0.0.1'])
    t.same(call?.values('x-forwarded-host'), ['127.0.0.1'])
    t.equal(call?.values('x-kept').join(', '), 'one, two')
    t.match(call?.values('via').join(), /^(?:1\.0 fred, )?1\.1 bearergate/)
  })

  t.test(title('HX-25 the Host that the upstream sees follows the route'), async (t) => {
    for (const hostHeader of ['upstream', 'client'] as const) {
      const { port, upstream } = await inFront(t, kind, ok, { hostHeader })
      t.equal((await ask(t, port, head('GET /x HTTP/1.1', 'Host: 127.0.0.1:81'))).status, 200)
      const [call] = upstream.calls
      const seen = call?.values(kind.speaksHttp2 ? ':authority' : 'host')
      const own = new URL(upstream.upstream.origin).host
      t.same(seen, [hostHeader === 'client' ? '127.0.0.1:81' : own])
    }
  })

  t.test(title('HX-8 HX-10 HX-33 HX-36 targets pass octet for octet'), async (t) => {
    const { port, upstream } = await inFront(t, kind, ok)
    const targets = [
      '/a%2Fb/c;v=1?a=1&a=2&b=%2F%20+%zz',
      '/..hidden/...slug',
      '/x?',
      '/%E4%BD%A0?{"y"}',
    ]
    for (const target of targets) await ask(t, port, head(`GET ${target} HTTP/1.1`, HOST))
    await ask(t, port, head('GET http://127.0.0.1/abs%2f?q HTTP/1.1', HOST))
    t.equal((await ask(t, port, head('OPTIONS * HTTP/1.1', HOST))).status, 204, 'HX-9: from us')
    t.same(
      upstream.calls.map(({ request }) => request.url),
      [...targets, '/abs%2f?q'],
    )
  })

  t.test(title('HX-13 HX-35 every body arrives as it was sent, with every method'), async (t) => {
    const { port, upstream } = await inFront(t, kind, tell)
    const octets = Buffer.from(Array.from({ length: 256 }, (_, at) => at)).toString('latin1')
    const client = await openRawSocket(t, port)
    for (const method of ['POST', 'PUT', 'PATCH', 'GET', 'DELETE', 'OPTIONS']) {
      client.write(head(`${method} /l HTTP/1.1`, HOST, 'Content-Length: 256') + octets)
      t.equal((await client.next()).body, `${method} /l ${octets}`)
      const chunks = `80\r\n${octets.slice(0, 128)}\r\n80;x=y\r\n${octets.slice(128)}\r\n0\r\n\r\n`
      client.write(head(`${method} /c HTTP/1.1`, HOST, 'Transfer-Encoding: chunked') + chunks)
      t.equal((await client.next()).body, `${method} /c ${octets}`)
      client.write(head(`${method} /n HTTP/1.1`, HOST))
      t.equal((await client.next()).body, `${method} /n `, 'the next call is its own')
    }
    t.same(upstream.calls[0]?.values('content-length'), ['256'])
  })

  t.test(title('HX-21 trailers of a request stay behind'), async (t) => {
    const { port, upstream } = await inFront(t, kind, tell)
    const post = head('POST /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked', 'Trailer: X-A')
    const answer = await ask(
      t,
      port,
      `${post}3\r\nabc\r\n0\r\nX-A: forged\r\nAuthorization: Bearer forged\r\n\r\n`,
    )
    t.equal(answer.body, 'POST /x abc')
    const { request } = upstream.calls[0]!
    t.same(request.rawTrailers, [])
    t.notMatch(request.rawHeaders.join('|'), /forged|trailer/i)
  })

  t.test(title('HX-4 HX-21 trailers of an answer reach whoever asked for them'), async (t) => {
    const { port } = await inFront(t, kind, ({ response, request }) => {
      if (request.url === '/none') {
        if (!kind.speaksHttp2) return void response.socket?.write(ANNOUNCED)
        response.writeHead(200, { trailer: 'x-sum', 'content-length': 2 })
        return void response.end('ok')
      }
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('ok')
      response.addTrailers({ 'x-sum': '42', 'set-cookie': 'bearergate=x' })
      response.end()
    })
    const asking = ['TE: trailers', 'Connection: TE']
    const told = await ask(t, port, head('GET /x HTTP/1.1', HOST, ...asking))
    t.equal(told.body, 'ok')
    t.equal(told.trailers, 'x-sum: 42\r\n')
    const untold = await ask(t, port, GET)
    t.equal(untold.body, 'ok')
    t.equal(untold.trailers, '')
    const announced = await ask(t, port, head('GET /none HTTP/1.1', HOST, ...asking))
    t.equal(announced.body, 'ok')
    t.equal(announced.header('trailer'), undefined)
  })

  t.test(title('HX-11 100-continue is said when the upstream can be told'), async (t) => {
    const { port, upstream } = await inFront(t, kind, tell)
    const client = await openRawSocket(t, port)
    client.write(head('POST /x HTTP/1.1', HOST, 'Content-Length: 5', 'Expect: 100-continue'))
    t.equal((await client.next()).status, 100)
    client.write('hello')
    t.equal((await client.next()).body, 'POST /x hello')
    t.same(upstream.calls[0]?.values('expect'), [])
    t.equal((await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Expect: more'))).status, 417)
    t.equal(upstream.calls.length, 1)
  })

  t.test(title('HX-11 who is refused is never told to go on'), async (t) => {
    const { port, upstream } = await inFront(t, kind, ok, { access: 'required' })
    const expectation = ['Content-Length: 5', 'Expect: 100-continue']
    const refused = await ask(t, port, head('POST /x HTTP/1.1', HOST, ...expectation))
    t.match(refused, { status: 401, interim: [] })
    t.equal(upstream.calls.length, 0)
  })

  t.test(title('HX-11 HX-32 an upstream that refuses the body it was promised'), async (t) => {
    const { port } = await inFront(t, kind, ({ response }) => {
      response.writeHead(413, { 'content-length': 3 }).end('no!')
    })
    const client = await openRawSocket(t, port)
    client.write(head('POST /x HTTP/1.1', HOST, 'Content-Length: 5', 'Expect: 100-continue'))
    t.equal((await client.next()).status, 100)
    client.write('h')
    const answer = await client.next()
    t.match(answer, { status: 413, body: 'no!' })
    t.equal(answer.header('connection'), 'close')
    t.equal(await client.rest(), '')
  })

  t.test(title('HX-12 103 passes, 100 and 102 stop here'), async (t) => {
    const { port } = await inFront(t, kind, (call) => {
      sendInterim(call, 100)
      sendInterim(call, 102)
      sendInterim(call, 103, HINT)
      call.response.end('ok')
    })
    const answer = await ask(t, port, GET)
    t.match(answer, { status: 200, body: 'ok' })
    t.same(
      answer.interim.map(({ status, headers }) => [status, ...headers('link')]),
      [[103, HINT]],
    )
  })

  t.test(title('HX-29 HTTP/1.0: no chunks, no interim answer, and the end'), async (t) => {
    const { port } = await inFront(t, kind, (call) => {
      sendInterim(call, 103, HINT)
      call.response.write('hel')
      call.response.end('lo')
    })
    const client = await openRawSocket(t, port)
    client.write(head('GET /x HTTP/1.0', HOST))
    const answer = await client.next()
    t.match(answer, { status: 200, body: 'hello' })
    t.equal(answer.header('transfer-encoding'), undefined)
    await client.closed
  })

  t.test(title('HX-23 HX-27 the framing of HEAD, 204, 205, 206, 304, 412 and 416'), async (t) => {
    const fields: Record<string, [number, Record<string, string>, string]> = {
      '/204': [204, { 'x-a': 'b' }, ''],
      '/205': [205, { 'content-length': '0' }, ''],
      '/206': [206, { 'content-range': 'bytes 1-3/9', 'content-length': '3' }, 'bcd'],
      '/parts': [
        206,
        { 'content-type': 'multipart/byteranges; boundary=X' },
        '--X\r\n\r\na\r\n--X--',
      ],
      '/304': [304, { etag: '"a"' }, ''],
      '/412': [412, { 'content-length': '3' }, 'no!'],
      '/416': [416, { 'content-range': 'bytes */9', 'content-length': '0' }, ''],
    }
    const { port, upstream } = await inFront(t, kind, ({ request, response }) => {
      if (request.method === 'HEAD') {
        const length = request.url === '/unsaid' ? {} : { 'content-length': '5' }
        return void response.writeHead(200, length).end()
      }
      const [status, given, body] = fields[String(request.url)] ?? [200, {}, 'next']
      response.writeHead(status, given).end(body)
    })
    const client = await openRawSocket(t, port)
    for (const [path, [status, given, body]] of Object.entries(fields)) {
      client.write(head(`GET ${path} HTTP/1.1`, HOST, 'Range: bytes=1-3', 'If-Range: "a"'))
      const answer = await client.next()
      t.match(answer, { status, body }, path)
      for (const [name, value] of Object.entries(given)) t.equal(answer.header(name), value, path)
      if (status === 204 || status === 304) {
        t.equal(answer.header('content-length'), undefined, path)
        t.equal(answer.header('transfer-encoding'), undefined, path)
      }
      client.write(GET)
      t.equal((await client.next()).body, 'next', `in step behind ${path}`)
    }
    for (const [path, length] of [
      ['/said', '5'],
      ['/unsaid', undefined],
    ]) {
      client.write(head(`HEAD ${path} HTTP/1.1`, HOST))
      t.equal((await client.next({ method: 'HEAD' })).header('content-length'), length)
      client.write(GET)
      t.equal((await client.next()).body, 'next', 'in step behind HEAD')
    }
    t.same(upstream.calls[0]?.values('range'), ['bytes=1-3'])
    t.same(upstream.calls[0]?.values('if-range'), ['"a"'])
  })

  t.test(title('RS-5 HX-22 HX-24 AT-30 what an answer says of cookies and places'), async (t) => {
    const { port, upstream } = await inFront(t, kind, ({ response }) => {
      const fields: [string, string | string[]][] = [
        ['set-cookie', ['a=1; Path=/', 'bearergate=stolen', 'b=2']],
        ['location', `${upstream.upstream.origin}/next`],
        ['clear-site-data', '"cookies"'],
      ]
      for (const [name, value] of fields) response.setHeader(name, value)
      response.statusCode = 302
      response.end()
    })
    const answer = await ask(t, port, GET)
    t.same(answer.headers('set-cookie'), ['a=1; Path=/', 'b=2'])
    t.equal(answer.header('location'), 'http://127.0.0.1/next')
    t.equal(answer.header('clear-site-data'), undefined)
  })

  t.test(title('HX-15 an answer that breaks off does not look whole'), async (t) => {
    const { port, finished } = await inFront(t, kind, (call) => {
      const length = call.request.url === '/l' ? { 'content-length': 10 } : {}
      call.response.writeHead(200, length)
      call.response.write('abc', () => setImmediate(() => breakCall(call)))
    })
    for (const path of ['/l', '/c']) {
      await t.rejects(ask(t, port, head(`GET ${path} HTTP/1.1`, HOST)))
      t.match(await finished(), { status: 200, reason: 'upstream_protocol_error' })
    }
  })

  t.test(
    title('HX-16 HX-17 no answer is 502, a 503 passes, and neither is asked twice'),
    async (t) => {
      const { port, upstream } = await inFront(t, kind, (call) => {
        if (call.request.url === '/none') return breakCall(call)
        call.response.writeHead(503, { 'retry-after': '1' }).end('busy')
      })
      const none = await ask(t, port, head('GET /none HTTP/1.1', HOST))
      t.equal(none.status, 502)
      t.notMatch(none.body, /127\.0\.0\.1:|sock|ERR_|ECONN/)
      const busy = await ask(t, port, head('GET /busy HTTP/1.1', HOST))
      t.match(busy, { status: 503, body: 'busy' })
      t.equal(busy.header('retry-after'), '1')
      t.equal(upstream.calls.length, 2)
    },
  )

  t.test(title('HX-16 AT-28 silence is cut: 504 before the head, a break inside it'), async (t) => {
    const timeouts = { connectMs: 5_000, headersMs: 300, idleMs: 300 }
    const { port, upstream, finished } = await inFront(
      t,
      kind,
      ({ request, response }) => {
        if (request.url === '/half') response.writeHead(200, { 'content-length': 10 }).write('abc')
      },
      { timeouts },
    )
    const none = await ask(t, port, head('GET /none HTTP/1.1', HOST))
    t.equal(none.status, 504)
    t.match(JSON.parse(none.body), { reason: 'upstream_timeout' })
    await (
      await upstream.call(0)
    ).over
    await t.rejects(ask(t, port, head('GET /half HTTP/1.1', HOST)))
    await (
      await upstream.call(1)
    ).over
    t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
    t.match(await finished(), { status: 200, reason: 'upstream_timeout' })
  })

  t.test(
    title('HX-18 a client that leaves takes its call with it, wherever that is'),
    async (t) => {
      const { port, upstream, finished } = await inFront(t, kind, ({ request, response }) => {
        request.resume()
        if (request.url === '/answer') response.writeHead(200, { 'content-length': 9 }).write('abc')
      })
      const requests = [
        head('GET /wait HTTP/1.1', HOST),
        head('GET /answer HTTP/1.1', HOST),
        `${head('POST /upload HTTP/1.1', HOST, 'Content-Length: 1000')}abc`,
      ]
      for (const [at, request] of requests.entries()) {
        const client = await openRawSocket(t, port)
        client.write(request)
        if (request.includes('/answer')) await client.some()
        const { over } = await upstream.call(at)
        client.socket.destroy()
        await over
        t.match(await finished(), { clientLeft: true })
      }
    },
  )

  t.test(title('HX-18 a client that says it will send no more has left'), async (t) => {
    const { port, upstream, finished } = await inFront(t, kind, () => undefined)
    for (const [at, request] of [
      GET,
      `${head('POST /x HTTP/1.1', HOST, 'Content-Length: 9')}a`,
    ].entries()) {
      const client = await openRawSocket(t, port)
      client.write(request)
      const { over } = await upstream.call(at)
      client.socket.end()
      await over
      t.notMatch(await client.rest(), /^HTTP\/1\.1 [^4]/, 'at most that the body is incomplete')
      t.match(await finished(), { status: 0, clientLeft: true })
    }
  })

  t.test(title('HX-19 whoever does not read is not sent to, and gets all later'), async (t) => {
    const MIB = 2 ** 20
    const bytes = 48 * MIB
    const held = { sentBytes: 0, goOn: (): void => undefined }
    const { port, upstream } = await inFront(
      t,
      kind,
      ({ request, response }) => {
        if (request.method === 'POST') {
          held.goOn = () => {
            let received = 0
            request.on('data', (chunk: Buffer) => (received += chunk.length))
            request.on('end', () => response.end(String(received)))
          }
          return
        }
        response.writeHead(200, { 'content-length': bytes })
        const more = (): void => {
          while (held.sentBytes < bytes) {
            held.sentBytes += MIB
            if (!response.write(Buffer.alloc(MIB, 'x'))) return void response.once('drain', more)
          }
          response.end()
        }
        more()
      },
      { maxBodyBytes: bytes },
    )
    const down = await openRawSocket(t, port)
    down.socket.pause()
    down.write(GET)
    await upstream.call(0)
    await untilStill(() => held.sentBytes)
    t.ok(held.sentBytes < 24 * MIB, `${held.sentBytes / MIB} MiB came without a reader`)
    down.socket.resume()
    t.equal((await down.next()).body.length, bytes)

    const up = await openRawSocket(t, port)
    up.write(head('POST /x HTTP/1.1', HOST, `Content-Length: ${bytes}`))
    let takenBytes = 0
    const send = (): void => {
      while (takenBytes < bytes) {
        takenBytes += MIB
        if (!up.socket.write(Buffer.alloc(MIB, 'x'))) return void up.socket.once('drain', send)
      }
    }
    send()
    await upstream.call(1)
    await untilStill(() => takenBytes)
    t.ok(takenBytes < 24 * MIB, `${takenBytes / MIB} MiB went without a reader`)
    held.goOn()
    t.equal((await up.next()).body, String(bytes))
  })

  t.test(title('HX-30 HX-31 pipelined requests, each with the session it names'), async (t) => {
    const { port, signIn } = await inFront(
      t,
      kind,
      ({ request, response }) => {
        const answer = (): void => void response.end(request.headers.authorization)
        if (request.url === '/slow') setImmediate(() => setImmediate(answer))
        else answer()
      },
      { access: 'required' },
    )
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

  t.test(title('HX-32 an answer ahead of a large body is read whole, then the end'), async (t) => {
    const long = 'refused '.repeat(20_000)
    const { port } = await inFront(
      t,
      kind,
      ({ response }) => void response.writeHead(422, { 'content-length': long.length }).end(long),
    )
    for (const framing of ['Content-Length: 8000000', 'Transfer-Encoding: chunked']) {
      const client = await openRawSocket(t, port)
      client.write(head('POST /x HTTP/1.1', HOST, framing))
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
      for (let at = 0; at < 40; at += 1) client.write(chunk)
      const answer = await client.next()
      t.equal(answer.status, 422)
      t.equal(answer.body, long)
      t.equal(answer.header('connection'), 'close')
      await client.closed
    }
  })

  t.test(title('RL-3 a body is counted while it streams, and cut one octet over'), async (t) => {
    const { port, finished } = await inFront(t, kind, tell, { maxBodyBytes: 10 })
    const chunked = head('POST /x HTTP/1.1', HOST, 'Transfer-Encoding: chunked')
    t.equal((await ask(t, port, `${chunked}a\r\n0123456789\r\n0\r\n\r\n`)).status, 200)
    const over = await ask(t, port, `${chunked}a\r\n0123456789\r\n1\r\n0\r\n0\r\n\r\n`)
    t.equal(over.status, 413)
    await finished()
    t.match(await finished(), { status: 413, reason: 'body_too_large' })
  })
}
