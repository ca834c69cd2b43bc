import t, { type Test } from 'tap'
import { UsageError } from '../../src/commands/arguments.ts'
import type { Explanation } from '../../src/commands/explain/explanation.ts'
import { runExplain } from '../../src/commands/explain.ts'
import { ENV, SECRET } from '../config/config-bed.ts'

const CANARY = ENV.CANARY as string

const CONFIG = `publicUrl: https://app.example.com
listen: { trustedProxies: [10.0.0.0/8] }
provider: { issuer: "https://idp.example.com", clientId: gateway, clientSecret: "\${OIDC_CLIENT_SECRET}", scope: openid read:orders }
session: { secrets: ["\${SESSION_SECRET}"] }
forwardAuth: { key: "\${SESSION_SECRET}" }
routes:
  - path: /api/orders/*
    upstream: http://orders:3000/v2
    stripPrefix: /api
    require: { scope: read:orders, claims: { groups: [staff, admin] } }
    headers:
      set: { X-User: "\${claims.email}", X-Key: "\${CANARY}", X-Source: gateway, X-Path: "\${request.path}" }
      remove: [X-Internal]
  - { path: /api/orders/*, methods: [DELETE], upstream: "http://orders:3000", unauthenticated: reject }
  - path: /robots/*
    upstream: http://robots:3000
    credentials: [session, bearer]
    bearer: { audience: [https://robots] }
    require: { scope: run, maxAge: 10m }
  - { path: /open/*, upstream: "unix:/run/open.sock", access: public, methods: [GET] }
  - { path: /maybe/*, upstream: "http://maybe", access: optional, token: { via: client_credentials, audience: maybe } }
  - { path: /else/*, upstream: none, headers: { set: { X-User: "\${claims.email}" } } }
  - { path: /bills, upstream: "http://bills", require: { scope: read:bills }, token: { via: exchange, audience: bills, scope: read:bills } }
  - { path: /notes, upstream: "http://notes", require: { scope: read:notes }, token: { via: exchange, audience: notes } }
  - { path: /forms, upstream: "http://forms", replayForm: true }
  - { path: /shared, upstream: "http://shared", cors: { origins: [https://shop.example.com], credentials: true } }
  - { path: /live, upstream: "http://live", websocket: true, token: { via: none } }
`

const SEVERAL = `publicUrl: https://app.example.com
providers:
  staff: { issuer: "https://staff.example.com", clientId: a, clientSecret: "\${OIDC_CLIENT_SECRET}" }
  guests: { issuer: "https://guests.example.com", clientId: b, clientSecret: "\${OIDC_CLIENT_SECRET}", ownCallback: true }
session: { secrets: ["\${SESSION_SECRET}"] }
routes:
  - { path: /staff, upstream: "http://staff", provider: staff, headers: { set: { X-Issuer: "\${session.issuer}" } } }
  - { path: /both, upstream: "http://both", provider: [staff, guests], headers: { set: { X-Issuer: "\${session.issuer}" } } }
`

const PAGE = ['--header', 'Accept: text/html']
const ADA = { sub: 'ada', email: 'ada@example.com', groups: ['staff'], scope: 'openid read:orders' }

interface Told {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function told(
  t: Test,
  args: readonly string[],
  claims: object | string = ADA,
): Promise<Told> {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims)
  const cwd = t.testdir({ 'bearergate.yaml': CONFIG, 'several.yaml': SEVERAL, claims: text })
  const result = { stdout: '', stderr: '' }
  const code = await runExplain(args, {
    stdout: { write: (text) => void (result.stdout += text) },
    stderr: { write: (text) => void (result.stderr += text) },
    env: ENV,
    cwd,
  })
  for (const secret of [SECRET, CANARY, ENV.OIDC_CLIENT_SECRET as string])
    t.notOk((result.stdout + result.stderr).includes(secret), 'no secret is shown')
  return { code, ...result }
}

