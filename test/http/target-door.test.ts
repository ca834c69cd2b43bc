import t from 'tap'
import { createStand, send, sendRaw } from './gateway-stand.ts'

const END = 'Connection: close\r\n\r\n'
const HOST = 'Host: app.example.com\r\n'

function reasonIn(body: string): unknown {
  return (JSON.parse(body) as { reason?: unknown }).reason
}

t.test('HX-10 the door gives the path and query on, octet for octet', async (t) => {
  const stand = createStand()
  for (const target of [
    '/a?a=1&a=2&b=%2F%20+',
    '/a%2Fb',
    '/v1;v=1',
    '/api/..hidden',
    '/%7Bid%7D',
  ]) {
    const answer = await send(t, stand, target)
    const found = JSON.parse(answer.body) as { path: string; query: string }
    t.equal(found.path + found.query, target)
  }
})

const MALFORMED: Record<string, string> = {
  'HX-7 two Host lines': `GET / HTTP/1.1\r\n${HOST}Host: evil.example\r\n${END}`,
  'HX-7 two equal Host lines in any case': `GET / HTTP/1.1\r\n${HOST}hOsT: app.example.com\r\n${END}`,
  'HX-7 a Host with a path': `GET / HTTP/1.1\r\nHost: app.example.com/x\r\n${END}`,
  'HX-7 a Host with user information': `GET / HTTP/1.1\r\nHost: me@app.example.com\r\n${END}`,
  'HX-7 an empty Host': `GET / HTTP/1.1\r\nHost:\r\n${END}`,
  'HX-7 a list of Hosts': `GET / HTTP/1.1\r\nHost: app.example.com, evil.example\r\n${END}`,
  'HX-22 two Authorization lines': `GET / HTTP/1.1\r\n${HOST}Authorization: a\r\nAuthorization: b\r\n${END}`,
  'HX-22 two Content-Type lines': `GET / HTTP/1.1\r\n${HOST}Content-Type: a/b\r\nContent-Type: c/d\r\n${END}`,
  'HX-8 absolute-form with user information': `GET http://me@app.example.com/ HTTP/1.1\r\n${HOST}${END}`,
  'HX-9 an asterisk without OPTIONS': `GET * HTTP/1.1\r\n${HOST}${END}`,
}

for (const [title, bytes] of Object.entries(MALFORMED)) {
  t.test(`${title} is 400`, async (t) => {
    const answer = await sendRaw(t, createStand(), bytes)
    t.equal(answer.status, 400)
    t.equal(reasonIn(answer.body), 'request_malformed')
  })
}

t.test('HX-7 HTTP/1.1 without Host is 400', async (t) => {
  t.equal((await sendRaw(t, createStand(), `GET / HTTP/1.1\r\n${END}`)).status, 400)
})

t.test('HX-29 HTTP/1.0 without Host is served', async (t) => {
  t.equal((await sendRaw(t, createStand(), 'GET /x HTTP/1.0\r\n\r\n')).status, 200)
})

t.test('HX-8 absolute-form is routed by its path', async (t) => {
  for (const target of ['http://app.example.com/api/x?y', 'HTTPS://APP.example.com:443/api/x?y']) {
    const answer = await sendRaw(t, createStand(), `GET ${target} HTTP/1.1\r\n${HOST}${END}`)
    t.equal(answer.status, 200)
    t.match(JSON.parse(answer.body), { path: '/api/x', query: '?y', host: 'app.example.com' })
  }
})

t.test('HX-8 absolute-form without a path asks for the root', async (t) => {
  const bytes = `GET http://app.example.com?y HTTP/1.1\r\n${HOST}${END}`
  t.match(JSON.parse((await sendRaw(t, createStand(), bytes)).body), { path: '/', query: '?y' })
})

t.test('HX-8 a foreign authority in absolute-form is 421, whatever Host says', async (t) => {
  for (const host of ['app.example.com', 'evil.example']) {
    const bytes = `GET http://evil.example/ HTTP/1.1\r\nHost: ${host}\r\n${END}`
    const answer = await sendRaw(t, createStand(), bytes)
    t.equal(answer.status, 421)
    t.equal(reasonIn(answer.body), 'host_refused')
  }
})

t.test('AT-10 a balancer may use its own Host while no route names one', async (t) => {
  t.equal((await send(t, createStand(), '/', { headers: { host: '10.1.2.3:8080' } })).status, 200)
})

