import * as fc from 'fast-check'
import t from 'tap'
import { crossSiteRefusal, decideAccess } from '../../src/domain/access-decision.ts'
import type { AccessDecision, SessionFacts } from '../../src/domain/access-decision.ts'
import { STATUS_OF_REASON } from '../../src/domain/reason.ts'
import type { Reason } from '../../src/domain/reason.ts'
import type { RequestFacts } from '../../src/domain/request-facts.ts'
import type { Route } from '../../src/domain/route.ts'
import { sampleRoute } from '../support/sample-route.ts'

const OURS = 'https://gateway.example'
const LISTED = 'https://listed.example'
const TRUSTED = [OURS, LISTED]

const STANDING = { claims: {}, scope: undefined, acr: undefined, authAgeMs: undefined }
const ACTIVE: SessionFacts = { kind: 'active', ...STANDING }
const NOBODY: SessionFacts = { kind: 'none', reason: 'no_session' }

function facts(method: string, more: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method,
    navigation: false,
    prefetch: false,
    fetchSite: undefined,
    origin: undefined,
    customHeader: false,
    websocket: false,
    ...more,
  }
}

/** A decision in one word: `token`, `bare`, `login`, or the reason of the refusal. */
function word(decision: AccessDecision): string {
  if (decision.kind === 'refuse') return decision.reason
  if (decision.kind === 'login') return 'login'
  return decision.withToken ? 'token' : 'bare'
}

function decide(route: Partial<Route>, session: SessionFacts, request: RequestFacts): string {
  return word(decideAccess(sampleRoute('/*', route), session, request, TRUSTED))
}

type Row = readonly [method: string, request: Partial<RequestFacts>, expected: string]

