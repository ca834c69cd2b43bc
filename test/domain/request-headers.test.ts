import * as fc from 'fast-check'
import t from 'tap'
import type { RequestHeaderFacts } from '../../src/domain/own-request-headers.ts'
import { requestHeaderPlan, upstreamRequestHeaders } from '../../src/domain/request-headers.ts'
import type { Route } from '../../src/domain/route.ts'
import { sampleRoute } from '../support/sample-route.ts'
import { visible } from '../support/visible.ts'

const FACTS: RequestHeaderFacts = {
  token: 'the-token',
  claims: { email: 'ada@example.com', groups: ['staff', 'x,admin'] },
  session: undefined,
  clientAddress: '203.0.113.9',
  path: '/x',
  peerAddress: '203.0.113.9',
  peerTrusted: false,
  method: 'GET',
  httpVersion: '1.1',
  proto: 'https',
  host: 'gateway.example',
  requestId: 'id-1',
}

interface Sent extends Partial<RequestHeaderFacts> {
  readonly route?: Partial<Route>
  /** Headers that other routes set. */
  readonly setElsewhere?: Route['headers']['set']
}

function build(raw: readonly string[], { route = {}, setElsewhere = [], ...facts }: Sent = {}) {
  const here = sampleRoute('/*', route)
  const other = sampleRoute('/other', { headers: { set: setElsewhere, remove: [] } })
  const plan = requestHeaderPlan({ route: here, routes: [here, other], pseudonym: 'gw-1' })
  return upstreamRequestHeaders(raw, plan, { ...FACTS, ...facts })
}

/** What the upstream gets, `name: value` each with names in lower case, or the reason of the refusal. */
function sent(raw: readonly string[], options?: Sent): string[] | string {
  const built = build(raw, options)
  if (built.kind === 'refused') return built.reason
  return built.headers.flatMap((name, at) =>
    at % 2 === 0 ? [`${name.toLowerCase()}: ${built.headers[at + 1]}`] : [],
  )
}

/** The same, less the headers that we always add. */
function passed(raw: readonly string[], options?: Sent): string[] | string {
  const all = sent(raw, options)
  return typeof all === 'string' ? all : all.filter((line) => !OURS.includes(line))
}

const OURS = [
  'host: orders.internal:3000',
  'authorization: Bearer the-token',
  'x-forwarded-for: 203.0.113.9',
  'x-forwarded-proto: https',
  'x-request-id: id-1',
  'via: 1.1 gw-1',
  'x-forwarded-host: gateway.example',
  'x-forwarded-port: 443',
]

t.test(
  'RS-1 FW-2 HX-5 every upstream gets the token, where it came from, an id and our Via',
  async (t) => {
    t.same(sent([]), OURS)
  },
)

t.test('HX-27 FW-9 everything end-to-end passes as it is, in its order and spelling', async (t) => {
  const raw = [
    'Accept',
    '*/*',
    'accept-encoding',
    'gzip',
    'Range',
    'bytes=0-1',
    'If-None-Match',
    '"a"',
    'If-Modified-Since',
    'x',
    'If-Range',
    '"a"',
    'Content-Type',
    'text/plain; garbage',
    'Content-Length',
    '3',
    'User-Agent',
    'x',
    'Referer',
    'y',
    'Origin',
    'https://a.example',
    'traceparent',
    '00-1-2-01',
    'tracestate',
    'a=1',
    'X-Custom',
    'caf\u00e9',
    'X-Custom',
    '2',
    'x-requested-with',
    'z',
    'Cookie',
    'a=1',
    'Cookie',
    'b=2',
    'Accept',
    'text/html',
    'Sec-WebSocket-Key',
    'k',
    'Client-Version',
    '1',
    'Proxied',
    '1',
    'X',
    '1',
    'Purpose',
    'prefetch',
  ]
  const built = build(raw)
  t.same(built.kind === 'headers' && built.headers.slice(2, 2 + raw.length), raw)
})