t.test('AT-10 once a route names a host, others are 421', async (t) => {
  const routes = [{ host: 'api.example.com' }, {}]
  const stand = createStand({ routes })
  const statusFor = async (host: string) =>
    (await send(t, stand, '/', { headers: { host } })).status
  t.equal(await statusFor('api.example.com'), 200)
  t.equal(await statusFor('API.example.com.:443'), 200)
  t.equal(await statusFor('app.example.com'), 200)
  t.equal(await statusFor('evil.example'), 421)
})

t.test('AT-40 a gateway on loopback serves no name that a stranger could own', async (t) => {
  const stand = createStand({ publicUrl: 'http://localhost:8080' })
  const statusFor = async (host: string) =>
    (await send(t, stand, '/', { headers: { host } })).status
  t.equal(await statusFor('localhost:8080'), 200)
  t.equal(await statusFor('127.0.0.1:8080'), 200)
  t.equal(await statusFor('[::1]:8080'), 200)
  t.equal(await statusFor('gateway:8080'), 200)
  t.equal(await statusFor('attacker.test'), 421)
})

t.test('HX-9 OPTIONS * is 204 with Allow', async (t) => {
  const answer = await sendRaw(t, createStand(), `OPTIONS * HTTP/1.1\r\n${HOST}${END}`)
  t.equal(answer.status, 204)
  t.match(answer.head, /^allow: GET, HEAD, /im)
})

t.test('HX-28 OPTIONS with no forwards left is answered here', async (t) => {
  const options = { method: 'OPTIONS', headers: { 'max-forwards': '0' } }
  const answer = await send(t, createStand(), '/x', options)
  t.equal(answer.status, 204)
  t.equal(answer.headers['cache-control'], 'no-store')
})

t.test('HX-9 AT-12 methods we do not forward are 405 with Allow', async (t) => {
  for (const method of ['TRACE', 'PURGE']) {
    const answer = await sendRaw(t, createStand(), `${method} / HTTP/1.1\r\n${HOST}${END}`)
    t.equal(answer.status, 405)
    t.match(answer.head, /^allow: GET, /im)
    t.equal(reasonIn(answer.body), 'method_not_allowed')
  }
})

t.test('AT-12 a method the route does not list is 405 with its own Allow', async (t) => {
  const answer = await send(t, createStand({ routes: [{ methods: ['GET'] }] }), '/', {
    method: 'POST',
  })
  t.equal(answer.status, 405)
  t.equal(answer.headers.allow, 'GET, HEAD')
})

t.test('RL-1 a target over 8 KB is 414', async (t) => {
  const answer = await send(t, createStand(), `/${'x'.repeat(8_192)}`)
  t.equal(answer.status, 414)
})

t.test('RL-1 a header section over the limit of its route is 431, to the octet', async (t) => {
  const stand = createStand({ routes: [{ maxHeaderBytes: 1_024 }] })
  const others = `${HOST}Connection: close\r\n`
  const room = 1_024 - others.length - 'X-Pad: \r\n'.length
  for (const [padding, status] of [
    [room, 200],
    [room + 1, 431],
  ] as const) {
    const pad = `X-Pad: ${'x'.repeat(padding)}\r\n`
    const answer = await sendRaw(t, stand, `GET /x HTTP/1.1\r\n${pad}${HOST}${END}`)
    t.equal(answer.status, status)
    if (status === 431) t.equal(reasonIn(answer.body), 'headers_too_large')
  }
})

t.test('HX-34 an ambiguous path is 400', async (t) => {
  for (const path of ['/a/../b', '/a/%2e%2e/b', '/a%5cb', '/.//x', '//evil.example/x']) {
    const answer = await send(t, createStand(), path)
    t.equal(answer.status, 400)
    t.equal(reasonIn(answer.body), 'path_refused')
  }
})

const DAV = [
  { path: { kind: 'prefix', path: '/dav' } },
  { path: { kind: 'prefix', path: '/dav/locked' } },
  { path: { kind: 'prefix', path: '/cut' }, stripPrefix: '/cut' },
  {
    path: { kind: 'prefix', path: '/based' },
    upstream: { origin: 'http://127.0.0.1:1', basePath: '/base' },
  },
  { host: 'files.example.com', path: { kind: 'prefix', path: '/dav' } },
] as const

