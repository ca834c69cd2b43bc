import * as fc from 'fast-check'
import t from 'tap'
import { clientResponseHeaders, responseHeaderPlan } from '../../src/domain/response-headers.ts'
import type { Route } from '../../src/domain/route.ts'
import { sampleRoute } from '../support/sample-route.ts'
import { visible } from '../support/visible.ts'

interface Sent {
  readonly route?: Partial<Route>
  readonly publicUrl?: string
  readonly withToken?: boolean
}

/** What the client gets for these headers of the upstream: `name: value` each, names in lower case. */
function received(
  raw: readonly (Buffer | string)[],
  { route = {}, publicUrl = 'http://gateway.example', withToken = true }: Sent = {},
): string[] {
  const plan = responseHeaderPlan(sampleRoute('/*', route), new URL(publicUrl))
  const flat = clientResponseHeaders(raw, plan, withToken)
  return flat.flatMap((name, at) =>
    at % 2 === 0 ? [`${name.toLowerCase()}: ${flat[at + 1]}`] : [],
  )
}

const OURS = [
  'cache-control: private, no-store',
  'vary: Cookie',
  'x-content-type-options: nosniff',
  'cross-origin-resource-policy: same-origin',
]

t.test('HX-10 ER-10 everything else passes as it is, in its order', async (t) => {
  const raw = [
    'Content-Type',
    'text/html',
    'Server',
    'x',
    'X-Powered-By',
    'y',
    'ETag',
    '"a"',
    'Content-Length',
    '3',
    'WWW-Authenticate',
    'Bearer error="insufficient_scope"',
    'Content-Encoding',
    'gzip',
    'X-A',
    '1',
    'X-A',
    '2',
    'Date',
    'x',
    'X-Under_score',
    '1',
  ]
  const lines = raw.flatMap((name, at) =>
    at % 2 === 0 ? [`${name.toLowerCase()}: ${raw[at + 1]}`] : [],
  )
  t.same(received(raw), [...lines, ...OURS])
})

t.test('octets of undici pass as the same octets', async (t) => {
  const raw = ['X-Name', 'caf\u00e9', 'X-Utf8', 'caf\u00c3\u00a9'].map((text) =>
    Buffer.from(text, 'latin1'),
  )
  t.same(received(raw).slice(0, 2), ['x-name: caf\u00e9', 'x-utf8: caf\u00c3\u00a9'])
})

t.test('HX-3 HX-4 P5 P6 hop-by-hop headers stop here', async (t) => {
  const names = [
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'TRAILER',
    'Transfer-Encoding',
    'Upgrade',
    'Connection',
    'HTTP2-Settings',
    'Alt-Svc',
    'Alternate-Protocol',
  ]
  for (const name of names) t.same(received([name, 'close']), OURS, name)
})

t.test('HX-3 so do those that Connection names, ours excepted', async (t) => {
  t.same(
    received(['X-Secret', '1', 'Connection', 'X-Secret, close', 'x-secret', '2', 'X-Other', '3']),
    ['x-other: 3', ...OURS],
  )
  t.same(received(['Connection', 'x-a', 'X-A', '1', 'connection', ' X-B ,,', 'X-B', '2']), OURS)
  t.same(
    received([
      'Connection',
      'cache-control, vary, x-content-type-options',
      'Cache-Control',
      'public',
      'Vary',
      '*',
    ]),
    OURS,
  )
  t.same(received(['Connection', 'keep-alive', 'Keep', '1']), ['keep: 1', ...OURS])
})

t.test('RS-5 HX-22 AT-30 cookies of ours are dropped, the others stay apart', async (t) => {
  const raw = [
    'Set-Cookie',
    'a=1',
    'set-cookie',
    '__Host-bearergate=x; Path=/; Secure',
    'Set-Cookie',
    'b=2; Path=/',
    'SET-COOKIE',
    '__HOST-BearerGate-tx-1=x',
    'Set-Cookie',
    '=bearergate=x',
    'Set-Cookie',
    'a=3',
  ]
  t.same(received(raw), ['set-cookie: a=1', 'set-cookie: b=2; Path=/', 'set-cookie: a=3', ...OURS])
})

const CLEARS = [
  ['"cookies"', undefined],
  ['"cache", "cookies", "storage"', '"cache", "storage"'],
  ['"*"', '"cache", "storage", "executionContexts"'],
  ['"cache", "*"', '"cache", "storage", "executionContexts"'],
  ['"Cookies"', undefined],
  ['"cache"', '"cache"'],
] as const

for (const [sent, expected] of CLEARS) {
  t.test(`AT-30 Clear-Site-Data ${sent} leaves our cookie alone`, async (t) => {
    const first = received(['Clear-Site-Data', sent])[0]
    t.equal(first, expected === undefined ? OURS[0] : `clear-site-data: ${expected}`)
  })
}

t.test('HX-24 Location, Content-Location and Refresh are mapped', async (t) => {
  const raw = [
    'Location',
    'http://orders.internal:3000/x',
    'content-location',
    '/y',
    'Refresh',
    '0; url=/z',
  ]
  t.same(received(raw, { route: { stripPrefix: '/api' } }), [
    'location: http://gateway.example/api/x',
    'content-location: /api/y',
    'refresh: 0; url=/api/z',
    ...OURS,
  ])
})

