import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import { failure, outcome, recordOf, startLoginBed } from './login-fixture.ts'

t.test(
  'S-18 S-19 TK-1 TK-18 the code is exchanged by one form POST with the same redirect_uri and the verifier',
  async (t) => {
    const redirectUri = 'https://APP.example.com:443/oauth2/callback?tenant=a'
    const { scripted, begin, provider } = await startLoginBed(t, { redirectUri })
    const { url, callback, transaction } = await begin()
    await authorizationCodeGrant(provider, callback, transaction)
    const [call] = scripted.requests.filter((one) => one.path === '/token')
    t.equal(call?.method, 'POST')
    t.equal(call?.query.size, 0)
    t.match(call?.headers['content-type'], /^application\/x-www-form-urlencoded/)
    t.match(Object.fromEntries(call?.form ?? []), {
      grant_type: 'authorization_code',
      code: callback.get('code'),
      redirect_uri: redirectUri,
      code_verifier: transaction.codeVerifier,
    })
    t.equal(url.searchParams.get('redirect_uri'), redirectUri)
  },
)

t.test(
  'S-20 S-28 a sign-in holds what a session needs, and the claims as they are named',
  async (t) => {
    const { scripted, begin, provider } = await startLoginBed(t)
    scripted.script.loginClaims = (own) => ({
      ...own,
      acr: 'phr',
      auth_time: 1_700_000_000,
      'https://foo.com/myclaim': ['a', 'b'],
      at_hash: undefined,
      ['__proto__']: { evil: true },
    })
    scripted.script.tokenAnswer = (own) => ({ ...own, scope: 'openid read:orders', unknown: 1 })
    const beforeMs = Date.now()
    const { callback, transaction } = await begin()
    const signIn = await authorizationCodeGrant(provider, callback, transaction)
    t.match(signIn, {
      issuer: scripted.issuer,
      subject: 'alice',
      sid: 'sid-alice',
      acr: 'phr',
      authTimeMs: 1_700_000_000_000,
      nonce: transaction.nonce,
      idToken: /^ey/,
      refreshToken: /^rt-/,
      accessToken: { target: '', value: /^at-/, scope: 'openid read:orders' },
    })
    t.same(signIn.claims['https://foo.com/myclaim'], ['a', 'b'])
    t.notOk(
      'nonce' in signIn.claims ||
        'exp' in signIn.claims ||
        Object.hasOwn(signIn.claims, '__proto__'),
    )
    t.ok(
      signIn.accessToken.obtainedAtMs >= beforeMs && signIn.accessToken.obtainedAtMs <= Date.now(),
    )
    t.equal(signIn.accessToken.expiresAtMs - signIn.accessToken.obtainedAtMs, 600_000)
  },
)

t.test('TK-9 an answer without scope grants what was asked for', async (t) => {
  const { login } = await startLoginBed(t, { scope: 'openid a b' })
  t.equal((await login()).accessToken.scope, 'openid a b')
})

const LIVES: readonly { given: unknown; lifeMs?: number }[] = [
  { given: undefined, lifeMs: 300_000 },
  { given: 60, lifeMs: 60_000 },
  { given: '60', lifeMs: 60_000 },
  { given: 0, lifeMs: 0 },
  { given: 1e300, lifeMs: 366 * 86_400_000 },
  { given: -5 },
  { given: 'soon' },
  { given: null, lifeMs: 300_000 }, // left out, by servers that write every member
]

t.test('TK-8 the life of an access token is what expires_in says, within reason', async (t) => {
  const { scripted, login } = await startLoginBed(t, { defaultAccessTokenLifetimeMs: 300_000 })
  for (const { given, lifeMs } of LIVES) {
    scripted.script.expiresIn = given
    if (lifeMs === undefined) {
      t.equal(await outcome(login()), 'provider_error', String(given))
      continue
    }
    const { accessToken } = await login()
    t.equal(accessToken.expiresAtMs - accessToken.obtainedAtMs, lifeMs, String(given))
  }
})