const DESTINATIONS: readonly (readonly [string, string, string | string[] | undefined, number])[] =
  [
    ['COPY', '/dav/a', '/dav/b', 200],
    ['MOVE', '/dav/a', 'https://app.example.com/dav/b', 200],
    ['MOVE', '/dav/a', 'HTTP://APP.example.com:443/dav/sub/b?x', 200],
    ['MOVE', '/dav/a', undefined, 200],
    ['PUT', '/dav/a', '/dav/locked/b', 200],
    ['COPY', '/dav/a', '/dav/locked/b', 400],
    ['MOVE', '/dav/locked/a', '/dav/b', 400],
    ['COPY', '/dav/a', '/dav/x/../locked/b', 400],
    ['COPY', '/dav/a', '/dav/LOCKED/b', 400],
    ['COPY', '/dav/a', '/dav/%6cocked/b', 400],
    ['COPY', '/dav/a', '/dav//locked/b', 400],
    ['COPY', '/dav/a', '/dav\\locked/b', 400],
    ['COPY', '/dav/a', '//evil.example/dav/b', 400],
    ['COPY', '/dav/a', 'dav/b', 400],
    ['COPY', '/dav/a', '', 400],
    ['COPY', '/dav/a', '/elsewhere', 400],
    ['COPY', '/dav/a', '/oauth2/logout', 400],
    ['COPY', '/dav/a', 'https://evil.example/dav/b', 400],
    ['COPY', '/dav/a', 'https://app.example.com@evil.example/dav/b', 400],
    ['COPY', '/dav/a', 'https://files.example.com/dav/b', 400],
    ['COPY', '/dav/a', 'ftp://app.example.com/dav/b', 400],
    ['COPY', '/dav/a', ['/dav/b', '/dav/locked/b'], 400],
    ['COPY', '/cut/a', '/cut/b', 400],
    ['COPY', '/based/a', '/based/b', 400],
  ]

for (const [method, path, destination, status] of DESTINATIONS) {
  t.test(`HX-34 HX-36 ${method} ${path} to ${String(destination)} is ${status}`, async (t) => {
    const stand = createStand({ routes: DAV })
    const headers = {
      host: 'app.example.com',
      ...(destination === undefined ? {} : { destination }),
    }
    const answer = await send(t, stand, path, { method, headers })
    t.equal(answer.status, status)
    if (status === 400) t.equal(reasonIn(answer.body), 'path_refused')
  })
}

const REACHING: readonly (readonly [string, string, Readonly<Record<string, string>>, number])[] = [
  ['COPY', '/dav', { destination: '/dav/b' }, 400],
  ['COPY', '/dav', { destination: '/dav/b', depth: '0' }, 200],
  ['COPY', '/dav', { destination: '/dav/b', depth: '0, infinity' }, 400],
  ['COPY', '/dav/a', { destination: '/dav' }, 400],
  ['COPY', '/dav/', { destination: '/dav/b' }, 400],
  ['MOVE', '/dav', { destination: '/dav/b' }, 400],
  ['MOVE', '/dav', { destination: '/dav/b', depth: '0' }, 400],
  // The upstream would not get this Depth, and go all the way down.
  ['COPY', '/dav', { destination: '/dav/b', depth: '0', connection: 'keep-alive, Depth' }, 400],
  ['PROPFIND', '/dav', { depth: '1', connection: 'depth' }, 400],
  ['LOCK', '/dav', { depth: '0', connection: 'depth' }, 400],
  ['MOVE', '/dav/locked/a', { destination: '/dav/locked/b' }, 200],
  ['PROPFIND', '/dav', {}, 400],
  ['PROPFIND', '/dav', { depth: 'infinity' }, 400],
  ['PROPFIND', '/dav', { depth: '1' }, 200],
  ['PROPFIND', '/dav', { depth: '0' }, 200],
  ['PROPFIND', '/dav/a', {}, 200],
  ['PROPFIND', '/dav/locked', {}, 200],
  ['PROPFIND', '/dav/x', { host: 'files.example.com' }, 200],
  ['LOCK', '/dav', { depth: 'infinity' }, 400],
  ['LOCK', '/dav', { depth: '0' }, 200],
  ['LOCK', '/dav/a', {}, 200],
  ['GET', '/dav', { depth: 'infinity' }, 200],
]

for (const [method, path, more, status] of REACHING) {
  t.test(`HX-34 ${method} ${path} with ${JSON.stringify(more)} is ${status}`, async (t) => {
    const headers = { host: 'app.example.com', ...more }
    const answer = await send(t, createStand({ routes: DAV }), path, { method, headers })
    t.equal(answer.status, status)
  })
}

