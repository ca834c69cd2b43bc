import t from 'tap'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket, type WireAnswer } from '../support/raw-socket.ts'
import { answerOf, startRawUpstream } from '../support/raw-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST)

t.test(
  'HX-3 P6 hop-by-hop fields of the answer and whatever its Connection names stay behind',
  async (t) => {
    const hops = [
      'connection: X-Secret, keep-alive',
      'x-secret: 1',
      'keep-alive: timeout=99',
      'proxy-authenticate: Basic',
      'upgrade: h2c',
      'te: x',
      'x-kept: 2',
    ]
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(answerOf('ok', ...hops)),
    )
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const answer = await ask(t, port, GET)
    t.equal(answer.status, 200)
    t.equal(answer.header('x-kept'), '2')
    for (const name of ['x-secret', 'proxy-authenticate', 'upgrade', 'te'])
      t.equal(answer.header(name), undefined, name)
    t.notMatch(answer.header('keep-alive') ?? '', /99/)
  },
)

t.test('HX-3 P6 an upstream that closes does not close the client', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.end(answerOf('ok', 'connection: close')),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  for (let round = 0; round < 3; round++) {
    client.write(GET)
    t.equal((await client.next()).body, 'ok')
  }
})

t.test('HX-22 several Set-Cookie stay separate lines, in order', async (t) => {
  const cookies = [
    'set-cookie: a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
    'x-between: 1',
    'Set-Cookie: b=2',
  ]
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(answerOf('ok', ...cookies)),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.same(answer.headers('set-cookie'), ['a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT', 'b=2'])
})

t.test('HX-23 HEAD, 204 and 304 have no body, and HEAD keeps its length', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket, head: request }) => {
    if (request.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n')
    else if (request.includes('/204'))
      socket.write('HTTP/1.1 204 No\r\nx-a: b\r\nContent-Length: 7\r\n\r\n')
    else if (request.includes('/304'))
      socket.write('HTTP/1.1 304 Not\r\netag: "a"\r\ncontent-length: 7\r\n\r\n')
    else socket.write(answerOf('next'))
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(head('HEAD /x HTTP/1.1', HOST))
  t.equal((await client.next({ method: 'HEAD' })).header('content-length'), '5')
  for (const status of [204, 304]) {
    client.write(head(`GET /${status} HTTP/1.1`, HOST))
    const answer = await client.next()
    t.equal(answer.status, status)
    t.equal(answer.header('transfer-encoding'), undefined)
    t.equal(answer.header('content-length'), status === 204 ? undefined : '7')
  }
  client.write(GET)
  t.equal((await client.next()).body, 'next', 'the connection is in step')
})

t.test(
  'HX-21 answer trailers reach only a client that asked for them, and never touch cookies',
  async (t) => {
    const chunked =
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, set-cookie\r\n\r\n2\r\nok\r\n0\r\nx-sum: 42\r\nset-cookie: bearergate=x\r\n\r\n'
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(chunked))
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const plain = await ask(t, port, GET)
    t.equal(plain.body, 'ok')
    t.equal(plain.trailers, '')
    const asked = await ask(
      t,
      port,
      head('GET /x HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE'),
    )
    t.equal(asked.trailers, 'x-sum: 42\r\n')
  },
)

t.test('HX-21 no trailer controls the answer', async (t) => {
  const names =
    'Age Alt-Svc Cache-Control Clear-Site-Data Content-Encoding Date Expires Location Refresh Retry-After Set-Cookie ' +
    'Strict-Transport-Security Vary WWW-Authenticate Warning Access-Control-Allow-Origin'
  const trailers = names.split(' ').map((name) => `${name}: "*"\r\n`)
  const chunks = `2\r\nok\r\n0\r\n${trailers.join('')}grpc-status: 0\r\n\r\n`
  const upstream = await startRawUpstream(
    t,
    ({ socket }) =>
      void socket.write(head('HTTP/1.1 200 OK', 'transfer-encoding: chunked') + chunks),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE'))
  t.equal(answer.trailers, 'grpc-status: 0\r\n')
})

t.test('ER-10 what a route hides comes neither as a trailer nor ahead of the answer', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) =>
      void socket.write(
        'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload; as=style\r\n\r\n' +
          'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Debug: 1\r\nx-sum: 2\r\n\r\n',
      ),
  )
  const headers = { set: [], remove: [], hide: ['x-debug', 'link'] }
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { headers })])
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE'))
  t.equal(answer.status, 200, 'no 103 before it')
  t.equal(answer.trailers, 'x-sum: 2\r\n')
})

