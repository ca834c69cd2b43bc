import { decodeJwt } from 'jose'
import t from 'tap'
import { tokenWish } from '../../src/domain/route-token.ts'
import type { SessionRecord } from '../../src/domain/session-record.ts'
import { clientCredentialsGrant } from '../../src/oidc/client-credentials-grant.ts'
import type { Provider } from '../../src/oidc/provider.ts'
import { routeRefreshGrant } from '../../src/oidc/route-refresh-grant.ts'
import { tokenExchangeGrant } from '../../src/oidc/token-exchange-grant.ts'
import type { RawAnswer } from '../support/scripted-provider.ts'
import { type Owner, failure, recordOf, startLoginBed } from './login-fixture.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const WISH = { audience: 'https://orders.example.com', scope: 'read' }
const RESOURCE = 'https://orders.example.com/'

async function signedIn(t: Owner) {
  const bed = await startLoginBed(t)
  return { ...bed, record: recordOf(await bed.login()) }
}

/** The three ways to a token for one route, each asking for the same. */
const GRANTS = {
  refresh_token: (provider: Provider, record: SessionRecord) =>
    routeRefreshGrant(provider, record, tokenWish('refresh', WISH)).then((answer) => {
      if ('refused' in answer) throw answer.refused
      return answer.accessToken
    }),
  [TOKEN_EXCHANGE]: (provider: Provider, record: SessionRecord) =>
    tokenExchangeGrant(provider, record, tokenWish('exchange', WISH)).then(
      ({ accessToken }) => accessToken,
    ),
  client_credentials: (provider: Provider) =>
    clientCredentialsGrant(provider, tokenWish('client_credentials', WISH)),
}

for (const [grantType, grant] of Object.entries(GRANTS)) {
  t.test(`RS-9 RT-8 ${grantType}: a token for the audience that was asked for`, async (t) => {
    const { scripted, provider, record } = await signedIn(t)
    const token = await grant(provider, record)
    t.equal(decodeJwt(token.value).aud, WISH.audience)
    t.match(token, { scope: 'read', target: /orders/ })
    const call = scripted.requests.findLast(({ path }) => path === '/token')
    t.equal(call?.form.get('grant_type'), grantType)
    t.equal(call?.form.get('audience'), WISH.audience)
    t.equal(call?.form.get('scope'), 'read')
    t.match(call?.headers.authorization, /^Basic /, 'the client authenticates')
  })
}

t.test('RT-8 resource goes out as resource (RFC 8707 §2.2)', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  await routeRefreshGrant(provider, record, tokenWish('refresh', { resource: RESOURCE }))
  const { form } = scripted.requests.findLast(({ path }) => path === '/token') ?? {}
  t.same(
    [form?.get('resource'), form?.has('audience'), form?.has('scope')],
    [RESOURCE, false, false],
  )
})

t.test('RS-9 an exchange says what it gives and what it wants (RFC 8693 §2.1)', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const answer = await tokenExchangeGrant(provider, record, tokenWish('exchange', WISH))
  t.notOk(answer.refreshToken)
  const { form } = scripted.requests.findLast(({ path }) => path === '/token') ?? {}
  t.match(Object.fromEntries(form ?? []), {
    subject_token: record.accessTokens[0]?.value,
    subject_token_type: ACCESS_TOKEN,
    requested_token_type: ACCESS_TOKEN,
  })
})

t.test('RT-3 a refresh for a route brings the rotated refresh token with it', async (t) => {
  const { provider, record } = await signedIn(t)
  const answer = await routeRefreshGrant(provider, record, tokenWish('refresh', WISH))
  t.match(answer, { refreshToken: /^rt-/ })
  t.not(answer.refreshToken, record.refreshToken)
  t.same(Object.keys(answer).sort(), ['accessToken', 'refreshToken'], 'claims stay as they were')
})

const json = (status: number, body: unknown): RawAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const html: RawAnswer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Please wait</title>',
}
const whole = (more: object) => ({
  access_token: 'a-token',
  token_type: 'Bearer',
  issued_token_type: ACCESS_TOKEN,
  ...more,
})
const without = (name: string) =>
  Object.fromEntries(Object.entries(whole({})).filter(([one]) => one !== name))

/** What a provider may answer to any of the three, and what becomes of the request. */
const ANSWERS: readonly (readonly [string, RawAnswer, string])[] = [
  ['token_type mac', json(200, whole({ token_type: 'mac' })), 'token_unusable'],
  ['token_type N_A', json(200, whole({ token_type: 'N_A' })), 'token_unusable'],
  ['no token_type', json(200, without('token_type')), 'token_unusable'],
  ['no access_token', json(200, without('access_token')), 'token_unusable'],
  ['access_token a number', json(200, whole({ access_token: 1 })), 'token_unusable'],
  [
    'access_token with CR LF',
    json(200, whole({ access_token: 'a\r\nX-Evil: 1' })),
    'token_unusable',
  ],
  ['a token of 20 KB', json(200, whole({ access_token: 'a'.repeat(20_000) })), 'token_unusable'],
  ['2 MB', json(200, whole({ more: 'a'.repeat(2_000_000) })), 'token_unusable'],
  ['expires_in -5', json(200, whole({ expires_in: -5 })), 'token_unusable'],
  ['HTML', html, 'token_unusable'],
  ['an array', json(200, []), 'token_unusable'],
  ['nothing', { status: 200 }, 'token_unusable'],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, 'token_unusable'],
  ['HTML with 400', { ...html, status: 400 }, 'token_unusable'],
  ['invalid_client', json(401, { error: 'invalid_client' }), 'token_unusable'],
  ['unauthorized_client', json(400, { error: 'unauthorized_client' }), 'token_unusable'],
  ['invalid_target', json(400, { error: 'invalid_target' }), 'token_refused'],
  ['invalid_scope', json(400, { error: 'invalid_scope' }), 'token_refused'],
  ['invalid_request', json(400, { error: 'invalid_request' }), 'token_refused'],
  ['access_denied', json(403, { error: 'access_denied' }), 'token_refused'],
  ['unsupported_grant_type', json(400, { error: 'unsupported_grant_type' }), 'token_refused'],
  ['429', json(429, { error: 'slow_down' }), 'provider_unavailable'],
  ['500', { status: 500 }, 'provider_unavailable'],
  ['HTML with 503', { ...html, status: 503 }, 'provider_unavailable'],
]

