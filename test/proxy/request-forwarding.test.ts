import t from 'tap'
import type { Route } from '../../src/domain/route.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const HOST = 'Host: 127.0.0.1'

/** Forwarded octet for octet; `undefined`: refused with 400 before the upstream hears of it. */
const TARGETS: readonly (readonly [string, string | undefined])[] = [
  ['/a?a=1&a=2&b=%2F%20+&c=%zz', '/a?a=1&a=2&b=%2F%20+&c=%zz'],
  ['/a%2Fb', '/a%2Fb'],
  ['/a;v=1/b', '/a;v=1/b'],
  ['/a{}', '/a{}'],
  ['/a?x={"y":[1]}', '/a?x={"y":[1]}'],
  ['/api/..hidden', '/api/..hidden'],
  ['/api/...slug', '/api/...slug'],
  ['/v1...v2', '/v1...v2'],
  ['/a?', '/a?'],
  ['/a?next=../../b', '/a?next=../../b'],
  ['/%E4%BD%A0', '/%E4%BD%A0'],
  ['/a/../b', undefined],
  ['/a/%2e%2e/b', undefined],
  ['/a\\b', undefined],
  ['/a%5cb', undefined],
  ['/a%00', undefined],
  ['//evil.example/x', undefined],
]

for (const [target, expected] of TARGETS) {
  t.test(`HX-10 HX-33 HX-34 P19 ${target}`, async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const answer = await ask(t, port, head(`GET ${target} HTTP/1.1`, HOST))
    t.equal(answer.status, expected === undefined ? 400 : 200)
    t.equal(upstream.requests[0]?.url, expected)
  })
}

t.test(
  'HX-10 HX-36 base path and stripped prefix: only the boundary of a segment counts',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const base = { upstream: { origin: upstream.origin, basePath: '/base' }, stripPrefix: '/api' }
    const { port } = await startProxied(t, [openRoute('/api/*', upstream.origin, base)])
    for (const target of ['/api', '/api/', '/api/x?y', '/api//x', '/api/%2fx']) {
      await ask(t, port, head(`GET ${target} HTTP/1.1`, HOST))
    }
    t.same(
      upstream.requests.map(({ url }) => url),
      ['/base', '/base/', '/base/x?y'],
    )
  },
)

t.test('HX-36 bases `a`+`bc` and `ab`+`c` stay two upstreams', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const base = (basePath: string) => ({ upstream: { origin: upstream.origin, basePath } })
  const { port } = await startProxied(t, [
    openRoute('/1/*', upstream.origin, { ...base('/a'), stripPrefix: '/1' }),
    openRoute('/2/*', upstream.origin, { ...base('/ab'), stripPrefix: '/2' }),
  ])
  await ask(t, port, head('GET /1/bc HTTP/1.1', HOST))
  await ask(t, port, head('GET /2/c HTTP/1.1', HOST))
  t.same(
    upstream.requests.map(({ url }) => url),
    ['/a/bc', '/ab/c'],
  )
})

t.test('HX-1 P4 P15 hop-by-hop fields and whatever Connection names stay behind', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const hops = [
    'Keep-Alive: timeout=5',
    'Proxy-Connection: close',
    'Proxy-Authorization: x',
    'TE: gzip',
    'Trailer: x-a',
    'X-Named: 1',
    'X-Kept: 2',
  ]
  t.equal(
    (await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Connection: keep-alive, X-Named', ...hops)))
      .status,
    200,
  )
  const names = upstream.requests[0]?.rawHeaders
    .filter((_, at) => at % 2 === 0)
    .map((name) => name.toLowerCase())
  for (const name of [
    'keep-alive',
    'proxy-connection',
    'proxy-authorization',
    'te',
    'trailer',
    'x-named',
  ]) {
    t.notOk(names?.includes(name), name)
  }
  t.ok(names?.includes('x-kept'))
})

t.test('HX-2 AT-9 naming our fields in Connection does not remove them', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const set = [{ name: 'x-user', value: [{ claim: ['sub'] }] }]
  const { port, signIn } = await startProxied(t, [
    guardedRoute('/*', upstream.origin, { headers: { set, remove: [] } }),
  ])
  const { cookie, token } = await signIn('alice')
  const nominated = 'Connection: authorization, X-USER, x-forwarded-for, host'
  await ask(t, port, head('GET /x HTTP/1.1', HOST, `Cookie: ${cookie}`, nominated))
  t.same(upstream.requests[0]?.values('authorization'), [`Bearer ${token}`])
  t.same(upstream.requests[0]?.values('x-user'), ['alice'])
  t.ok(upstream.requests[0]?.headers['x-forwarded-for'])
})