/** The machine's view; `claims` makes somebody. */
async function explained(t: Test, args: readonly string[], claims?: object) {
  const given = claims === undefined ? [] : ['--claims', 'claims']
  const { code, stdout, stderr } = await told(t, [...args, ...given, '--json'], claims)
  t.equal(stderr, '')
  t.equal(code, 0)
  return JSON.parse(stdout) as Explanation & { outcome: Record<string, never> }
}

t.test('a request that is forwarded: which route, why, where to, with which headers', async (t) => {
  const asked = ['POST', '/api/orders/7?x=1', '--header', 'Sec-Fetch-Site: same-origin']
  const sent = [
    ...['--header', 'X-User: root', '--header', 'X-Internal: 1', '--header', 'Accept: */*'],
    ...['--header', 'Cookie: __Host-bearergate=ticket; theme=very-dark'],
    ...['--header', 'Authorization: Bearer pasted-token', '--header', 'Remote-User: root'],
  ]
  const explanation = await explained(t, [...asked, ...sent], ADA)
  t.match(explanation, {
    method: 'POST',
    host: 'app.example.com',
    target: '/api/orders/7?x=1',
    route: { id: '/api/orders/*', index: 0, line: 7, access: 'required', credentials: ['session'] },
    caller: 'ada, signed in',
    outcome: { decision: 'forward' },
  })
  const { upstream } = explanation.outcome as unknown as {
    upstream: { url: string; headers: [string, string][]; dropped: string[]; forged: string[] }
  }
  t.equal(upstream.url, 'http://orders:3000/v2/orders/7?x=1')
  const headers = Object.fromEntries(upstream.headers)
  t.match(headers, {
    host: 'orders:3000',
    authorization: 'Bearer <access token of the login>',
    'x-user': 'ada@example.com',
    'x-key': '<with a value from the environment or a file>',
    'x-source': 'gateway',
    'x-path': '/api/orders/7',
    Accept: '*/*',
    Cookie: 'theme=<hidden>',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-prefix': '/api',
    'x-request-id': '<request id>',
  })
  t.same(upstream.dropped.toSorted(), ['remote-user', 'x-internal'])
  t.same(upstream.forged.toSorted(), ['remote-user', 'x-user'])
  t.notMatch(JSON.stringify(explanation), /pasted-token|very-dark|ticket/)
})

const ORDERS = ['GET', '/api/orders/7'] as const
const SESSION: readonly [string, readonly string[], object | undefined, object][] = [
  ['a script without session', ORDERS, undefined, { reason: 'no_session', status: 401 }],
  ['a page without session', [...ORDERS, ...PAGE], undefined, { decision: 'login' }],
  [
    'a page that asks for no login',
    ['DELETE', '/api/orders/7', ...PAGE],
    undefined,
    { reason: 'no_session' },
  ],
  [
    'a missing claim',
    ORDERS,
    { ...ADA, groups: ['guests'] },
    { reason: 'claims_unmet', status: 403, needed: { claims: ['groups'] } },
  ],
  [
    'a scope that was not granted',
    ORDERS,
    { ...ADA, scope: 'openid' },
    { reason: 'insufficient_scope', needed: { scope: 'read:orders' } },
  ],
  ['a scope as asked for', ORDERS, { ...ADA, scope: undefined }, { decision: 'forward' }],
  [
    'another site',
    ['POST', '/api/orders', '--header', 'Sec-Fetch-Site: cross-site'],
    ADA,
    { reason: 'cross_site_refused' },
  ],
  ['nothing to say where from', ['POST', '/api/orders'], ADA, { reason: 'origin_refused' }],
  ['a public route', ['GET', '/open/x'], undefined, { decision: 'forward' }],
  [
    'another method',
    ['POST', '/open/x'],
    undefined,
    { reason: 'method_not_allowed', status: 405, allow: ['GET', 'HEAD'] },
  ],
  ['an optional route', ['GET', '/maybe/x'], undefined, { decision: 'forward' }],
  ['no route', ['GET', '/nowhere'], ADA, { reason: 'route_not_found', status: 404 }],
  ['an endpoint of ours', ['GET', '/oauth2/login'], ADA, { decision: 'answer' }],
  ['no endpoint of ours', ['GET', '/oauth2/x'], ADA, { reason: 'route_not_found' }],
  ['the gateway itself', ['OPTIONS', '*'], ADA, { decision: 'answer' }],
  ['an unknown method', ['BREW', '/open/x'], ADA, { reason: 'request_malformed', status: 400 }],
  ['a method in small letters', ['get', '/open/x'], ADA, { reason: 'request_malformed' }],
  ['a method nobody serves', ['TRACE', '/open/x'], ADA, { reason: 'method_not_allowed' }],
  ['an old sign-in', ['GET', '/robots/x'], ADA, { reason: 'insufficient_scope' }],
]