/** With our cookie on a required route. */
const SIGNED_IN: readonly Row[] = [
  // Safe methods: everything but a cross-site call that is no navigation (CS-3).
  ['GET', {}, 'token'],
  ['GET', { navigation: true, fetchSite: 'none' }, 'token'],
  ['GET', { navigation: true, fetchSite: 'same-origin' }, 'token'],
  ['GET', { navigation: true, fetchSite: 'same-site' }, 'token'],
  ['GET', { navigation: true, fetchSite: 'cross-site' }, 'token'],
  ['GET', { navigation: true }, 'token'],
  ['GET', { fetchSite: 'none' }, 'token'],
  ['GET', { fetchSite: 'same-origin' }, 'token'],
  ['GET', { fetchSite: 'same-site' }, 'token'],
  ['GET', { fetchSite: 'cross-site' }, 'cross_site_refused'],
  ['GET', { fetchSite: 'cross-site', origin: OURS }, 'cross_site_refused'],
  ['GET', { fetchSite: 'cross-site', origin: LISTED }, 'cross_site_refused'],
  ['GET', { fetchSite: 'cross-site', customHeader: true }, 'cross_site_refused'],
  ['GET', { origin: OURS }, 'token'],
  ['GET', { origin: LISTED }, 'token'],
  ['GET', { origin: 'https://evil.example' }, 'origin_refused'],
  ['GET', { origin: 'null' }, 'origin_refused'],
  ['GET', { prefetch: true }, 'token'],
  ['HEAD', {}, 'token'],
  ['HEAD', { fetchSite: 'cross-site' }, 'cross_site_refused'],
  ['OPTIONS', { fetchSite: 'same-origin' }, 'token'],
  ['OPTIONS', { fetchSite: 'cross-site' }, 'cross_site_refused'],
  // Unsafe ones, with Fetch Metadata (CS-1).
  ['POST', { fetchSite: 'same-origin' }, 'token'],
  ['POST', { fetchSite: 'same-origin', origin: OURS }, 'token'],
  ['POST', { fetchSite: 'none' }, 'token'],
  ['POST', { fetchSite: 'same-site' }, 'cross_site_refused'],
  ['POST', { fetchSite: 'same-site', origin: LISTED }, 'cross_site_refused'],
  ['POST', { fetchSite: 'same-site', origin: OURS, customHeader: true }, 'cross_site_refused'],
  ['POST', { fetchSite: 'cross-site' }, 'cross_site_refused'],
  ['POST', { fetchSite: 'cross-site', origin: OURS }, 'cross_site_refused'],
  ['POST', { fetchSite: 'cross-site', customHeader: true }, 'cross_site_refused'],
  ['POST', { fetchSite: 'cross-site', navigation: true }, 'cross_site_refused'],
  ['POST', { fetchSite: 'same-site', navigation: true }, 'cross_site_refused'],
  ['POST', { fetchSite: 'same-origin', navigation: true }, 'token'],
  // Without it, Origin.
  ['POST', { origin: OURS }, 'token'],
  ['POST', { origin: LISTED }, 'token'],
  ['POST', { origin: 'https://evil.example' }, 'origin_refused'],
  ['POST', { origin: 'https://evil.example', customHeader: true }, 'origin_refused'],
  ['POST', { origin: 'https://gateway.example.evil' }, 'origin_refused'],
  ['POST', { origin: 'https://xgateway.example' }, 'origin_refused'],
  ['POST', { origin: 'http://gateway.example' }, 'origin_refused'],
  ['POST', { origin: 'https://gateway.example:8443' }, 'origin_refused'],
  ['POST', { origin: 'https://gateway.example/' }, 'origin_refused'],
  ['POST', { origin: 'HTTPS://GATEWAY.EXAMPLE' }, 'origin_refused'],
  ['POST', { origin: `${OURS}, ${OURS}` }, 'origin_refused'],
  ['POST', { origin: '' }, 'origin_refused'],
  // Origin: null never (CS-2).
  ['POST', { origin: 'null' }, 'origin_refused'],
  ['POST', { origin: 'null', customHeader: true }, 'origin_refused'],
  ['POST', { origin: 'null', fetchSite: 'same-origin' }, 'origin_refused'],
  ['POST', { origin: 'null', fetchSite: 'none' }, 'origin_refused'],
  // Without both, a header that needs a preflight.
  ['POST', { customHeader: true }, 'token'],
  ['POST', {}, 'origin_refused'],
  ['POST', { navigation: true }, 'origin_refused'],
  ['PUT', {}, 'origin_refused'],
  ['PATCH', { fetchSite: 'cross-site' }, 'cross_site_refused'],
  ['DELETE', { fetchSite: 'same-site' }, 'cross_site_refused'],
  ['PROPFIND', {}, 'origin_refused'],
  ['get', {}, 'origin_refused'],
]

for (const access of ['required', 'optional'] as const) {
  t.test(`CS-1 CS-2 CS-3 CS-4 what a request with our cookie may do: ${access}`, async (t) => {
    for (const [method, request, expected] of SIGNED_IN) {
      t.equal(
        decide({ access }, ACTIVE, facts(method, request)),
        expected,
        `${method} ${JSON.stringify(request)}`,
      )
    }
  })
}

/** Without a session: what each setting of `unauthenticated` makes of it on a required route. */
const SIGNED_OUT: readonly (readonly [
  method: string,
  request: Partial<RequestFacts>,
  auto: string,
  login: string,
  reject: string,
])[] = [
  ['GET', { navigation: true, fetchSite: 'none' }, 'login', 'login', 'no_session'],
  ['GET', { navigation: true, fetchSite: 'cross-site' }, 'login', 'login', 'no_session'],
  ['GET', { navigation: true }, 'login', 'login', 'no_session'],
  ['GET', {}, 'no_session', 'login', 'no_session'],
  ['GET', { fetchSite: 'same-origin' }, 'no_session', 'no_session', 'no_session'],
  ['GET', { fetchSite: 'cross-site' }, 'no_session', 'no_session', 'no_session'],
  ['GET', { origin: OURS }, 'no_session', 'no_session', 'no_session'],
  ['GET', { customHeader: true }, 'no_session', 'no_session', 'no_session'],
  ['GET', { navigation: true, prefetch: true }, 'no_session', 'no_session', 'no_session'],
  ['GET', { prefetch: true }, 'no_session', 'no_session', 'no_session'],
  ['HEAD', { navigation: true }, 'no_session', 'no_session', 'no_session'],
  [
    'POST',
    { navigation: true, fetchSite: 'same-origin' },
    'no_session',
    'no_session',
    'no_session',
  ],
  ['POST', { navigation: true }, 'no_session', 'no_session', 'no_session'],
  ['POST', { fetchSite: 'cross-site' }, 'no_session', 'no_session', 'no_session'],
  ['OPTIONS', { origin: 'https://evil.example' }, 'no_session', 'no_session', 'no_session'],
  ['DELETE', {}, 'no_session', 'no_session', 'no_session'],
]