const HOP_BY_HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'Proxy-Anything',
  'Proxy',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
  'TE',
]

for (const name of HOP_BY_HOP) {
  t.test(`HX-1 P4 ${name} stops here`, async (t) => {
    t.same(sent([name, 'x']), OURS)
    t.same(sent([name.toUpperCase(), 'x']), OURS)
  })
}

t.test('HX-1 HX-21 of TE only trailers passes', async (t) => {
  t.same(passed(['TE', 'trailers', 'Connection', 'TE']), ['te: trailers'])
  t.same(passed(['te', 'gzip, Trailers;q=0.5']), [])
  t.same(passed(['te', 'gzip;q=0.1, trailers']), ['te: trailers'])
})

t.test('HX-1 what Connection names stops here, in any case', async (t) => {
  t.same(
    passed(['X-Secret', '1', 'Connection', 'close, x-secret', 'X-SECRET', '2', 'X-Other', '3']),
    ['x-other: 3'],
  )
  t.same(passed(['Connection', 'X-A', 'Connection', ' x-b ,,', 'X-A', '1', 'X-B', '2']), [])
  t.same(
    passed(['Connection', 'cookie, content-length', 'Cookie', 'a=1', 'Content-Length', '3']),
    [],
  )
})

t.test('HX-2 naming our headers in Connection does not remove them', async (t) => {
  const names =
    'authorization, X-User, Host, x-forwarded-for, X-Request-ID, via, x-forwarded-proto, X-Forwarded-Host, x-forwarded-port'
  const set = [{ name: 'x-user', value: ['ada'] }]
  t.same(sent(['Connection', names], { route: { headers: { set, remove: [] } } }), [
    ...OURS,
    'x-user: ada',
  ])
  t.equal(sent(['Connection', 'via', 'Via', '1.1 gw-1']), 'proxy_loop', 'nor hide a loop')
})

t.test('RS-1 P15 the caller’s Authorization is never passed on', async (t) => {
  t.same(passed(['Authorization', 'Bearer mine']), [])
  t.same(
    sent(['AUTHORIZATION', 'Basic x'], { token: undefined }),
    OURS.filter((line) => !line.startsWith('authorization')),
  )
})

t.test('RS-4 our cookies are taken out, others stay to the octet', async (t) => {
  t.same(passed(['Cookie', 'a="x";  b=2; __Host-bearergate=t;c=3']), ['cookie: a="x";  b=2;c=3'])
  t.same(passed(['Cookie', '__Host-bearergate=t', 'Cookie', '__HOST-bearergate-tx-1=x']), [])
})

const NEVER = [
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Groups',
  'X-Forwarded-Access-Token',
  'X-Forwarded-Preferred-Username',
  'X-Auth-Request-User',
  'X-Auth-Request-Anything',
  'Remote-User',
  'Remote-Email',
  'X-Remote-User',
  'X-SSL-Client-Verify',
  'X-Client-Cert',
  'X-Client-Cert-Chain',
  'Client-Cert',
  'Client-Cert-Chain',
  'SSL-Client-Subject-DN',
  'X-Webauth-User',
  'Forwarded',
]
const FROM_PROXIES = [
  'X-Forwarded-Prefix',
  'X-Forwarded-Uri',
  'X-Forwarded-Method',
  'X-Forwarded-Proto-Version',
  'X-Real-IP',
  'X-Client-IP',
  'True-Client-IP',
  'X-Original-Host',
  'CF-Connecting-IP',
  'X-Cluster-Client-IP',
  'Client-IP',
  'X-Forwarded',
  'X-HTTP-Host-Override',
  'X-Url-Scheme',
  'Front-End-Https',
]
const REPLACED = ['X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Request-Id']

t.test('FW-1 AT-10 where a request came from is believed from trusted proxies only', async (t) => {
  for (const name of FROM_PROXIES) {
    t.same(passed([name, 'forged']), [], name)
    t.same(passed([name, 'told'], { peerTrusted: true }), [`${name.toLowerCase()}: told`], name)
  }
})

