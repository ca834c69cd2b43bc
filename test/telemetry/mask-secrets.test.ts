import t from 'tap'
import { maskSecrets } from '../../src/telemetry/mask-secrets.ts'

const SECRETS = [
  'GET https://op.example/cb?code=SECRET&state=SECRET failed',
  'redis://user:SECRET@cache:6379 refused',
  'header was Bearer SECRET',
  'header was Basic SECRET==',
  'client_secret=SECRET',
  '{"refresh_token":"SECRET"}',
  'id_token: SECRET',
  'code_verifier=SECRET',
]

for (const text of SECRETS) {
  t.test(`TK-16 masked: ${text}`, async (t) => t.notMatch(maskSecrets(text), 'SECRET'))
}

const HARMLESS = [
  'connect ECONNREFUSED 10.0.0.5:80',
  'getaddrinfo ENOTFOUND very-long-service-name.namespace.svc.cluster.local',
  'self-signed certificate in certificate chain',
  'https://tenant.eu.auth0.com/.well-known/openid-configuration answered 404',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
]

for (const text of HARMLESS) {
  t.test(`operators can still read: ${text}`, async (t) => t.equal(maskSecrets(text), text))
}

t.test('long random words are masked wherever they stand', async (t) => {
  t.notMatch(maskSecrets('unknown token kP3xWz9LmQ7vT2rB8nY5cJ4hF6gD1sA0'), 'kP3xWz')
  t.notMatch(maskSecrets(`hash ${'0123456789abcdef'.repeat(2)}`), '0123456789abcdef')
})