for (const [method, request, auto, login, reject] of SIGNED_OUT) {
  t.test(`AZ-12 AZ-13 without a session: ${method} ${JSON.stringify(request)}`, async (t) => {
    t.equal(decide({ unauthenticated: 'auto' }, NOBODY, facts(method, request)), auto, 'auto')
    t.equal(decide({ unauthenticated: 'login' }, NOBODY, facts(method, request)), login, 'login')
    t.equal(decide({ unauthenticated: 'reject' }, NOBODY, facts(method, request)), reject, 'reject')
    t.equal(decide({ access: 'optional' }, NOBODY, facts(method, request)), 'bare', 'optional')
    t.equal(decide({ access: 'public' }, NOBODY, facts(method, request)), 'bare', 'public')
  })
}

t.test('the reason a session ended for is the reason of the refusal', async (t) => {
  for (const reason of [
    'session_expired',
    'session_idle',
    'session_revoked',
    'refresh_rejected',
  ] as const) {
    const ended: SessionFacts = { kind: 'none', reason }
    t.equal(decide({}, ended, facts('GET')), reason)
    t.equal(decide({}, ended, facts('GET', { navigation: true })), 'login')
    t.equal(decide({ access: 'optional' }, ended, facts('GET')), 'bare')
  }
})

t.test('SE-17 nobody is taken for a stranger because we could not find out', async (t) => {
  for (const reason of ['store_unavailable', 'provider_unavailable', 'internal_error'] as const) {
    const unknown: SessionFacts = { kind: 'none', reason }
    t.equal(decide({}, unknown, facts('GET', { navigation: true })), reason)
    t.equal(decide({ access: 'optional' }, unknown, facts('GET')), reason)
    t.equal(decide({ access: 'public' }, unknown, facts('GET')), 'bare')
  }
})

t.test('a public route never gets a token, whoever asks', async (t) => {
  t.equal(decide({ access: 'public' }, ACTIVE, facts('GET')), 'bare')
  t.equal(decide({ access: 'public' }, ACTIVE, facts('POST', { fetchSite: 'cross-site' })), 'bare')
})

t.test('csrf: false opens unsafe methods, and nothing else', async (t) => {
  t.equal(decide({ csrf: false }, ACTIVE, facts('POST', { fetchSite: 'cross-site' })), 'token')
  t.equal(decide({ csrf: false }, ACTIVE, facts('POST', { origin: 'null' })), 'token')
  t.equal(
    decide({ csrf: false }, ACTIVE, facts('GET', { fetchSite: 'cross-site' })),
    'cross_site_refused',
  )
  t.equal(decide({ csrf: false }, NOBODY, facts('POST')), 'no_session')
})