/** What Keycloak, and others, say of their refresh tokens; 0 is one without end. */
const REFRESH_LIVES: readonly { told: object; lifeMs: number | undefined }[] = [
  { told: { refresh_expires_in: 1_800 }, lifeMs: 1_800_000 },
  { told: { refresh_token_expires_in: '3600' }, lifeMs: 3_600_000 },
  { told: { refresh_expires_in: 1e300 }, lifeMs: 366 * 86_400_000 },
  { told: { refresh_expires_in: 0 }, lifeMs: undefined },
  { told: { refresh_expires_in: -1 }, lifeMs: undefined },
  { told: { refresh_expires_in: null }, lifeMs: undefined },
  { told: { refresh_expires_in: 'soon' }, lifeMs: undefined },
  { told: { refresh_expires_in: {} }, lifeMs: undefined },
  { told: {}, lifeMs: undefined },
]

t.test('RT-11 the life of a refresh token is known where the provider tells', async (t) => {
  const { scripted, provider, login } = await startLoginBed(t)
  for (const { told, lifeMs } of REFRESH_LIVES) {
    scripted.script.tokenAnswer = (answer) => ({ ...answer, ...told })
    const signIn = await login()
    t.equal(signIn.refreshTokenLifetimeMs, lifeMs, JSON.stringify(told))
    const refreshed = await refreshTokenGrant(provider, recordOf(signIn))
    t.equal('accessToken' in refreshed && refreshed.refreshTokenLifetimeMs, lifeMs)
  }
})

for (const [error, status] of [
  ['invalid_client', 401],
  ['unauthorized_client', 403],
] as const) {
  t.test(`TK-15 S-3 ${error} is reported to the operator with the grant`, async (t) => {
    const { scripted, login, eventsOf } = await startLoginBed(t)
    scripted.script.tokenAnswer = () => ({
      status,
      headers: { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="p"' },
      body: JSON.stringify({ error }),
    })
    const refused = await failure(login())
    t.match(refused, { reason: 'provider_error', providerError: error })
    t.match(eventsOf('provider_refused_client'), [
      { step: 'authorization_code', providerError: error },
    ])
  })
}

t.test(
  'S-5 offline_access without a refresh token: one warning, however many logins',
  async (t) => {
    const { scripted, login, eventsOf } = await startLoginBed(t)
    scripted.script.offline = false
    t.equal((await login()).refreshToken, undefined)
    await login()
    t.match(eventsOf('warning'), [{ code: 'refresh_token_missing' }])
  },
)

t.test('S-5 no warning where none was asked for', async (t) => {
  const { scripted, login, eventsOf } = await startLoginBed(t, { scope: 'openid' })
  scripted.script.offline = false
  await login()
  t.same(eventsOf('warning'), [])
})

t.test(
  '8707 the one configured resource goes to the token endpoint too; of several none',
  async (t) => {
    const one = await startLoginBed(t, { resource: ['https://one.example.com/'] })
    await one.login()
    t.equal(
      one.scripted.requests.find((r) => r.path === '/token')?.form.get('resource'),
      'https://one.example.com/',
    )
    const two = await startLoginBed(t, {
      resource: ['https://one.example.com/', 'https://two.example.com/'],
    })
    await two.login()
    t.equal(two.scripted.requests.find((r) => r.path === '/token')?.form.has('resource'), false)
  },
)

t.test('AT-5 a code is of no use with another login’s transaction', async (t) => {
  const { scripted, begin, provider } = await startLoginBed(t)
  const mine = await begin()
  const other = await begin()
  const injected = new URLSearchParams({
    ...Object.fromEntries(mine.callback),
    state: other.transaction.state,
  })
  t.equal(
    await outcome(authorizationCodeGrant(provider, injected, other.transaction)),
    'login_refused',
  )
  t.equal(scripted.callsTo('/token'), 1)
})

t.test('TK-16 no message tells a token, a code, a verifier or a secret', async (t) => {
  const { scripted, begin, provider } = await startLoginBed(t)
  scripted.script.tokenAnswer = (own) => ({ ...own, access_token: 'canary-token\r\n' })
  const { callback, transaction } = await begin()
  const refused = await failure(authorizationCodeGrant(provider, callback, transaction))
  for (const secret of [
    'canary-token',
    callback.get('code') ?? '',
    transaction.codeVerifier,
    scripted.clientSecret,
  ]) {
    t.notOk(refused.message.includes(secret))
  }
})
