import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { createBearerTokens } from '../../src/oidc/bearer-tokens.ts'
import { clientCredentialsGrant } from '../../src/oidc/client-credentials-grant.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { revokeRefreshToken } from '../../src/oidc/token-revocation.ts'
import { startMutualTlsFront } from '../support/mutual-tls-front.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { CLIENT_CERTIFICATE, TEST_AUTHORITY } from '../support/upstream-certificates.ts'
import { connectTo, failure, recordOf, refreshed, type Owner } from './login-fixture.ts'

const CERTIFICATE: Partial<ProviderOptions> = {
  clientAuthentication: 'tls_client_auth',
  certificateAuthority: TEST_AUTHORITY,
  clientCertificate: { certificate: CLIENT_CERTIFICATE.cert, key: CLIENT_CERTIFICATE.key },
}

const NAMES = {
  token_endpoint: '/token',
  pushed_authorization_request_endpoint: '/par',
  userinfo_endpoint: '/userinfo',
  revocation_endpoint: '/revoke',
  introspection_endpoint: '/introspect',
} as const

/** A provider with endpoints for mutual TLS beside its others, which know nobody. */
async function mutualTlsBed(t: Owner, options: Partial<ProviderOptions> = {}) {
  const scripted = await startScriptedProvider(t)
  const front = await startMutualTlsFront(t, scripted.origin)
  const aliases = Object.entries(NAMES).map(([name, path]) => [name, front.origin + path])
  scripted.script.metadata = (m) => ({
    ...m,
    introspection_endpoint: `${scripted.origin}/introspect`,
    mtls_endpoint_aliases: {
      ...Object.fromEntries(aliases),
      authorization_endpoint: 'https://evil.example.com/authorize',
      jwks_uri: 'https://evil.example.com/keys',
      end_session_endpoint: 'https://evil.example.com/logout',
      issuer: 'https://evil.example.com',
    },
  })
  scripted.script.raw = (path) =>
    path === '/introspect'
      ? {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ active: true, sub: 'bob', aud: 'https://api.example.com' }),
        }
      : undefined
  const bed = connectTo(t, scripted, { ...CERTIFICATE, allowedOrigins: [front.origin], ...options })
  return { ...bed, front }
}

t.test('TK-17 every call of ours shows the certificate, at the endpoints for it', async (t) => {
  const { begin, provider, front, scripted } = await mutualTlsBed(t, {
    pushedAuthorizationRequests: true,
    userinfo: true,
    introspection: true,
  })
  const { callback, transaction, url } = await begin()
  t.equal(url.origin, scripted.origin, 'browsers have no certificate')
  const record = recordOf(await authorizationCodeGrant(provider, callback, transaction))
  const renewed = await refreshed(provider, record)
  await clientCredentialsGrant(provider, { via: 'client_credentials', target: 'x' })
  await createBearerTokens(provider, Date.now).check('opaque', {
    audience: ['https://api.example.com'],
    check: 'introspection',
    algorithms: ['RS256'],
  })
  await revokeRefreshToken(provider, renewed.refreshToken ?? '')
  const subject = 'bearergate test client'
  t.same(
    front.seen,
    ['/par', '/token', '/userinfo', '/token', '/userinfo', '/token', '/introspect', '/revoke'].map(
      (path) => `${path} ${subject}`,
    ),
  )
  for (const { path, headers, form } of scripted.requests) {
    if (!Object.values<string>(NAMES).includes(path) || path === '/userinfo') continue
    t.equal(headers.authorization, undefined, path)
    t.equal(form.get('client_id'), 'gateway-client', 'RFC 8705 §2: it says who it is')
    t.equal(form.get('client_secret'), null)
  }
  t.equal(
    scripted.requests.filter(({ path }) => path === '/token').length,
    front.seen.filter((line) => line.startsWith('/token')).length,
    'none of them without TLS',
  )
})

t.test('TK-17 the same with a certificate that is registered itself', async (t) => {
  const { login, front } = await mutualTlsBed(t, {
    clientAuthentication: 'self_signed_tls_client_auth',
  })
  t.match(await login(), { subject: 'alice' })
  t.same(front.seen, ['/token bearergate test client'])
})

t.test('TK-17 a certificate beside a secret is shown too', async (t) => {
  const { login, front, scripted } = await mutualTlsBed(t, {
    clientAuthentication: 'client_secret_basic',
  })
  t.match(await login(), { subject: 'alice' })
  t.same(front.seen, ['/token bearergate test client'])
  const call = scripted.requests.find(({ path }) => path === '/token')
  t.match(call?.headers.authorization, /^Basic /)
})

t.test('TK-17 without a certificate the endpoints for it are not used', async (t) => {
  const scripted = await startScriptedProvider(t)
  scripted.script.metadata = (m) => ({
    ...m,
    mtls_endpoint_aliases: { token_endpoint: 'https://mtls.example.com/token' },
  })
  t.match(await connectTo(t, scripted).login(), { subject: 'alice' })
})

t.test('TK-17 ID-3 endpoints for certificates are on a known origin', async (t) => {
  const { provider, begin, front } = await mutualTlsBed(t, { allowedOrigins: [] })
  t.equal((await failure(begin())).reason, 'provider_unavailable')
  t.match(String(provider.lastError()), /allowedOrigins does not list https:\/\/127.0.0.1:\d+ \(/)
  t.same(front.seen, [])
})

t.test('TK-17 what the operator wrote down wins, and oddities count as nothing', async (t) => {
  const { scripted, front } = await mutualTlsBed(t)
  const named = connectTo(t, scripted, {
    ...CERTIFICATE,
    allowedOrigins: [front.origin],
    endpoints: { token_endpoint: `${scripted.origin}/token` },
  })
  await named.login()
  t.same(front.seen, [])
  for (const odd of [null, 'x', [], 7, { token_endpoint: 7 }, { token_endpoint: '' }]) {
    scripted.script.metadata = (m) => ({ ...m, mtls_endpoint_aliases: odd })
    t.match(await connectTo(t, scripted, CERTIFICATE).login(), { subject: 'alice' })
  }
})

t.test(
  'TK-17 a server that wants another certificate is unavailable, not an error of ours',
  async (t) => {
    const { begin, provider, scripted, front } = await mutualTlsBed(t)
    const { callback, transaction } = await begin()
    await provider.close()
    const { clientCertificate: _, ...bare } = CERTIFICATE
    const without = connectTo(t, scripted, {
      ...bare,
      endpoints: { token_endpoint: `${front.origin}/token` },
    })
    const login = authorizationCodeGrant(without.provider, callback, transaction)
    t.equal((await failure(login)).reason, 'provider_unavailable')
    t.same(front.seen, [])
  },
)