/** Handshakes on a route whose pages live at LISTED. */
const HANDSHAKES: readonly (readonly [
  access: Route['access'],
  session: SessionFacts,
  origin: string | undefined,
  expected: string,
])[] = [
  ['required', ACTIVE, LISTED, 'token'],
  ['required', ACTIVE, OURS, 'origin_refused'],
  ['required', ACTIVE, 'https://evil.example', 'origin_refused'],
  ['required', ACTIVE, 'https://sub.listed.example', 'origin_refused'],
  ['required', ACTIVE, 'null', 'origin_refused'],
  ['required', ACTIVE, undefined, 'origin_refused'],
  ['required', NOBODY, LISTED, 'no_session'],
  ['required', NOBODY, 'https://evil.example', 'no_session'],
  ['optional', ACTIVE, LISTED, 'token'],
  ['optional', ACTIVE, undefined, 'origin_refused'],
  ['optional', NOBODY, LISTED, 'bare'],
  ['optional', NOBODY, undefined, 'bare'],
  ['optional', NOBODY, 'https://evil.example', 'origin_refused'],
  ['optional', { kind: 'none', reason: 'store_unavailable' }, LISTED, 'store_unavailable'],
  ['public', NOBODY, LISTED, 'bare'],
  ['public', NOBODY, undefined, 'bare'],
  ['public', NOBODY, 'https://evil.example', 'origin_refused'],
  ['public', ACTIVE, LISTED, 'bare'],
]

for (const [access, session, origin, expected] of HANDSHAKES) {
  t.test(
    `CS-6 AT-14 handshake on ${access}, ${session.kind}, from ${origin}: ${expected}`,
    async (t) => {
      const handshake = facts('GET', { websocket: true, origin })
      t.equal(decide({ access, websocket: { origins: [LISTED] } }, session, handshake), expected)
      t.equal(decide({ access, websocket: false }, session, handshake), 'upgrade_refused')
    },
  )
}

const FOR_STAFF: Partial<Route> = {
  require: {
    scope: ['read:orders'],
    claims: [{ name: 'groups', path: ['groups'], oneOf: ['staff'] }],
  },
}
const STAFF = {
  ...STANDING,
  kind: 'active',
  claims: { groups: ['staff'] },
  scope: 'read:orders',
} as const

/** What a route for staff with the scope says to whom, in the order of the columns. */
const REQUIRED: readonly (readonly [
  who: string,
  session: SessionFacts,
  navigation: string,
  script: string,
  crossSitePost: string,
  handshake: string,
])[] = [
  ['staff with the scope', STAFF, 'token', 'token', 'cross_site_refused', 'token'],
  [
    'staff without the scope',
    { ...STAFF, scope: 'openid' },
    'insufficient_scope',
    'insufficient_scope',
    'cross_site_refused',
    'insufficient_scope',
  ],
  [
    'a guest with the scope',
    { ...STAFF, claims: { groups: ['guests'] } },
    'claims_unmet',
    'claims_unmet',
    'cross_site_refused',
    'claims_unmet',
  ],
  ['a guest', ACTIVE, 'claims_unmet', 'claims_unmet', 'cross_site_refused', 'claims_unmet'],
  ['nobody', NOBODY, 'login', 'no_session', 'no_session', 'no_session'],
]

for (const [who, session, navigation, script, crossSitePost, handshake] of REQUIRED) {
  t.test(`require, never by a login: ${who}`, async (t) => {
    const route = { ...FOR_STAFF, websocket: { origins: [LISTED] } }
    t.equal(decide(route, session, facts('GET', { navigation: true })), navigation)
    t.equal(decide(route, session, facts('GET', { fetchSite: 'same-origin' })), script)
    t.equal(decide(route, session, facts('POST', { fetchSite: 'cross-site' })), crossSitePost)
    t.equal(decide(route, session, facts('GET', { websocket: true, origin: LISTED })), handshake)
  })
}

const BEARER_RULE = { audience: ['a'], algorithms: ['RS256'], check: 'keys' } as const
const CREDENTIALS = {
  session: { session: true },
  bearer: { session: false, bearer: BEARER_RULE },
  both: { session: true, bearer: BEARER_RULE },
} as const