for (const [grantType, grant] of Object.entries(GRANTS)) {
  t.test(`RS-9 TK-6 TK-7 TK-10 TK-11 ${grantType}: hostile answers`, async (t) => {
    const { scripted, provider, record } = await signedIn(t)
    for (const [name, answer, becomes] of ANSWERS) {
      scripted.script.raw = (path) => (path === '/token' ? answer : undefined)
      t.equal((await failure(grant(provider, record))).reason, becomes, name)
    }
    scripted.script.raw = () => undefined
    await scripted.stop()
    t.equal((await failure(grant(provider, record))).reason, 'provider_unavailable', 'not there')
  })
}

t.test('RS-9 an exchange that gives another type of token is refused', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const types = ['urn:ietf:params:oauth:token-type:id_token', 'jwt', '', 7, null, undefined]
  for (const type of types) {
    scripted.script.tokenAnswer = (own) => ({ ...own, issued_token_type: type })
    const { reason } = await failure(GRANTS[TOKEN_EXCHANGE](provider, record))
    t.equal(reason, 'token_unusable', String(type))
  }
})

t.test('RT-5 invalid_grant: the refresh token is dead; an exchange proves nothing', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  scripted.script.raw = () => json(400, { error: 'invalid_grant' })
  t.equal((await failure(GRANTS.refresh_token(provider, record))).reason, 'refresh_rejected')
  t.equal((await failure(GRANTS[TOKEN_EXCHANGE](provider, record))).reason, 'token_refused')
  t.equal((await failure(GRANTS.client_credentials(provider))).reason, 'token_refused')
})

t.test('RT-6 a refresh for a route that answers for somebody else ends the session', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  scripted.script.refreshClaims = (own) => ({ ...own, sub: 'mallory' })
  t.equal((await failure(GRANTS.refresh_token(provider, record))).reason, 'refresh_rejected')
})

t.test(
  'a session without a refresh token gets none for a route, and nobody is asked',
  async (t) => {
    const { scripted, provider, record } = await signedIn(t)
    const { refreshToken: _, ...rest } = record
    const calls = scripted.callsTo('/token')
    t.match(await failure(GRANTS.refresh_token(provider, rest)), {
      reason: 'token_refused',
      providerError: 'no_refresh_token',
    })
    t.equal(scripted.callsTo('/token'), calls)
  },
)

t.test('RS-13 S-27 a provider that ignores the audience: its answer goes nowhere', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const jwt = (aud: string | string[]) => scripted.sign({ aud, sub: 'alice' })
  const [own, again, other, unnamed] = await Promise.all([
    jwt(['https://api.example.com', 'https://op.example/userinfo']),
    jwt('https://api.example.com'),
    jwt([WISH.audience, 'https://op.example/userinfo']),
    jwt('5b8f6f2e'),
  ])
  const [first] = record.accessTokens
  const session = { ...record, accessTokens: [{ ...first!, value: own }] }
  const refresh = async (token: string) => {
    scripted.script.tokenAnswer = (answer) => ({ ...answer, access_token: token })
    scripted.script.rotation = false
    return routeRefreshGrant(provider, session, tokenWish('refresh', WISH))
  }
  for (const token of [own, again]) {
    const answer = await refresh(token)
    t.match(answer, { refused: { reason: 'token_refused', providerError: 'audience_ignored' } })
  }
  for (const token of [other, unnamed, 'opaque']) t.notOk('refused' in (await refresh(token)))
})

t.test('RT-3 a rotated refresh token is not lost with an answer that is refused', async (t) => {
  const { scripted, provider, record } = await signedIn(t)
  const value = record.accessTokens[0]?.value
  scripted.script.tokenAnswer = (own) => ({ ...own, access_token: value })
  const answer = await routeRefreshGrant(provider, record, tokenWish('refresh', WISH))
  t.match(answer, { refused: { reason: 'token_refused' }, refreshToken: /^rt-/ })
})

t.test('TK-15 who refuses us as a client is told to the operator', async (t) => {
  const { scripted, provider, record, eventsOf } = await signedIn(t)
  scripted.script.raw = () => json(401, { error: 'invalid_client' })
  for (const grant of Object.values(GRANTS)) await failure(grant(provider, record))
  t.same(
    eventsOf('provider_refused_client').map((event) => 'step' in event && event.step),
    ['refresh_token', 'token_exchange', 'client_credentials'],
  )
})