t.test(
  'AT-9 FW-4 FW-5 P15 an identity header has one value, ours, whatever the client sends',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const set = [
      { name: 'x-user', value: [{ claim: ['sub'] }] },
      { name: 'x-mail', value: [{ claim: ['email'] }] },
    ]
    const { port, signIn } = await startProxied(t, [
      guardedRoute('/in/*', upstream.origin, { headers: { set, remove: [] } }),
      openRoute('/out/*', upstream.origin),
      guardedRoute('/maybe/*', upstream.origin, {
        access: 'optional',
        headers: { set, remove: [] },
      }),
    ])
    const { cookie } = await signIn('alice')
    const forged = [
      'X-User: root',
      'x-uSeR: root',
      'X_User: root',
      'X-Mail: root@',
      'x_mail: root@',
      'X-Forwarded-User: root',
      'Remote-User: root',
      'X-Auth-Request-Email: root@',
    ]
    await ask(t, port, head('GET /in/x HTTP/1.1', HOST, `Cookie: ${cookie}`, ...forged))
    await ask(t, port, head('GET /out/x HTTP/1.1', HOST, ...forged))
    await ask(t, port, head('GET /maybe/x HTTP/1.1', HOST, ...forged))
    t.same(upstream.requests[0]?.values('x-user'), ['alice'])
    t.same(upstream.requests[0]?.values('x-mail'), [], 'FW-6 no claim, no header')
    for (const { rawHeaders } of upstream.requests) t.notMatch(rawHeaders.join('|'), /root/, 'FW-8')
  },
)

t.test("FW-1 FW-2 FW-3 a stranger's forwarded fields are replaced by our own", async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [
    openRoute('/api/*', upstream.origin, { stripPrefix: '/api' }),
  ])
  const forged = [
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Forwarded-Uri',
    'X-Forwarded-Method',
    'X-Real-IP',
    'X-Client-IP',
    'True-Client-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-SSL-Client-Cert',
    'X-Client-Cert',
    'Client-Cert',
  ].map((name) => `${name}: forged`)
  await ask(t, port, head('GET /api/x HTTP/1.1', HOST, ...forged))
  const [request] = upstream.requests
  t.notMatch(request?.rawHeaders.join('|'), /forged/)
  t.match(request?.headers, {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': '127.0.0.1',
    'x-forwarded-prefix': '/api',
  })
})

t.test("FW-3 a trusted proxy's chain is continued", async (t) => {
  const upstream = await startRecordingUpstream(t)
  const listen = { host: '127.0.0.1', port: 0, trustedProxies: ['127.0.0.0/8'] }
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)], {
    config: { listen },
  })
  await ask(t, port, head('GET /x HTTP/1.1', HOST, 'X-Forwarded-For: 203.0.113.9, 198.51.100.7'))
  t.equal(upstream.requests[0]?.headers['x-forwarded-for'], '203.0.113.9, 198.51.100.7, 127.0.0.1')
  t.equal((await finished()).clientAddress, '198.51.100.7', 'OB-8')
})

t.test('FW-9 a request id of ours goes upstream; a stranger cannot choose it', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(t, port, head('GET /x HTTP/1.1', HOST, `X-Request-Id: ${'a'.repeat(5_000)}`))
  const { requestId } = await finished()
  t.same(upstream.requests[0]?.values('x-request-id'), [requestId])
  t.ok(requestId.length < 100)
})

t.test('RS-4 P14 our cookies stay here, the others go on octet for octet', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, signIn } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const { cookie } = await signIn()
  await ask(
    t,
    port,
    head('GET /x HTTP/1.1', HOST, `Cookie: a="1";  ${cookie}; __Host-bearergate-tx=2; b=%20=; c`),
  )
  const sent = upstream.requests[0]?.headers.cookie ?? ''
  t.notMatch(sent, /bearergate/i)
  t.match(sent, /^a="1";.*b=%20=; c$/)
})

/** Bodies reach the upstream as they are, whatever their type says. */
const TYPES = [
  'text/plain',
  'text/plain; charset=latin1',
  'application/json',
  'garbage',
  ';;;',
  'multipart/form-data',
  undefined,
]

for (const type of TYPES) {
  t.test(`HX-35 P7 P8 a body of type ${type} passes unchanged`, async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const body = '\xe9\xff{not json\0'
    const fields = type === undefined ? [] : [`Content-Type: ${type}`]
    const request =
      head('POST /x HTTP/1.1', HOST, ...fields, `Content-Length: ${body.length}`) + body
    t.equal((await ask(t, port, Buffer.from(request, 'latin1'))).status, 200)
    t.equal(upstream.requests[0]?.body, body)
    t.equal(upstream.requests[0]?.headers['content-type'], type)
    t.equal(upstream.requests[0]?.headers['content-length'], String(body.length))
  })
}

t.test('HX-21 request trailers are dropped', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const chunked = head(
    'POST /x HTTP/1.1',
    HOST,
    'Transfer-Encoding: chunked',
    'Trailer: Authorization',
  )
  await ask(t, port, `${chunked}3\r\nabc\r\n0\r\nAuthorization: Bearer forged\r\n\r\n`)
  t.equal(upstream.requests[0]?.body, 'abc')
  t.notMatch(upstream.requests[0]?.rawHeaders.join('|'), /forged|trailer/i)
})