for (const [name, args, claims, outcome] of SESSION) {
  t.test(`explains ${name}`, async (t) => {
    t.match((await explained(t, args, claims)).outcome, outcome)
  })
}

t.test('a sign-in that is too old is told with what would be needed', async (t) => {
  const long = { ...ADA, scope: 'run', auth_time: Math.floor(Date.now() / 1000) - 3_600 }
  const script = await explained(t, ['GET', '/robots/x'], long)
  t.match(script.outcome, { reason: 'step_up_required', needed: { max_age: '600' } })
  const page = await explained(t, ['GET', '/robots/x', ...PAGE], long)
  t.match(page.outcome, { decision: 'login', parameters: { maxAgeSeconds: 600 } })
  const now = { ...long, auth_time: Math.floor(Date.now() / 1000) }
  t.match((await explained(t, ['GET', '/robots/x'], now)).outcome, { decision: 'forward' })
})

t.test("a caller's own token: never looked at, its claims are what counts", async (t) => {
  const robot = ['GET', '/robots/x', '--header', 'Authorization: Bearer secret-token']
  const claims = { sub: 'robot', scope: 'run', auth_time: Math.floor(Date.now() / 1000) }
  const good = await explained(t, robot, claims)
  t.equal(good.caller, 'robot, by an access token of their own')
  t.match(good.outcome, {
    upstream: { headers: [{}, ['authorization', "Bearer <the caller's own access token>"]] },
  })
  t.notMatch(JSON.stringify(good), 'secret-token')
  t.match((await explained(t, robot)).outcome, { reason: 'bearer_invalid', status: 401 })
  const odd = ['GET', '/robots/x', '--header', 'Authorization: Bearer a b']
  t.match((await explained(t, odd, claims)).outcome, { reason: 'bearer_invalid' })
})

t.test('tokens are shown as what they are', async (t) => {
  const headersOf = async (args: readonly string[], claims?: object) => {
    const { outcome } = await explained(t, args, claims)
    const { upstream } = outcome as unknown as { upstream: { headers: [string, string][] } }
    return Object.fromEntries(upstream.headers)
  }
  const service = 'Bearer <access token of the gateway itself, for maybe>'
  t.equal((await headersOf(['GET', '/maybe/x']))['authorization'], service)
  t.equal((await headersOf(['GET', '/maybe/x'], ADA))['authorization'], service)
  t.equal((await headersOf(['GET', '/open/x'], ADA))['authorization'], undefined)
})

t.test('scope is that of the token that goes there', async (t) => {
  const asked = { sub: 'ada' }
  const bills = await explained(t, ['GET', '/bills'], asked)
  t.match(JSON.stringify(bills), 'Bearer <access token by exchange, for bills>')
  t.match((await explained(t, ['GET', '/notes'], asked)).outcome, { reason: 'insufficient_scope' })
  const less = await explained(t, ['GET', '/bills'], { ...asked, scope: 'openid' })
  t.match(less.outcome, { reason: 'insufficient_scope' })
})