t.test('HX-34 an exact route reaches no further than itself', async (t) => {
  const exact = { path: { kind: 'exact', path: '/dav' } } as const
  const stand = createStand({ routes: [exact, { path: { kind: 'prefix', path: '/dav' } }] })
  t.equal((await send(t, stand, '/dav', { method: 'PROPFIND' })).status, 400)
  t.equal((await send(t, stand, '/dav/a', { method: 'PROPFIND' })).status, 200)
})

t.test('HX-34 COPY below a host that no route names', async (t) => {
  const stand = createStand()
  for (const [destination, status] of [
    ['/b', 200],
    ['http://10.1.2.3:8080/b', 200],
    ['https://app.example.com/b', 200],
    ['http://10.1.2.4/b', 400],
  ] as const) {
    const headers = { host: '10.1.2.3:8080', destination }
    t.equal((await send(t, stand, '/a', { method: 'COPY', headers })).status, status, destination)
  }
})

t.test('ER-13 no route is 404 for everybody', async (t) => {
  const stand = createStand({ routes: [{ path: { kind: 'exact', path: '/only' } }] })
  for (const method of ['GET', 'POST', 'PROPFIND', 'DELETE']) {
    const answer = await send(t, stand, '/other', { method })
    t.equal(answer.status, 404)
    t.equal(reasonIn(answer.body), 'route_not_found')
  }
})

const OWN_SPELLINGS = [
  ...['/oauth2', '/oauth2/', '/oauth2/callback/', '/oauth2/other', '/oauth2/%63allback'],
  ...['/OAuth2/callback', '/%6fauth2/callback', '//oauth2/callback', '/oauth2;x/callback'],
  ...['/oauth2/session/events'],
]

for (const path of OWN_SPELLINGS) {
  t.test(`CB-15 ${path} is not ours and never goes upstream`, async (t) => {
    const answer = await send(t, createStand(), path)
    t.ok(answer.status === 404 || answer.status === 400, `status ${answer.status}`)
  })
}

t.test('nobody outside can address internal URLs', async (t) => {
  const stand = createStand({ routes: [{ path: { kind: 'exact', path: '/only' } }] })
  for (const path of ['/~route/0/', '/~options', '/~refused']) {
    t.equal((await send(t, stand, path)).status, 404)
  }
})

t.test('own endpoints answer other methods with 405 and Allow', async (t) => {
  const answer = await send(t, createStand(), '/oauth2/session/refresh')
  t.equal(answer.status, 405)
  t.equal(answer.headers.allow, 'POST')
})

t.test('FW-9 a request id comes from trusted peers only, and only if well formed', async (t) => {
  const idFor = async (id: string, trustedProxies: string[]) => {
    const stand = createStand({ trustedProxies })
    const answer = await send(t, stand, '/', { headers: { 'x-request-id': id } })
    return (JSON.parse(answer.body) as { requestId: string }).requestId
  }
  t.equal(await idFor('abc.DEF_1-2', ['127.0.0.1']), 'abc.DEF_1-2')
  t.not(await idFor('abc', []), 'abc')
  t.not(await idFor('a b', ['127.0.0.1']), 'a b')
  t.not(await idFor('x'.repeat(129), ['127.0.0.1']), 'x'.repeat(129))
})

t.test('every request has its own id', async (t) => {
  const stand = createStand()
  const ids = new Set<unknown>()
  for (let count = 0; count < 5; count++) {
    ids.add((JSON.parse((await send(t, stand, '/')).body) as { requestId: string }).requestId)
  }
  t.equal(ids.size, 5)
})

t.test('OB-8 the client address follows trusted proxies only', async (t) => {
  const addressFor = async (trustedProxies: string[]) => {
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    const answer = await send(t, createStand({ trustedProxies }), '/', { headers })
    return (JSON.parse(answer.body) as { clientAddress: string }).clientAddress
  }
  t.equal(await addressFor(['127.0.0.1']), '203.0.113.9')
  t.equal(await addressFor([]), '127.0.0.1')
})

t.test(
  'a refused request with an odd body and content type is still refused as what it is',
  async (t) => {
    const stand = createStand({ routes: [{ path: { kind: 'exact', path: '/only' } }] })
    const bytes = `POST /x HTTP/1.1\r\n${HOST}Content-Type: garbage\r\nContent-Length: 3\r\n${END}abc`
    const answer = await sendRaw(t, stand, bytes)
    t.equal(answer.status, 404)
    t.equal(reasonIn(answer.body), 'route_not_found')
  },
)
