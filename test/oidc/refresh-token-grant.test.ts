import t from 'tap'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import type { RawAnswer, Script } from '../support/scripted-provider.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import {
  type Owner,
  connectTo,
  failure,
  recordOf,
  startLoginBed,
  refreshed,
} from './login-fixture.ts'

async function signedIn(t: Owner, options: Partial<ProviderOptions> = {}) {
  const bed = await startLoginBed(t, options)
  const record = recordOf(await bed.login())
  return { ...bed, record }
}

t.test('RT-3 RT-7 S-23 a refresh brings new tokens; the client authenticates', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const answer = await refreshed(provider, record)
  t.match(answer, {
    accessToken: { value: /^at-/, scope: record.accessTokens[0]?.scope },
    refreshToken: /^rt-/,
    idToken: /^ey/,
    claims: { sub: 'alice' },
  })
  t.not(answer.accessToken.value, record.accessTokens[0]?.value)
  t.not(answer.refreshToken, record.refreshToken)
  const call = scripted.requests.find((one) => one.form.get('grant_type') === 'refresh_token')
  t.match(call?.headers.authorization, /^Basic /)
  t.equal(call?.form.get('refresh_token'), record.refreshToken)
})

t.test('S-23 S-26 what a refresh leaves out is absent, so that the old stays', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  scripted.script.tokenAnswer = ({ access_token, token_type }) => ({ access_token, token_type })
  const answer = await refreshed(provider, record)
  t.same(Object.keys(answer), ['accessToken'])
  t.equal(answer.accessToken.expiresAtMs - answer.accessToken.obtainedAtMs, 300_000)
})

t.test('RT-17 the claims are those of the refreshed ID token', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  scripted.script.refreshClaims = (own) => ({ ...own, groups: ['new'], acr: 'b' })
  const answer = await refreshed(provider, record)
  t.match(answer, { claims: { groups: ['new'] }, acr: 'b' })
})

const json = { 'content-type': 'application/json' }
const error = (
  status: number,
  word: string,
  headers: Record<string, string> = json,
): RawAnswer => ({
  status,
  headers,
  body: JSON.stringify({ error: word }),
})