/** Who may ask. Those of `GOOD` have all that the route of the table requires. */
const GOOD = {
  claims: { groups: ['staff'] },
  scope: 'openid read:orders',
  acr: 'phr',
  authAgeMs: 1_000,
}
const CALLERS: Readonly<Record<string, SessionFacts>> = {
  session: { kind: 'active', ...GOOD },
  'session-no-claim': { kind: 'active', ...GOOD, claims: {} },
  'session-no-scope': { kind: 'active', ...GOOD, scope: 'openid' },
  'scope-to-come': { kind: 'active', ...GOOD, scope: 'openid', scopeIsToCome: true },
  'claim-never-comes': { kind: 'active', ...GOOD, claims: {}, scopeIsToCome: true },
  'session-weak': { kind: 'active', ...GOOD, acr: 'pwd' },
  'session-old': { kind: 'active', ...GOOD, authAgeMs: 601_000 },
  token: { kind: 'bearer', ...GOOD },
  'token-no-claim': { kind: 'bearer', ...GOOD, claims: {} },
  'token-no-scope': { kind: 'bearer', ...GOOD, scope: undefined },
  'token-weak': { kind: 'bearer', ...GOOD, acr: undefined },
  'token-bad': { kind: 'rejected', reason: 'bearer_invalid' },
  nobody: NOBODY,
  ended: { kind: 'none', reason: 'session_expired' },
  unknown: { kind: 'none', reason: 'store_unavailable' },
}

/** How they may ask: the columns of the table. */
const REQUESTS: Readonly<Record<string, RequestFacts>> = {
  page: facts('GET', { navigation: true, fetchSite: 'none' }),
  script: facts('GET', { fetchSite: 'same-origin' }),
  foreign: facts('GET', { fetchSite: 'cross-site' }),
  post: facts('POST', { fetchSite: 'same-origin' }),
  foreignPost: facts('POST', { fetchSite: 'cross-site' }),
  prefetch: facts('GET', { navigation: true, prefetch: true }),
  socket: facts('GET', { websocket: true, origin: LISTED }),
  foreignSocket: facts('GET', { websocket: true, origin: 'https://evil.example' }),
}

// token: forwarded with it. bare: forwarded without. login, step: sent to the provider. Else the reason, in these letters:
const LETTERS: Readonly<Record<string, string>> = {
  xs: 'cross_site_refused',
  or: 'origin_refused',
  cl: 'claims_unmet',
  sc: 'insufficient_scope',
  up: 'step_up_required',
  bad: 'bearer_invalid',
  no: 'no_session',
  exp: 'session_expired',
  '503': 'store_unavailable',
}

/** Written by hand. Which credentials a route takes decides what is looked at, not what is decided; but see the rows of `login`. */
const TABLE = `
access    caller            page   script foreign post   foreignPost prefetch socket foreignSocket
required  session           token  token  xs      token  xs          token    token  or
required  session-no-claim  cl     cl     xs      cl     xs          cl       cl     or
required  session-no-scope  sc     sc     xs      sc     xs          sc       sc     or
required  scope-to-come     token  token  xs      token  xs          token    token  or
required  claim-never-comes cl     cl     xs      cl     xs          cl       cl     or
required  session-weak      step   up     xs      up     xs          up       up     or
required  session-old       step   up     xs      up     xs          up       up     or
required  token             token  token  token   token  token       token    token  or
required  token-no-claim    cl     cl     cl      cl     cl          cl       cl     or
required  token-no-scope    sc     sc     sc      sc     sc          sc       sc     or
required  token-weak        up     up     up      up     up          up       up     or
required  token-bad         bad    bad    bad     bad    bad         bad      bad    bad
required  nobody            step   no     no      no     no          no       no     no
required  ended             step   exp    exp     exp    exp         exp      exp    exp
required  unknown           503    503    503     503    503         503      503    503
optional  session           token  token  xs      token  xs          token    token  or
optional  session-no-claim  token  token  xs      token  xs          token    token  or
optional  session-no-scope  token  token  xs      token  xs          token    token  or
optional  scope-to-come     token  token  xs      token  xs          token    token  or
optional  claim-never-comes token  token  xs      token  xs          token    token  or
optional  session-weak      token  token  xs      token  xs          token    token  or
optional  session-old       token  token  xs      token  xs          token    token  or
optional  token             token  token  token   token  token       token    token  or
optional  token-no-claim    token  token  token   token  token       token    token  or
optional  token-no-scope    token  token  token   token  token       token    token  or
optional  token-weak        token  token  token   token  token       token    token  or
optional  token-bad         bad    bad    bad     bad    bad         bad      bad    bad
optional  nobody            bare   bare   bare    bare   bare        bare     bare   or
optional  ended             bare   bare   bare    bare   bare        bare     bare   or
optional  unknown           503    503    503     503    503         503      503    503
public    session           bare   bare   bare    bare   bare        bare     bare   or
public    session-no-claim  bare   bare   bare    bare   bare        bare     bare   or
public    session-no-scope  bare   bare   bare    bare   bare        bare     bare   or
public    scope-to-come     bare   bare   bare    bare   bare        bare     bare   or
public    claim-never-comes bare   bare   bare    bare   bare        bare     bare   or
public    session-weak      bare   bare   bare    bare   bare        bare     bare   or
public    session-old       bare   bare   bare    bare   bare        bare     bare   or
public    token             bare   bare   bare    bare   bare        bare     bare   or
public    token-no-claim    bare   bare   bare    bare   bare        bare     bare   or
public    token-no-scope    bare   bare   bare    bare   bare        bare     bare   or
public    token-weak        bare   bare   bare    bare   bare        bare     bare   or
public    token-bad         bare   bare   bare    bare   bare        bare     bare   or
public    nobody            bare   bare   bare    bare   bare        bare     bare   or
public    ended             bare   bare   bare    bare   bare        bare     bare   or
public    unknown           bare   bare   bare    bare   bare        bare     bare   or
`