t.test('HX-25 the Host sent upstream follows the setting', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [
    openRoute('/own', upstream.origin),
    openRoute('/asked', upstream.origin, { hostHeader: 'client' }),
  ])
  await ask(t, port, head('GET /own HTTP/1.1', 'Host: 127.0.0.1:8080'))
  await ask(t, port, head('GET /asked HTTP/1.1', 'Host: 127.0.0.1:8080'))
  t.equal(upstream.requests[0]?.headers.host, upstream.origin.slice('http://'.length))
  t.equal(upstream.requests[1]?.headers.host, '127.0.0.1:8080')
})

t.test('HX-27 Range, conditionals and Accept-Encoding pass', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(
    t,
    port,
    head('GET /x HTTP/1.1', HOST, 'Range: bytes=0-1', 'If-None-Match: "a"', 'Accept-Encoding: br'),
  )
  t.match(upstream.requests[0]?.headers, {
    range: 'bytes=0-1',
    'if-none-match': '"a"',
    'accept-encoding': 'br',
  })
})

t.test('HX-5 Via is appended', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Via: 1.0 fred'))
  t.match(upstream.requests[0]?.headers.via, /^1\.0 fred, 1\.1 bearergate/)
})

t.test('RS-14 no query parameter of the application changes a decision', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  const { cookie } = await signIn()
  const query = '?logout=1&allowed_groups=x&access=public&return_to=/&code=1&state=2'
  t.equal(
    (await ask(t, port, head(`GET /x${query} HTTP/1.1`, HOST, `Cookie: ${cookie}`))).status,
    200,
  )
  t.equal(upstream.requests[0]?.url, `/x${query}`)
  t.equal((await ask(t, port, head(`GET /x${query} HTTP/1.1`, HOST))).status, 401)
})

t.test('RS-3 the token is in the header alone', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  const { cookie, token } = await signIn()
  await ask(
    t,
    port,
    `${head('GET /x?a=b HTTP/1.1', HOST, `Cookie: ${cookie}`, 'Content-Length: 3')}abc`,
  )
  const [request] = upstream.requests
  t.notMatch(request?.url, token)
  t.notMatch(request?.body, token)
  t.equal(request?.rawHeaders.filter((value) => value.includes(token)).length, 1)
})

t.test('RS-13 each upstream gets its own requests only', async (t) => {
  const [first, second] = [await startRecordingUpstream(t), await startRecordingUpstream(t)]
  const { port, signIn } = await startProxied(t, [
    guardedRoute('/a/*', first.origin),
    openRoute('/b/*', second.origin),
  ])
  const { cookie, token } = await signIn()
  for (const path of ['/a/x', '/b/x', '/a/y', '/b/y']) {
    await ask(t, port, head(`GET ${path} HTTP/1.1`, HOST, `Cookie: ${cookie}`))
  }
  t.same(
    first.requests.map(({ url }) => url),
    ['/a/x', '/a/y'],
  )
  t.same(
    second.requests.map(({ url }) => url),
    ['/b/x', '/b/y'],
  )
  for (const { rawHeaders } of second.requests) t.notMatch(rawHeaders.join('|'), token)
})

t.test('FW-4 FW-7 configured headers tell of session and request, never the client', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const set: Route['headers']['set'] = [
    { name: 'x-who', value: [{ session: 'subject' }] },
    { name: 'x-groups', value: [{ claim: ['groups'] }] },
    { name: 'x-acr', value: [{ session: 'acr' }] },
    {
      name: 'x-asked',
      value: [{ request: 'method' }, ' ', { request: 'host' }, { request: 'path' }],
    },
    { name: 'x-from', value: [{ request: 'client_address' }] },
  ]
  const route = guardedRoute('/*', upstream.origin, { headers: { set, remove: ['x-internal'] } })
  const { port, signIn } = await startProxied(t, [route])
  const { cookie } = await signIn('ada, é', { groups: ['staff', 'x,admin', 'naïve\r\nX: y'] })
  const forged = ['X-Who: root', 'X_Who: root', 'X-Acr: phr', 'X-From: 1.2.3.4', 'X-Internal: 1']
  const query = '?a=1'
  await ask(t, port, head(`GET /a%20b${query} HTTP/1.1`, HOST, ...forged, `Cookie: ${cookie}`))
  const [request] = upstream.requests
  t.same(request?.values('x-who'), ['ada%2C %C3%A9'])
  t.same(request?.values('x-groups'), ['staff,x%2Cadmin,na%C3%AFve%0D%0AX: y'])
  t.same(request?.values('x-acr'), [], 'absent, and not what the client says')
  t.same(request?.values('x-asked'), ['GET 127.0.0.1/a%20b'])
  t.same(request?.values('x-from'), ['127.0.0.1'])
  t.same([...request!.values('x_who'), ...request!.values('x-internal')], [])
})