/** RT-5 and STACK §3.4: what the provider answers to a refresh, what becomes of the session. */
const ANSWERS: readonly (readonly [
  string,
  RawAnswer,
  'refresh_rejected' | 'provider_unavailable',
  string,
])[] = [
  ['400 invalid_grant', error(400, 'invalid_grant'), 'refresh_rejected', 'invalid_grant'],
  ['401 invalid_grant', error(401, 'invalid_grant'), 'refresh_rejected', 'invalid_grant'],
  ['403 invalid_grant', error(403, 'invalid_grant'), 'refresh_rejected', 'invalid_grant'],
  [
    '400 invalid_grant with a challenge',
    error(400, 'invalid_grant', { ...json, 'www-authenticate': 'Basic' }),
    'refresh_rejected',
    'invalid_grant',
  ],
  [
    '400 invalid_grant labelled text/html',
    error(400, 'invalid_grant', { 'content-type': 'text/html' }),
    'refresh_rejected',
    'invalid_grant',
  ],
  ['400 invalid_request', error(400, 'invalid_request'), 'refresh_rejected', 'invalid_request'],
  ['400 empty', { status: 400 }, 'refresh_rejected', 'http_400'],
  ['400 empty labelled JSON', { status: 400, headers: json }, 'refresh_rejected', 'http_400'],
  [
    '400 HTML',
    { status: 400, headers: { 'content-type': 'text/html' }, body: '<p>' },
    'refresh_rejected',
    'http_400',
  ],
  [
    '400 JSON of another kind',
    { status: 400, headers: json, body: '{"message":"no"}' },
    'provider_unavailable',
    'http_400',
  ],
  ['400 invalid_scope', error(400, 'invalid_scope'), 'provider_unavailable', 'invalid_scope'],
  ['403 invalid_request', error(403, 'invalid_request'), 'provider_unavailable', 'invalid_request'],
  [
    '400 invalid_client labelled oddly',
    error(400, 'invalid_client', { 'content-type': 'application/problem+json' }),
    'provider_unavailable',
    'invalid_client',
  ],
  ['401 invalid_client', error(401, 'invalid_client'), 'provider_unavailable', 'invalid_client'],
  [
    '401 invalid_client with a challenge',
    error(401, 'invalid_client', { ...json, 'www-authenticate': 'Basic' }),
    'provider_unavailable',
    'invalid_client',
  ],
  [
    '401 with a challenge alone',
    { status: 401, headers: { 'www-authenticate': 'Basic realm="p"' } },
    'provider_unavailable',
    'http_401',
  ],
  ['401 empty', { status: 401 }, 'provider_unavailable', 'http_401'],
  [
    '403 unauthorized_client',
    error(403, 'unauthorized_client'),
    'provider_unavailable',
    'unauthorized_client',
  ],
  [
    '404 of a proxy',
    { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>' },
    'provider_unavailable',
    'http_404',
  ],
  ['403 empty', { status: 403 }, 'provider_unavailable', 'http_403'],
  ['408', { status: 408 }, 'provider_unavailable', 'http_408'],
  ['429 JSON', error(429, 'too_many_requests'), 'provider_unavailable', 'too_many_requests'],
  ['429 empty', { status: 429 }, 'provider_unavailable', 'http_429'],
  ['500', { status: 500 }, 'provider_unavailable', 'http_500'],
  [
    '502 HTML',
    { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>' },
    'provider_unavailable',
    'http_502',
  ],
  ['503 JSON', error(503, 'temporarily_unavailable'), 'provider_unavailable', 'http_503'],
  ['302', { status: 302, headers: { location: '/x' } }, 'provider_unavailable', 'http_302'],
  [
    '200 HTML',
    { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>' },
    'provider_unavailable',
    'provider_error',
  ],
  [
    '200 without a token',
    { status: 200, headers: json, body: '{}' },
    'provider_unavailable',
    'OAUTH_INVALID_RESPONSE',
  ],
]

t.test('RT-5 S-25 D-8 only a definite refusal ends the session', async (t) => {
  const { scripted, provider, record, eventsOf } = await signedIn(t)
  for (const [name, answer, reason, providerError] of ANSWERS) {
    scripted.script.tokenAnswer = () => answer
    scripted.script.raw = (path) => (path === '/token' ? answer : undefined)
    const failed = await failure(refreshed(provider, record))
    t.match(failed, { reason, providerError }, name)
  }
  const steps = eventsOf('provider_refused_client')
  t.same(new Set(steps.map((one) => one.step)), new Set(['refresh_token']))
  t.equal(steps.length, 6, 'TK-15 every refusal of the client is reported')
})

t.test('RT-5 a network failure and a silent provider prove nothing', async (t) => {
  const { scripted, provider, record } = await signedIn(t, { timeoutMs: 300 })
  scripted.script.dropAfterReceipt = (path) => path === '/token'
  t.match(await failure(refreshed(provider, record)), {
    reason: 'provider_unavailable',
    providerError: 'network',
  })
  t.equal(scripted.callsTo('refresh_token'), 1, 'TK-14 never sent twice')
  delete scripted.script.dropAfterReceipt
  scripted.script.latencyMs = { '/token': 3_000 }
  t.match(await failure(refreshed(provider, record)), {
    reason: 'provider_unavailable',
    providerError: 'timeout',
  })
  await scripted.stop()
  t.match(await failure(refreshed(provider, record)), {
    reason: 'provider_unavailable',
    providerError: 'network',
  })
})

t.test(
  'TK-14 a refresh whose connection was never made is sent when the provider is back a moment later',
  async (t) => {
    const { scripted, provider, record } = await signedIn(t)
    await scripted.stop()
    const refreshing = refreshed(provider, record)
    await scripted.restart()
    t.match(await refreshing, { accessToken: { value: /^at-/ } })
    t.equal(scripted.callsTo('refresh_token'), 1)
  },
)

/** RT-6: a refreshed ID token that is not of this login ends the session; one that cannot be judged does not. */
const TOKENS: readonly (readonly [
  string,
  Script,
  'refresh_rejected' | 'provider_unavailable' | 'kept',
])[] = [
  [
    'refresh-token-invalid-issuer',
    { refreshClaims: (own) => ({ ...own, iss: `${String(own['iss'])}1` }) },
    'refresh_rejected',
  ],
  [
    'refresh-token-invalid-sub',
    { refreshClaims: (own) => ({ ...own, sub: `${String(own['sub'])}1` }) },
    'refresh_rejected',
  ],
  ['another aud', { refreshClaims: (own) => ({ ...own, aud: 'other' }) }, 'refresh_rejected'],
  ['another azp', { refreshClaims: (own) => ({ ...own, azp: 'other' }) }, 'refresh_rejected'],
  [
    'an audience that is not trusted',
    {
      refreshClaims: (own) => ({ ...own, aud: ['gateway-client', 'other'], azp: 'gateway-client' }),
    },
    'refresh_rejected',
  ],
  ['another nonce', { refreshClaims: (own) => ({ ...own, nonce: 'other' }) }, 'refresh_rejected'],
  ['no nonce', { refreshClaims: (own) => ({ ...own, nonce: undefined }) }, 'kept'],
  ['the same in every respect', {}, 'kept'],
  ['signed by nobody we know', { signingKey: 'foreign' }, 'provider_unavailable'],
  ['expired', { refreshClaims: (own) => ({ ...own, exp: 1 }) }, 'provider_unavailable'],
  ['AT-42 of a clock 90 s ahead', { refreshClaims: (own) => offBy(own, 90) }, 'kept'],
  ['AT-42 of a clock 90 s behind', { refreshClaims: (own) => offBy(own, -390) }, 'kept'],
  [
    'at_hash of another token',
    { refreshClaims: (own) => ({ ...own, at_hash: 'x' }) },
    'provider_unavailable',
  ],
  [
    'TK-10 an access token with CR LF',
    { tokenAnswer: (own) => ({ ...own, access_token: 'a\r\nb' }) },
    'provider_unavailable',
  ],
]

/** It lives 300 s. */
function offBy(own: Record<string, unknown>, seconds: number): Record<string, unknown> {
  return { ...own, iat: Number(own['iat']) + seconds, exp: Number(own['exp']) + seconds }
}

t.test('RT-6 a refreshed ID token has to be of the same login', async (t) => {
  const scripted = await startScriptedProvider(t)
  for (const [name, script, becomes] of TOKENS) {
    for (const key of Object.keys(scripted.script)) delete scripted.script[key as keyof Script]
    const { provider, login } = connectTo(t, scripted)
    const record = recordOf(await login())
    Object.assign(scripted.script, script)
    const work = refreshed(provider, record)
    if (becomes === 'kept') t.match(await work, { accessToken: { value: /^at-/ } }, name)
    else t.match(await failure(work), { reason: becomes }, name)
  }
})

t.test('RT-3 an answer that cannot be used brings its refresh token all the same', async (t) => {
  const scripted = await startScriptedProvider(t)
  const unusable = TOKENS.filter(([, , becomes]) => becomes === 'provider_unavailable')
  for (const [name, script] of unusable) {
    if (name === 'expired') continue // refused by the library, which keeps the answer to itself
    for (const key of Object.keys(scripted.script)) delete scripted.script[key as keyof Script]
    const { provider, login } = connectTo(t, scripted)
    const record = recordOf(await login())
    Object.assign(scripted.script, script)
    const answer = await refreshTokenGrant(provider, record)
    const expected = { refused: { reason: 'provider_unavailable' }, refreshToken: /^rt-/ }
    t.match(answer, expected, name)
    t.not(answer.refreshToken, record.refreshToken, 'it was rotated')
  }
})

t.test(
  'RT-16 D-8 a refreshed ID token whose key cannot be had just now costs its claims, not the session',
  async (t) => {
    const { scripted, provider, record, eventsOf } = await signedIn(t)
    await scripted.rotateKeys() // within the cool-down of the key set
    scripted.script.refreshClaims = (own) => ({ ...own, groups: ['unproven'] })
    const answer = await refreshed(provider, record)
    t.same(Object.keys(answer).sort(), ['accessToken', 'refreshToken'])
    t.match(eventsOf('warning'), [{ code: 'id_token_key_missing' }])
    scripted.script.refreshClaims = (own) => ({ ...own, sub: 'mallory' })
    const rotated = { ...record, refreshToken: answer.refreshToken ?? '' }
    t.match(await failure(refreshed(provider, rotated)), { reason: 'refresh_rejected' })
  },
)

t.test('RT-6 a session whose login had no nonce takes no nonce', async (t) => {
  const { provider, record } = await signedIn(t)
  const { nonce: _, ...without } = record
  t.match(await failure(refreshed(provider, without)), { reason: 'refresh_rejected' })
})

t.test('a session without a refresh token cannot be refreshed', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const { refreshToken: _, ...without } = record
  t.match(await failure(refreshed(provider, without)), { reason: 'refresh_rejected' })
  t.equal(scripted.callsTo('refresh_token'), 0)
})
