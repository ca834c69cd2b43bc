import { createHash } from 'node:crypto'
import t from 'tap'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import { startLoginBed } from './login-fixture.ts'

const wish = (parameters: Record<string, string> = {}) => ({
  returnTo: '/a?b=c',
  attempt: 2,
  parameters,
})

t.test(
  'S-6 S-7 S-8 S-9 AZ-5 AZ-7 the authorization request says exactly what is configured',
  async (t) => {
    const { provider, scripted } = await startLoginBed(t)
    const { url, transaction } = await authorizationRequest(provider, wish(), 1_000)
    const { origin, pathname, searchParams } = new URL(url)
    t.equal(origin + pathname, `${scripted.origin}/authorize`)
    t.match(Object.fromEntries(searchParams), {
      response_type: 'code',
      client_id: 'gateway-client',
      redirect_uri: 'https://app.example.com/oauth2/callback',
      scope: 'openid profile offline_access read:orders',
    })
    t.match(transaction, { returnTo: '/a?b=c', attempt: 2, startedAtMs: 1_000, asked: {} })
  },
)

t.test(
  'S-12 AZ-2 AZ-3 AZ-4 verifier, state and nonce are fresh and hold 256 bits; S256 of §1.3',
  async (t) => {
    const { provider } = await startLoginBed(t)
    const requests = await Promise.all(
      Array.from({ length: 1_000 }, () => authorizationRequest(provider, wish(), 0)),
    )
    const seen = new Set<string>()
    for (const { url, transaction } of requests) {
      const sent = new URL(url).searchParams
      seen.add(transaction.codeVerifier).add(transaction.state).add(transaction.nonce)
      const challenge = createHash('sha256').update(transaction.codeVerifier).digest('base64url')
      if (sent.get('code_challenge') !== challenge) t.fail('another challenge')
      if (sent.get('state') !== transaction.state) t.fail('another state')
      if (sent.get('nonce') !== transaction.nonce) t.fail('another nonce')
    }
    t.equal(seen.size, 3_000)
    const [{ transaction, url } = { transaction: undefined, url: '' }] = requests
    t.match(transaction?.codeVerifier, /^[\w-]{43}$/)
    t.match(transaction?.state, /^[\w-]{43}$/)
    t.match(transaction?.nonce, /^[\w-]{43}$/)
    t.equal(new URL(url).searchParams.get('code_challenge_method'), 'S256')
    t.equal(
      createHash('sha256')
        .update('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
        .digest('base64url'),
      'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    )
  },
)

t.test('AZ-18 a step-up asks over what is configured, and never for less recency', async (t) => {
  const { provider } = await startLoginBed(t, { acrValues: ['pwd'], maxAgeSeconds: 600 })
  for (const [maxAgeSeconds, sent] of [
    [60, '60'],
    [3_600, '600'],
  ] as const) {
    const stepUp = { acrValues: ['phr', 'phrh'], maxAgeSeconds }
    const { url, transaction } = await authorizationRequest(provider, { ...wish(), stepUp }, 0)
    const { searchParams } = new URL(url)
    t.equal(searchParams.get('acr_values'), 'phr phrh')
    t.equal(searchParams.get('max_age'), sent)
    t.same(transaction.asked, { acrValues: ['phr', 'phrh'], maxAgeSeconds: Number(sent) })
  }
})

t.test('AZ-6 a query already in the authorization endpoint stays', async (t) => {
  const { provider, scripted } = await startLoginBed(
    t,
    {},
    {
      script: {
        metadata: (m) => ({
          ...m,
          authorization_endpoint: `${String(m['authorization_endpoint'])}?p=1`,
        }),
      },
    },
  )
  const { url } = await authorizationRequest(provider, wish(), 0)
  t.equal(new URL(url).searchParams.get('p'), '1')
  t.equal(new URL(url).searchParams.get('client_id'), scripted.clientId)
})

t.test('AZ-8 S-10 S-11 audience is sent, and several resources stay several', async (t) => {
  const { provider } = await startLoginBed(t, {
    audience: 'https://api.example.com',
    resource: ['https://one.example.com/', 'https://two.example.com/'],
  })
  const { url } = await authorizationRequest(
    provider,
    wish({ audience: 'https://evil', resource: 'urn:evil' }),
    0,
  )
  const sent = new URL(url).searchParams
  t.same(sent.getAll('audience'), ['https://api.example.com'])
  t.same(sent.getAll('resource'), ['https://one.example.com/', 'https://two.example.com/'])
})

t.test('AZ-1 AZ-9 no parameter of a login link replaces one of the protocol', async (t) => {
  const { provider } = await startLoginBed(t, {
    authorizationParameters: { ui_locales: 'de', display: 'page', state: 'fixed', claims: '{}' },
    maxAgeSeconds: 60,
    acrValues: ['phr'],
  })
  const hostile = Object.fromEntries(
    [
      'client_id',
      'redirect_uri',
      'scope',
      'state',
      'nonce',
      'code_challenge',
      'code_challenge_method',
      'response_type',
      'response_mode',
      'request',
      'request_uri',
      'claims',
      'id_token_hint',
      'dpop_jkt',
      'registration',
      'max_age',
      'acr_values',
      'authorization_details',
    ].map((name) => [name, 'evil']),
  )
  const { url, transaction } = await authorizationRequest(
    provider,
    wish({
      ...hostile,
      connection: 'github',
      ui_locales: 'fr',
      organization: 'org_1',
      prompt: 'none',
    }),
    0,
  )
  t.notMatch(url, /evil/)
  t.match(Object.fromEntries(new URL(url).searchParams), {
    connection: 'github',
    ui_locales: 'fr',
    display: 'page',
    claims: '{}',
    max_age: '60',
    acr_values: 'phr',
  })
  t.equal(new URL(url).searchParams.get('state'), transaction.state)
  t.same(transaction.asked, {
    maxAgeSeconds: 60,
    acrValues: ['phr'],
    organization: 'org_1',
    prompt: 'none',
  })
})