t.test('FW-1 who the user is is believed from nobody', async (t) => {
  for (const name of [...NEVER, ...REPLACED]) {
    for (const peerTrusted of [false, true])
      t.same(passed([name, 'forged'], { peerTrusted }), [], name)
  }
})

t.test('HX-34 AT-10 no other way to name a path passes, whoever says it', async (t) => {
  for (const name of ['X-Original-URL', 'x-original-url', 'X-Rewrite-URL']) {
    for (const peerTrusted of [false, true])
      t.same(passed([name, '/admin'], { peerTrusted }), [], name)
  }
})

t.test('FW-2 X-Forwarded-For is appended to a trusted chain only', async (t) => {
  const chain = (raw: readonly string[], facts: Sent) =>
    (sent(raw, facts) as string[]).filter((line) => line.startsWith('x-forwarded-for'))
  t.same(chain(['X-Forwarded-For', '6.6.6.6'], {}), ['x-forwarded-for: 203.0.113.9'])
  t.same(
    chain(['X-Forwarded-For', '6.6.6.6', 'x-forwarded-for', '7.7.7.7, 8.8.8.8'], {
      peerTrusted: true,
    }),
    ['x-forwarded-for: 6.6.6.6, 7.7.7.7, 8.8.8.8, 203.0.113.9'],
  )
  t.same(chain([], { peerAddress: '::ffff:10.0.0.1' }), ['x-forwarded-for: 10.0.0.1'])
  t.same(chain([], { peerAddress: '2001:db8::1' }), ['x-forwarded-for: 2001:db8::1'])
})

t.test('FW-2 the port is the one the client used', async (t) => {
  const port = (facts: Sent) =>
    (sent([], facts) as string[]).find((line) => line.startsWith('x-forwarded-port'))
  t.equal(port({ host: 'a.example:8443' }), 'x-forwarded-port: 8443')
  t.equal(port({ host: 'a.example', proto: 'http' }), 'x-forwarded-port: 80')
  t.equal(port({ host: '[::1]' }), 'x-forwarded-port: 443')
  t.equal(port({ host: '[::1]:8443' }), 'x-forwarded-port: 8443')
})

t.test('HX-29 without a Host there is none to tell', async (t) => {
  const lines = sent([], { host: '', httpVersion: '1.0' }) as string[]
  t.notOk(lines.some((line) => /^x-forwarded-(host|port)/.test(line)))
})

t.test('FW-2 a stripped prefix is told, whatever the proxy before us said', async (t) => {
  const stripped = { route: { stripPrefix: '/api' } }
  t.same(passed([], stripped), ['x-forwarded-prefix: /api'])
  t.same(passed(['X-Forwarded-Prefix', '/x'], { ...stripped, peerTrusted: true }), [
    'x-forwarded-prefix: /api',
  ])
})

t.test('HX-25 the Host sent upstream follows the route', async (t) => {
  t.match(sent(['Host', 'gateway.example'], { route: { hostHeader: 'client' } }), [
    'host: gateway.example',
  ])
  t.match(sent(['Host', 'gateway.example']), ['host: orders.internal:3000'])
})

t.test('CS-9 AT-12 no other way to name a method passes', async (t) => {
  for (const name of [
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'x-http-method-OVERRIDE',
  ])
    t.same(passed([name, 'DELETE']), [], name)
})

const SET = [
  { name: 'x-user', value: [{ claim: ['email'] }] },
  { name: 'x-groups', value: [{ claim: ['groups'] }] },
  { name: 'x-source', value: ['gateway'] },
]
const IDENTITY: Sent = { route: { headers: { set: SET, remove: [] } } }

