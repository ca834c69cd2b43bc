import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { startScriptedProvider, type RawAnswer, type Script } from '../support/scripted-provider.ts'
import {
  connectTo,
  eventually,
  failure,
  recordOf,
  refreshed,
  startLoginBed,
  type Owner,
} from './login-fixture.ts'

const PUSHING = { pushedAuthorizationRequests: true }
const wish = (parameters: Record<string, string> = {}) => ({
  returnTo: '/',
  attempt: 0,
  parameters,
})

/** A provider that takes pushed requests, and the gateway's side of it. */
async function pushingBed(
  t: Owner,
  options: Partial<ProviderOptions> = PUSHING,
  script: Script = {},
) {
  const bed = await startLoginBed(t, options, { script })
  const start = () => authorizationRequest(bed.provider, wish(), Date.now())
  return { ...bed, start }
}

const answering = (answer: RawAnswer): Script => ({
  raw: (path) => (path === '/par' ? answer : undefined),
})

const json = (status: number, body: object): RawAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

t.test('AZ-14 all parameters are pushed, and the address has two', async (t) => {
  const { provider, scripted } = await pushingBed(t, {
    ...PUSHING,
    audience: 'https://api.example.com',
    resource: ['https://one.example.com/', 'https://two.example.com/'],
    authorizationParameters: { connection: 'staff' },
  })
  const hints = { login_hint: 'ann', prompt: 'login', request_uri: 'urn:evil', client_id: 'evil' }
  const stepUp = { acrValues: ['phr', 'phrh'], maxAgeSeconds: 60 }
  const { url, transaction } = await authorizationRequest(
    provider,
    { ...wish(hints), stepUp },
    Date.now(),
  )
  const { origin, pathname, searchParams } = new URL(url)
  t.equal(origin + pathname, `${scripted.origin}/authorize`)
  t.same([...searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
  t.equal(searchParams.get('client_id'), 'gateway-client')

  const call = scripted.requests.find(({ path }) => path === '/par')
  t.equal(call?.method, 'POST')
  t.match(call?.headers.authorization, /^Basic /, 'RFC 9126 §2: as at the token endpoint')
  const pushed = scripted.pushed(searchParams.get('request_uri')) ?? new URLSearchParams()
  t.match(Object.fromEntries(pushed), {
    response_type: 'code',
    client_id: 'gateway-client',
    redirect_uri: 'https://app.example.com/oauth2/callback',
    scope: 'openid profile offline_access read:orders',
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    audience: 'https://api.example.com',
    connection: 'staff',
    login_hint: 'ann',
    prompt: 'login',
    acr_values: 'phr phrh',
    max_age: '60',
  })
  t.same(pushed.getAll('resource'), ['https://one.example.com/', 'https://two.example.com/'])
  t.notOk(pushed.has('request_uri'))
})

t.test('AZ-14 as the client that we are, whatever its way to prove it', async (t) => {
  const scripted = await startScriptedProvider(t)
  for (const clientAuthentication of [
    'client_secret_basic',
    'client_secret_basic_raw',
    'client_secret_post',
    'none',
  ] as const) {
    const { login } = connectTo(t, scripted, { ...PUSHING, clientAuthentication })
    t.match(await login(), { subject: 'alice' }, clientAuthentication)
  }
  t.equal(scripted.callsTo('/par'), 4)
})

t.test('AZ-14 where the provider requires it, and not where it only offers it', async (t) => {
  const offered = await pushingBed(t, {})
  t.equal(new URL((await offered.start()).url).searchParams.get('response_type'), 'code')
  t.equal(offered.scripted.callsTo('/par'), 0)

  const required = await pushingBed(t, {}, requiring())
  t.ok(new URL((await required.start()).url).searchParams.has('request_uri'))
})

t.test('AZ-14 without an endpoint to push to nothing is sent another way', async (t) => {
  const none = { pushed_authorization_request_endpoint: undefined }
  for (const [options, script] of [
    [{}, requiring(none)],
    [PUSHING, requiring({ ...none, require_pushed_authorization_requests: false })],
  ] as const) {
    const { start, provider } = await pushingBed(t, options, script)
    t.equal((await failure(start())).reason, 'provider_unavailable')
    t.match(String(provider.lastError()), /pushed_authorization_request_endpoint is missing/)
  }
})

t.test('AZ-14 the endpoint is one of the provider, or the operator names it', async (t) => {
  const elsewhere = { pushed_authorization_request_endpoint: 'http://127.0.0.2:9/par' }
  const strange = await pushingBed(t, {}, requiring(elsewhere))
  t.equal((await failure(strange.start())).reason, 'provider_unavailable')
  t.match(String(strange.provider.lastError()), /allowedOrigins/)

  const unused = await pushingBed(t, {}, { metadata: (m) => ({ ...m, ...elsewhere }) })
  t.ok((await unused.start()).url, 'one that is not used may be anywhere')

  const scripted = unused.scripted.origin
  const named = await pushingBed(
    t,
    { ...PUSHING, endpoints: { pushed_authorization_request_endpoint: `${scripted}/par` } },
    { metadata: (m) => ({ ...m, ...elsewhere }) },
  )
  await named.start()
  t.equal(unused.scripted.callsTo('/par'), 1, 'the one of the configuration')
})

t.test('AZ-15 every login has a request_uri of its own, used at once', async (t) => {
  const { start, login, scripted } = await pushingBed(
    t,
    {},
    { ...requiring(), parAnswer: (answer) => ({ ...answer, expires_in: 1 }) },
  )
  const started = await Promise.all(Array.from({ length: 20 }, start))
  t.equal(new Set(started.map(({ url }) => url)).size, 20)
  t.equal(scripted.callsTo('/par'), 20)
  t.match(await login(), { subject: 'alice' }, 'within its second')
})

const REFUSALS: readonly (readonly [string, RawAnswer, string, string])[] = [
  ['400', json(400, { error: 'invalid_request' }), 'provider_error', 'invalid_request'],
  ['400 access_denied', json(400, { error: 'access_denied' }), 'login_refused', 'access_denied'],
  ['400 unknown', json(400, { error: 'request_too_odd' }), 'login_refused', 'request_too_odd'],
  ['400 evil', json(400, { error: '<script>' }), 'login_refused', 'unknown_error'],
  ['400 bare', { status: 400 }, 'provider_error', 'http_400'],
  ['401', json(401, { error: 'invalid_client' }), 'provider_error', 'invalid_client'],
  ['403', { status: 403, body: 'no' }, 'provider_error', 'http_403'],
  ['413', { status: 413 }, 'provider_error', 'http_413'],
  ['429', { status: 429 }, 'provider_unavailable', 'http_429'],
  ['429 slow_down', json(429, { error: 'slow_down' }), 'provider_unavailable', 'slow_down'],
  ['500', { status: 500 }, 'provider_unavailable', 'http_500'],
  ['503 json', json(503, { error: 'x' }), 'provider_unavailable', 'http_503'],
  ['302', { status: 302, headers: { location: '/evil' } }, 'provider_error', 'http_302'],
  ['200', json(200, { request_uri: 'urn:x', expires_in: 60 }), 'provider_error', 'http_200'],
  ['no request_uri', json(201, { expires_in: 60 }), 'provider_error', 'OAUTH_INVALID_RESPONSE'],
  [
    'no expires_in',
    json(201, { request_uri: 'urn:x' }),
    'provider_error',
    'OAUTH_INVALID_RESPONSE',
  ],
  ['no JSON', { status: 201, body: '<html>' }, 'provider_error', 'http_201'],
]

t.test('AZ-15 what the provider answers instead of a request_uri, asked once', async (t) => {
  const { start, scripted, eventsOf } = await pushingBed(t)
  for (const [name, answer, reason, providerError] of REFUSALS) {
    scripted.script.raw = (path) => (path === '/par' ? answer : undefined)
    const calls = scripted.callsTo('/par')
    const told = eventsOf('provider_refused_client').length
    t.match(await failure(start()), { reason, providerError }, name)
    t.equal(scripted.callsTo('/par'), calls + 1, name)
    t.equal(eventsOf('provider_refused_client').length - told, name === '401' ? 1 : 0, name)
  }
})

t.test('AZ-15 TK-13 a provider that is gone, or does not answer, is unavailable', async (t) => {
  const hanging = await pushingBed(
    t,
    { ...PUSHING, timeoutMs: 300 },
    answering({ status: 201, hangAfterBytes: 0 }),
  )
  t.match(await failure(hanging.start()), {
    reason: 'provider_unavailable',
    providerError: 'timeout',
  })
  const cut = await pushingBed(t, PUSHING, { dropAfterReceipt: (path) => path === '/par' })
  t.match(await failure(cut.start()), { reason: 'provider_unavailable', providerError: 'network' })
  t.equal(cut.scripted.callsTo('/par'), 1, 'not sent again')

  const gone = await pushingBed(t)
  await gone.start()
  await gone.scripted.stop()
  t.equal((await failure(gone.start())).reason, 'provider_unavailable')
})

t.test(
  'AZ-14 RL-5 logins begun at a stuck provider are bounded, and hold up no callback',
  async (t) => {
    const options = { ...PUSHING, timeoutMs: 10_000 }
    const { start, scripted, provider, login, begin } = await pushingBed(t, options)
    const record = recordOf(await login())
    const { callback, transaction } = await begin()
    const before = scripted.callsTo('/par')
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    scripted.script.hold = (path) => (path === '/par' ? released : undefined)

    const many = Array.from({ length: 256 }, start)
    t.equal((await failure(start())).reason, 'overloaded', 'at once')
    await eventually(() => scripted.callsTo('/par') === before + 16)
    t.match(await authorizationCodeGrant(provider, callback, transaction), { subject: 'alice' })
    t.match(await refreshed(provider, record), { accessToken: { value: /^at-/ } })
    t.equal(scripted.callsTo('/par'), before + 16, 'no more at a time')

    release()
    await Promise.allSettled(many)
    t.ok((await start()).url, 'and it goes on')
  },
)

function requiring(more: Record<string, unknown> = {}): Script {
  return {
    metadata: (m) => ({ ...m, require_pushed_authorization_requests: true, ...more }),
  }
}