const REQUIRE = {
  ...FOR_STAFF.require,
  stepUp: { acrValues: ['phr'], maxAgeSeconds: 600 },
}

/** As `word`, with `step` for a login that must be a better one. */
function verdict(route: Route, caller: SessionFacts, request: RequestFacts): string {
  const decision = decideAccess(route, caller, request, TRUSTED)
  return decision.kind === 'login' && decision.stepUp !== undefined ? 'step' : word(decision)
}

t.test('the whole decision table, every combination once', async (t) => {
  const [head = '', ...lines] = TABLE.trim().split('\n')
  const columns = head.split(/\s+/).slice(2)
  t.same(columns, Object.keys(REQUESTS))
  const rows = new Map(
    lines.map((line) => {
      const [access = '', caller = '', ...cells] = line.split(/\s+/)
      return [`${access} ${caller}`, cells]
    }),
  )
  t.equal(rows.size, 3 * Object.keys(CALLERS).length)
  for (const access of ['required', 'optional', 'public'] as const) {
    for (const [who, caller] of Object.entries(CALLERS)) {
      for (const [column, [how, request]] of Object.entries(REQUESTS).entries()) {
        const cell = rows.get(`${access} ${who}`)?.[column] ?? 'missing'
        for (const [name, credentials] of Object.entries(CREDENTIALS)) {
          for (const unauthenticated of ['auto', 'login', 'reject'] as const) {
            const route = sampleRoute('/*', {
              access,
              credentials,
              unauthenticated,
              websocket: { origins: [LISTED] },
              ...(access === 'required' ? { require: REQUIRE } : {}),
            })
            const mayLogIn = name !== 'bearer' && unauthenticated !== 'reject'
            const expected = cell === 'step' && !mayLogIn ? withoutLogin(caller) : cell
            t.equal(
              verdict(route, caller, request),
              LETTERS[expected] ?? expected,
              `${access} ${name} ${unauthenticated}: ${who}, ${how}`,
            )
          }
        }
      }
    }
  }
})

/** What a page gets where no login is offered: as scripts do. */
function withoutLogin(caller: SessionFacts): string {
  if (caller.kind === 'active') return 'up'
  return caller === NOBODY ? 'no' : 'exp'
}

const SHOP = 'https://shop.example'
const SHARED = { origins: [SHOP], headers: [], expose: [], maxAgeSeconds: 0 }