t.test('HX-24 P13 redirects of the upstream lead to our public address', async (t) => {
  let location = ''
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`)
  })
  const route = openRoute('/api/*', upstream.origin, {
    upstream: { origin: upstream.origin, basePath: '/base' },
    stripPrefix: '/api',
  })
  const { port } = await startProxied(t, [route])
  const cases = [
    [`${upstream.origin}/base/next`, 'http://127.0.0.1/api/next'],
    ['/base/next', '/api/next'],
    ['next', 'next'],
    ['https://elsewhere.example/x', 'https://elsewhere.example/x'],
  ] as const
  for (const [sent, expected] of cases) {
    location = sent
    t.equal((await ask(t, port, head('GET /api/x HTTP/1.1', HOST))).header('location'), expected)
  }
})

t.test('ER-7 CS-11 answers to a signed-in user stay out of shared caches', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(answerOf('ok', 'cache-control: public, max-age=60', 'vary: accept'))
  })
  const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
  const { cookie } = await signIn()
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST, `Cookie: ${cookie}`))
  t.match(answer.header('cache-control'), /private/)
  t.notMatch(answer.header('cache-control'), /public/)
  t.match(answer.headers('vary').join(','), /cookie/i)
  t.equal(answer.header('x-content-type-options'), 'nosniff')
})

/** A shared cache in front (RFC 9111 §3), as forgetful about cookies as the ones that get poisoned. */
function sharedCache(ask: (lines: readonly string[]) => Promise<WireAnswer>) {
  const kept = new Map<string, WireAnswer>()
  return async (path: string, ...fields: readonly string[]): Promise<WireAnswer> => {
    const hit = kept.get(path)
    if (hit !== undefined) return hit
    const answer = await ask([`GET ${path} HTTP/1.1`, HOST, ...fields])
    const control = answer.headers('cache-control').join(',')
    const isFresh = /max-age|public/i.test(control) || /\.(?:css|js|png)$/.test(path)
    if (isFresh && !/private|no-store/i.test(control)) kept.set(path, answer)
    return answer
  }
}

t.test(
  'AT-15 ER-6 ER-7 a shared cache in front keeps nothing of anybody, whatever a path looks like',
  async (t) => {
    const upstream = await startRawUpstream(t, (request) => {
      const [token = 'nobody'] = request.headers('authorization')
      request.socket.write(answerOf(token, 'cache-control: public, max-age=600, s-maxage=600'))
    })
    const { port, signIn } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
    const cached = sharedCache((lines) => ask(t, port, head(...lines)))
    const [alice, bob] = [await signIn('alice'), await signIn('bob')]
    for (const path of ['/account', '/account/x.css', '/account;x.js', '/account%2Fx.png']) {
      t.match((await cached(path)).status, 401, 'a refusal is not kept either')
      t.equal((await cached(path, `Cookie: ${alice.cookie}`)).body, `Bearer ${alice.token}`)
      t.equal((await cached(path, `Cookie: ${bob.cookie}`)).body, `Bearer ${bob.token}`)
      t.equal((await cached(path)).status, 401)
    }
  },
)

t.test(
  'ER-8 ER-15 a signed-out client gets neither a 304 nor a byte of the upstream',
  async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write('HTTP/1.1 304 Not\r\n\r\n'),
    )
    const { port } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
    const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST, 'If-None-Match: *'))
    t.equal(answer.status, 401)
    t.equal(upstream.requests.length, 0)
  },
)

t.test("ER-10 we add no Server of ours; the status line's words pass", async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 299 Fine Indeed\r\ncontent-length: 0\r\n\r\n')
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const answer = await ask(t, port, GET)
  t.match(answer.head, /^HTTP\/1\.1 299 Fine Indeed/)
  t.equal(answer.header('server'), undefined)
  t.equal(answer.header('x-powered-by'), undefined)
})

t.test('a body without a length that ends with the connection arrives whole', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, GET)).body, 'until the end')
})

t.test('a length of 0 ends at once', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  for (let round = 0; round < 3; round++) {
    client.write(GET)
    t.equal((await client.next()).status, 200)
  }
})

t.test('each proxied request is told exactly once', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket, head: request }) => {
    if (request.includes('/broken')) socket.end('nonsense')
    else socket.write(answerOf('ok'))
  })
  const { port, events } = await startProxied(t, [
    openRoute('/*', upstream.origin),
    guardedRoute('/in', upstream.origin),
  ])
  for (const path of ['/x', '/broken', '/in', '/x'])
    await ask(t, port, head(`GET ${path} HTTP/1.1`, HOST))
  await new Promise((resolve) => setImmediate(resolve))
  const told = events.filter((event) => event.type === 'request_finished')
  t.same(
    told.map(({ path, status }) => `${path} ${status}`),
    ['/x 200', '/broken 502', '/in 401', '/x 200'],
  )
})