/** Cache-Control and Vary, by route and caller. */
const CACHING: readonly (readonly [
  sent: Sent,
  raw: readonly string[],
  expected: readonly string[],
])[] = [
  [{}, [], ['cache-control: private, no-store', 'vary: Cookie']],
  [
    {},
    ['Cache-Control', 'public', 'cache-control', 'max-age=60'],
    ['cache-control: private, max-age=60', 'vary: Cookie'],
  ],
  [
    {},
    ['Vary', 'Accept', 'vary', 'Origin'],
    ['cache-control: private, no-store', 'vary: Accept, Origin, Cookie'],
  ],
  [
    {},
    ['CDN-Cache-Control', 'max-age=60', 'Surrogate-Control', 'max-age=60'],
    ['cache-control: private, no-store', 'vary: Cookie'],
  ],
  [{ route: { cacheable: true } }, [], ['cache-control: private, no-store', 'vary: Cookie']],
  [
    { route: { cacheable: true } },
    ['Cache-Control', 'max-age=60'],
    ['cache-control: private, max-age=60', 'vary: Cookie'],
  ],
  [
    { route: { cacheable: true } },
    ['Cache-Control', 'public, max-age=60'],
    ['cache-control: public, max-age=60'],
  ],
  [
    { route: { cacheable: true } },
    ['Cache-Control', 's-maxage=60', 'CDN-Cache-Control', 'x'],
    ['cache-control: s-maxage=60', 'cdn-cache-control: x'],
  ],
  [
    { route: { access: 'optional' } },
    ['Cache-Control', 'public'],
    ['cache-control: private', 'vary: Cookie'],
  ],
  [
    { route: { access: 'optional' }, withToken: false },
    ['Cache-Control', 'public'],
    ['cache-control: public', 'vary: Cookie'],
  ],
  [{ route: { access: 'optional' }, withToken: false }, [], ['vary: Cookie']],
  [
    { route: { access: 'optional', cacheable: true }, withToken: false },
    ['Cache-Control', 'public'],
    ['cache-control: public'],
  ],
  [
    { route: { access: 'public' }, withToken: false },
    ['Cache-Control', 'public', 'Vary', 'Accept'],
    ['cache-control: public', 'vary: Accept'],
  ],
  [
    { route: { access: 'public' }, withToken: false },
    ['CDN-Cache-Control', 'max-age=60'],
    ['cdn-cache-control: max-age=60'],
  ],
  [{ route: { access: 'public' }, withToken: false }, [], []],
]

for (const [sent, raw, expected] of CACHING) {
  t.test(`ER-7 ${JSON.stringify(sent)} with ${JSON.stringify(raw)}`, async (t) => {
    t.same(
      received(raw, sent).filter((line) =>
        /^(vary|[a-z-]*cache-control|surrogate-control):/.test(line),
      ),
      expected,
    )
  })
}

t.test('ER-10 what a route hides of its answers stays here, in any case', async (t) => {
  const hide = ['server', 'x-powered-by', 'cache-control']
  const route = { headers: { set: [], remove: [], hide } }
  const raw = ['SERVER', 'x/1', 'X-Powered-By', 'y', 'X-Other', 'z', 'x-powered-by', 'again']
  t.same(received([...raw, 'Cache-Control', 'public, max-age=9'], { route }), [
    'x-other: z',
    ...received([], { route }),
  ])
  t.match(received([], { route }), [/^cache-control: private, no-store/], 'and opens nothing')
})

t.test('CS-11 ER-9 defaults are added where the upstream says nothing', async (t) => {
  const https = { publicUrl: 'https://gateway.example' }
  t.same(received([], https).slice(2), [
    ...OURS.slice(2),
    'strict-transport-security: max-age=31536000',
  ])
  t.same(received([], { route: { access: 'public' }, withToken: false }), [
    'x-content-type-options: nosniff',
  ])
  const theirs = [
    'Strict-Transport-Security',
    'max-age=1',
    'Cross-Origin-Resource-Policy',
    'cross-origin',
    'X-CONTENT-TYPE-OPTIONS',
    'nosniff',
  ]
  t.same(received(theirs, https), [
    'strict-transport-security: max-age=1',
    'cross-origin-resource-policy: cross-origin',
    'x-content-type-options: nosniff',
    ...OURS.slice(0, 2),
  ])
})

const anyName = fc.oneof(
  fc.constantFrom(
    'Connection',
    'Set-Cookie',
    'Cache-Control',
    'Vary',
    'Trailer',
    'Transfer-Encoding',
    'Location',
    'Clear-Site-Data',
    'X-A',
    'X-B',
  ),
  fc.stringMatching(/^[A-Za-z-]{1,12}$/),
)
const anyValue = fc.oneof(
  fc.constantFrom(
    'public, max-age=9',
    's-maxage=9',
    'x-a, set-cookie',
    'cache-control',
    '__Host-bearergate=x',
    'a=1',
    '"*"',
    'http://orders.internal:3000/',
    'chunked',
  ),
  fc.string(),
)

t.test(
  'ER-7 HX-3 RS-5 whatever an upstream sends, no user’s answer can be shared nor our cookie set',
  async (t) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyName, anyValue), { maxLength: 8 }), (headers) => {
        const lines = received(headers.flat())
        const cacheControl = lines.filter((line) => line.startsWith('cache-control:'))
        return (
          cacheControl.length === 1 &&
          /private|no-store/i.test(cacheControl[0] ?? '') &&
          !lines.some((line) =>
            /^(connection|trailer|transfer-encoding|te|upgrade|keep-alive):/.test(line),
          ) &&
          !lines.some((line) => /^set-cookie:[\s=]*(__host-)?bearergate/i.test(line)) &&
          lines.filter((line) => line.startsWith('x-content-type-options:')).length >= 1
        )
      }),
      { numRuns: 3_000 },
    )
    t.pass(visible('done'))
  },
)