t.test('CS-1 CS-5 a relaxation makes own requests of foreign ones, and no others', async (t) => {
  for (const access of ['required', 'optional', 'public'] as const) {
    for (const [who, caller] of Object.entries(CALLERS)) {
      const require = access === 'required' ? { require: REQUIRE } : {}
      const route = sampleRoute('/*', { access, websocket: { origins: [LISTED] }, ...require })
      const of = (more: Partial<Route>, request: RequestFacts) =>
        verdict({ ...route, ...more }, caller, request)
      const [script, post] = [
        facts('GET', { fetchSite: 'same-origin' }),
        facts('POST', { fetchSite: 'same-origin' }),
      ]
      const [get, write] = [
        facts('GET', { fetchSite: 'cross-site', origin: SHOP }),
        facts('POST', { fetchSite: 'cross-site', origin: SHOP }),
      ]
      const sharing = { cors: { ...SHARED, credentials: true } }
      t.equal(of({ csrf: false }, write), of({}, post), `csrf: false, ${access} ${who}`)
      t.equal(of({ csrf: false }, get), of({}, get), `csrf: false, reading, ${access} ${who}`)
      t.equal(of(sharing, write), of({}, post), `cors, ${access} ${who}`)
      t.equal(of(sharing, get), of({}, script), `cors, reading, ${access} ${who}`)
      for (const request of Object.values(REQUESTS)) {
        t.equal(of(sharing, request), of({}, request), `no listed origin, ${access} ${who}`)
        const kept = { cors: { ...SHARED, credentials: false } }
        t.equal(of(kept, { ...request, origin: SHOP }), of({}, { ...request, origin: SHOP }))
        if (request.method === 'GET') t.equal(of({ csrf: false }, request), of({}, request))
      }
    }
  }
})

t.test('CS-10 our own endpoints can ask the same question', async (t) => {
  t.equal(
    crossSiteRefusal(facts('POST', { fetchSite: 'same-origin', origin: OURS }), TRUSTED),
    undefined,
  )
  t.equal(
    crossSiteRefusal(facts('POST', { fetchSite: 'cross-site' }), TRUSTED),
    'cross_site_refused',
  )
  t.equal(
    crossSiteRefusal(facts('GET', { fetchSite: 'cross-site', navigation: true }), TRUSTED),
    undefined,
  )
})

const anyFacts: fc.Arbitrary<RequestFacts> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PROPFIND'),
  navigation: fc.boolean(),
  prefetch: fc.boolean(),
  fetchSite: fc.constantFrom('same-origin', 'same-site', 'cross-site', 'none', undefined),
  origin: fc.constantFrom(OURS, LISTED, 'https://evil.example', 'null', undefined),
  customHeader: fc.boolean(),
  websocket: fc.boolean(),
})

const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    access: fc.constantFrom('required', 'optional', 'public'),
    unauthenticated: fc.constantFrom('auto', 'login', 'reject'),
    csrf: fc.boolean(),
    websocket: fc.constantFrom(false as const, { origins: [OURS] }),
  })
  .map((settings) => sampleRoute('/*', settings as Partial<Route>))

const anyReason = fc.constantFrom(...(Object.keys(STATUS_OF_REASON) as Reason[]))
const anySession = fc.oneof(
  fc.constant(ACTIVE),
  anyReason.map((reason): SessionFacts => ({ kind: 'none', reason })),
)

t.test(
  'no request gets a token without a session, nor passes a required route without a token',
  async (t) => {
    fc.assert(
      fc.property(anyRoute, anySession, anyFacts, (route, session, request) => {
        const decision = word(decideAccess(route, session, request, TRUSTED))
        if (decision === 'token') return session.kind === 'active' && route.access !== 'public'
        return decision !== 'bare' || route.access !== 'required'
      }),
      { numRuns: 5_000 },
    )
    t.pass()
  },
)

t.test('AZ-13 only a GET that is no prefetch is ever sent to the provider', async (t) => {
  fc.assert(
    fc.property(anyRoute, anySession, anyFacts, (route, session, request) => {
      if (decideAccess(route, session, request, TRUSTED).kind !== 'login') return true
      return (
        request.method === 'GET' &&
        !request.prefetch &&
        !request.websocket &&
        session.kind === 'none'
      )
    }),
    { numRuns: 5_000 },
  )
  t.pass()
})