t.test(
  'FW-4 FW-5 AT-9 only our value of an identity header arrives, however it is spelt',
  async (t) => {
    const expected = ['x-user: ada@example.com', 'x-groups: staff,x%2Cadmin', 'x-source: gateway']
    for (const name of ['X-User', 'x-user', 'x-UsEr', 'X_User', 'x_user', 'X_GROUPS', 'X-Source']) {
      t.same(passed([name, 'root', name, 'root'], IDENTITY), expected, name)
    }
    t.same(passed(['X-User', 'root', 'Connection', 'x-user'], IDENTITY), expected)
  },
)

t.test('FW-4 a header that another route sets is taken away here too', async (t) => {
  t.same(passed(['X-User', 'root', 'X_User', 'root'], { setElsewhere: SET }), [])
  t.same(passed(['X-User', 'root'], { setElsewhere: [{ name: 'X-USER', value: ['a'] }] }), [])
})

t.test('FW-6 FW-8 a stranger and a user without the claim have no identity header', async (t) => {
  t.same(passed(['X-User', 'root'], { ...IDENTITY, token: undefined, claims: undefined }), [
    'x-source: gateway',
  ])
  t.same(passed([], { ...IDENTITY, claims: { sub: 'x' } }), ['x-source: gateway'])
})

t.test('FW-7 a value that grew too long is left out and told of', async (t) => {
  const built = build([], {
    ...IDENTITY,
    claims: { email: 'a', groups: Array.from({ length: 2_000 }, (_, n) => `g${n}`) },
  })
  t.match(built, { kind: 'headers', tooLong: ['x-groups'] })
  t.match(build([], IDENTITY), { tooLong: [] })
})

t.test('a route removes what it names', async (t) => {
  t.same(
    passed(['X-Internal', '1', 'Referer', 'x', 'X-Other', '2'], {
      route: { headers: { set: [], remove: ['x-internal', 'Referer'] } },
    }),
    ['x-other: 2'],
  )
  const remove = ['connection', 'via']
  t.same(
    passed(['Connection', 'x-a', 'X-A', '1'], { route: { headers: { set: [], remove } } }),
    [],
    'without unlearning Connection',
  )
})

t.test('FW-5 names that some servers take for another are dropped', async (t) => {
  for (const name of ['X_Custom', 'a_b', '_', 'Content_Type', 'X.User', 'x~user', "a'b"])
    t.same(passed([name, '1']), [], name)
})

const SINGLE = [
  'Host',
  'Content-Length',
  'Content-Type',
  'Authorization',
  'Proxy-Authorization',
  'User-Agent',
  'Referer',
  'From',
  'If-Modified-Since',
  'If-Unmodified-Since',
  'If-Range',
  'Max-Forwards',
  'Origin',
  'Sec-Fetch-Site',
  'Sec-Fetch-Mode',
  'Sec-Fetch-Dest',
]

for (const name of SINGLE) {
  t.test(`HX-22 P16 a second ${name} is an error, the same or not`, async (t) => {
    t.equal(sent([name, '1', 'X-Between', 'x', name.toLowerCase(), '1']), 'request_malformed')
    t.equal(sent([name, '1', name, '2', 'Connection', name]), 'request_malformed')
    t.type(sent([name, '1']), Array)
  })
}

t.test('HX-22 what a route sets or removes must still come once', async (t) => {
  t.equal(
    sent(['Referer', '1', 'referer', '2'], {
      route: { headers: { set: [], remove: ['referer'] } },
    }),
    'request_malformed',
  )
})

t.test('HX-11 P3 100-continue is ours to answer, other expectations are refused', async (t) => {
  t.same(sent(['Expect', '100-continue']), OURS)
  t.same(sent(['Expect', '100-Continue']), OURS)
  for (const other of ['200-ok', '', '100-continue, x'])
    t.equal(sent(['Expect', other]), 'expectation_refused', other)
})