t.test('what another proxy would be given to copy', async (t) => {
  const direct = await explained(t, ['GET', '/else/x'], ADA)
  const copy = [
    ['authorization', 'Bearer <access token of the login>'],
    ['x-user', 'ada@example.com'],
  ]
  t.match(direct.outcome, { decision: 'verify', copy })
  const asked = ['--header', 'X-Forwarded-Method: GET', '--header', 'X-Forwarded-Uri: /else/x']
  const byProxy = ['GET', '/oauth2/verify', ...asked, '--peer', '10.1.2.3']
  t.match((await explained(t, byProxy, ADA)).outcome, { decision: 'verify', copy })
  const stranger = await explained(t, ['GET', '/oauth2/verify', ...asked], ADA)
  t.match(stranger.outcome, { reason: 'verify_refused' })
})

t.test(
  'of several providers the one counts that iss names, where the route takes it',
  async (t) => {
    const at = async (path: string, iss?: string) =>
      explained(t, ['GET', path, '--config', 'several.yaml'], { sub: 'ada', iss })
    const staff = await at('/staff', 'https://staff.example.com')
    t.match(staff, { route: { providers: ['staff'] }, outcome: { decision: 'forward' } })
    t.match(JSON.stringify(staff), '"x-issuer","https://staff.example.com"')
    const guest = await at('/staff', 'https://guests.example.com')
    t.match(guest, { caller: /guests\.example\.com/, outcome: { reason: 'no_session' } })
    const both = await at('/both', 'https://guests.example.com')
    t.match(JSON.stringify(both), '"x-issuer","https://guests.example.com"')
    t.match((await at('/staff')).outcome, { decision: 'forward' })
  },
)

t.test('a form that would be kept for after the login is told of', async (t) => {
  const form = ['POST', '/forms', '--header', 'Content-Type: application/x-www-form-urlencoded']
  const page = ['--header', 'Sec-Fetch-Mode: navigate', '--header', 'Sec-Fetch-Dest: document']
  const own = ['--header', 'Origin: https://app.example.com']
  const kept = await explained(t, [...form, ...page, ...own])
  t.match(kept.outcome, { reason: 'no_session', keeps_form: true })
  t.match((await told(t, [...form, ...page, ...own])).stdout, /^form {7}waits in the browser/m)
  for (const other of [
    [...form, ...own],
    [...form, ...page],
  ])
    t.notOk('keeps_form' in (await explained(t, other)).outcome)
})

t.test('CORS and WebSockets are explained alike', async (t) => {
  const preflight = (origin: string) => [
    ...['OPTIONS', '/shared', '--header', `Origin: ${origin}`],
    ...['--header', 'Access-Control-Request-Method: PUT'],
  ]
  const allowed = await explained(t, preflight('https://shop.example.com'))
  t.match(allowed.outcome, { decision: 'answer', headers: [['vary', /Origin/]] })
  const refused = await explained(t, preflight('https://evil.example'))
  t.match(refused.outcome, { reason: 'origin_refused' })

  const socket = (path: string, origin: string) => [
    ...['GET', path, '--header', `Origin: ${origin}`],
    ...['--header', 'Connection: Upgrade', '--header', 'Upgrade: websocket'],
  ]
  const own = 'https://app.example.com'
  t.match((await explained(t, socket('/live', own), ADA)).outcome, { decision: 'forward' })
  const evil = await explained(t, socket('/live', 'https://evil.example'), ADA)
  t.match(evil.outcome, { reason: 'origin_refused' })
  const closed = await explained(t, socket('/open/x', own), ADA)
  t.match(closed.outcome, { reason: 'upgrade_refused' })
  t.match((await explained(t, socket('/live', own))).outcome, { reason: 'no_session' })
})

t.test('FW-3 forwarded headers count from trusted peers only', async (t) => {
  const args = ['GET', '/open/x', '--header', 'X-Forwarded-For: 203.0.113.7']
  const text = async (...more: string[]) => JSON.stringify(await explained(t, [...args, ...more]))
  t.match(await text('--peer', '10.0.0.1'), '"x-forwarded-for","203.0.113.7, 10.0.0.1"')
  t.notMatch(await text(), '203.0.113.7')
})

const HOSTILE: readonly [string, string][] = [
  ['/open/../api/orders/7', 'path_refused'],
  ['/open/%2e%2e/api/orders/7', 'path_refused'],
  ['/open/%252e%252e/api', 'path_refused'],
  ['/open\\..\\api', 'path_refused'],
  ['//evil.example/open/x', 'path_refused'],
  ['/open/;x=1/../y', 'path_refused'],
  ['/open/x#fragment', 'path_refused'],
  ['/open/\u0000x', 'path_refused'],
  ['/open/a b', 'path_refused'],
  ['/open/%', 'path_refused'],
  ['/open/\u001b[31mred', 'path_refused'],
  ['/open%2fx', 'route_not_found'],
  ['/OPEN/x', 'route_not_found'],
  [`/open/${'x'.repeat(9_000)}`, 'uri_too_long'],
  ['https://app.example.com:x/open/x', 'request_malformed'],
  ['https://app.example.com/../open/x', 'path_refused'],
]

for (const [url, reason] of HOSTILE) {
  t.test(`AT-11 judges as it is written: ${JSON.stringify(url.slice(0, 40))}`, async (t) => {
    t.match((await explained(t, ['GET', url], ADA)).outcome, { reason })
    const { stdout } = await told(t, ['GET', url])
    // oxlint-disable-next-line no-control-regex -- what must not reach a terminal
    t.notMatch(stdout.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f]/, 'OB-5')
  })
}

t.test('for people: the verdict first, and where to read on', async (t) => {
  const refused = await told(t, ['GET', 'https://app.example.com/api/orders/7'])
  t.equal(refused.code, 0)
  t.equal(
    refused.stdout,
    `request    GET /api/orders/7 at app.example.com
decision   refused: no_session (401). Sign-in required. No session came with the request.
route      /api/orders/* (routes[0], bearergate.yaml:7): access required, by session
caller     nobody is signed in (--claims FILE makes somebody)
it is      a script, no page
help       docs/troubleshooting.md, no_session
`,
  )
  const forwarded = await told(t, [...ORDERS, '--claims', 'claims', '--header', 'X-User: root'])
  t.match(forwarded.stdout, /^decision {3}forwarded: who it is is known, and has what/m)
  t.match(forwarded.stdout, /^ {11}x-user: ada@example\.com$/m)
  t.match(forwarded.stdout, /^forged {5}x-user$/m)
})

t.test('what cannot be read is exit code 1, without what was in it', async (t) => {
  const odd = ['{"sub": "ada", "token": canary-4711}', '[]', 'null', '"x"', '']
  for (const text of odd) {
    const { code, stdout, stderr } = await told(t, [...ORDERS, '--claims', 'claims'], text)
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, 'claims')
    t.notMatch(stderr, 'canary')
  }
  t.equal((await told(t, [...ORDERS, '--claims', 'absent'])).code, 1)
  t.equal((await told(t, [...ORDERS, '--config', 'absent.yaml'])).code, 1)
})

const WRONG: readonly (readonly string[])[] = [
  [],
  ['GET'],
  ['GET', '/x', '/y'],
  ['GET', 'app.example.com/x'],
  ['GET', 'ftp://app.example.com/x'],
  ['GET', ''],
  ['GET', 'https://user:canary@app.example.com/'],
  ['G T', '/x'],
  ['GET', '/x', '--header', 'no colon canary'],
  ['GET', '/x', '--header', 'X-A: canary\r\nX-B: 2'],
  ['GET', '/x', '--peer', 'localhost'],
  ['GET', '/x', '--unknown'],
]

for (const args of WRONG) {
  t.test(`wrong usage: ${JSON.stringify(args)}`, async (t) => {
    const error = await told(t, args).catch((error: unknown) => error)
    t.ok(error instanceof UsageError)
    t.notMatch(String(error), 'canary')
  })
}

t.test('--help says how', async (t) => {
  const { code, stdout } = await told(t, ['--help'])
  t.equal(code, 0)
  t.match(stdout, 'Exit codes: 0 explained')
})