t.test('HX-5 Via is appended to, and our own name in it is a loop', async (t) => {
  const via = (raw: readonly string[], facts?: Sent) =>
    (sent(raw, facts) as string[]).filter((line) => line.startsWith('via'))
  t.same(via(['Via', '1.0 a, 1.1 b (c)', 'via', '2 d']), ['via: 1.0 a, 1.1 b (c), 2 d, 1.1 gw-1'])
  t.same(via([], { httpVersion: '1.0' }), ['via: 1.0 gw-1'])
  for (const value of ['1.1 gw-1', '1.0 a, 1.1 gw-1 (x), 1.1 b', 'HTTP/1.1  gw-1'])
    t.equal(sent(['Via', value]), 'proxy_loop', value)
  for (const value of ['1.1 gw-10', '1.1 gw', 'gw-1', '1.1 x (gw-1)', ''])
    t.type(sent(['Via', value]), Array, value)
})

t.test('HX-28 Max-Forwards is counted down on OPTIONS', async (t) => {
  t.same(passed(['Max-Forwards', '5'], { method: 'OPTIONS' }), ['max-forwards: 4'])
  t.same(passed(['Max-Forwards', '5'], { method: 'GET' }), ['max-forwards: 5'])
  t.same(passed(['Max-Forwards', '0'], { method: 'OPTIONS' }), ['max-forwards: 0'])
})

const RESERVED =
  /^(authorization|x-forwarded-|x-real-ip|forwarded$|x-user$|x-groups$|x-source$|via$|host$|x-request-id$|proxy|te$|upgrade$|keep-alive$|connection$|transfer-encoding$|trailer$|expect$)/

const anyCase = (name: string): fc.Arbitrary<string> => fc.mixedCase(fc.constant(name))
const anyName = fc.oneof(
  fc
    .constantFrom(
      'X-User',
      'X_User',
      'x-groups',
      'x_groups',
      'Authorization',
      'Host',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
      'Via',
      'Connection',
      'Proxy-X',
      'TE',
      'Upgrade',
      'Keep-Alive',
      'Transfer-Encoding',
      'Trailer',
      'Expect',
      'Forwarded',
      'X-Real-Ip',
      'Cookie',
      'X-Request-Id',
      'X-Source',
    )
    .chain(anyCase),
  fc.stringMatching(/^[A-Za-z_-]{1,14}$/),
)
const anyValue = fc.oneof(
  fc.constantFrom(
    'root',
    'x-user',
    'authorization, x-user, via',
    'keep-alive',
    'trailers',
    '100-continue',
    '1.1 other',
    '__Host-bearergate=t; a=1',
    'close',
  ),
  fc.stringMatching(/^[\t -~\u0080-\u00ff]{0,20}$/),
)

t.test(
  'AT-9 AT-17 RS-1 whatever a caller sends, reserved names carry our values only, and no value a line end',
  async (t) => {
    const ours = new Set(
      (sent([], IDENTITY) as string[]).filter((line) => RESERVED.test(line.split(':')[0] ?? '')),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyName, anyValue), { maxLength: 10 }),
        fc.jsonValue(),
        (headers, claim) => {
          const lines = sent(headers.flat(), IDENTITY)
          if (typeof lines === 'string')
            return ['request_malformed', 'proxy_loop', 'expectation_refused'].includes(lines)
          const claimed = sent(headers.flat(), {
            ...IDENTITY,
            claims: { email: claim, groups: claim },
          }) as string[]
          const reserved = lines.filter((line) => RESERVED.test(line.split(':')[0] ?? ''))
          const foreign = reserved.filter(
            (line) =>
              !ours.has(line) && !/^via: .*, 1\.1 gw-1$/.test(line) && line !== 'te: trailers',
          )
          return (
            foreign.length === 0 &&
            reserved.filter((line) => line !== 'te: trailers').length === ours.size &&
            ![...lines, ...claimed].some((line) => /[\r\n\0]/.test(line) || /^[^:]*_/.test(line)) &&
            !lines.some((line) => /^cookie:.*bearergate/i.test(line))
          )
        },
      ),
      { numRuns: 5_000 },
    )
    t.pass(visible('done'))
  },
)
