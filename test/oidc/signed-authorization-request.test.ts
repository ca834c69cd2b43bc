import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { connectTo } from './login-fixture.ts'

const KEYS = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
} as const

function signing(key: KeyObject, keyId?: string): Partial<ProviderOptions> {
  return { signedAuthorizationRequests: true, ...withKey(key, keyId) }
}

function withKey(key: KeyObject, keyId?: string): Partial<ProviderOptions> {
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    clientAuthentication: 'private_key_jwt',
    clientKey: { key: pem, audience: 'issuer', ...(keyId === undefined ? {} : { keyId }) },
  }
}

const wish = (parameters: Record<string, string> = {}) => ({
  returnTo: '/',
  attempt: 0,
  parameters,
})

t.test('AZ-16 one object, signed by our key, for this provider and a minute', async (t) => {
  const scripted = await startScriptedProvider(t)
  for (const [alg, key] of Object.entries(KEYS)) {
    const { provider } = connectTo(t, scripted, {
      ...signing(key),
      resource: ['https://one.example.com/', 'https://two.example.com/'],
      authorizationParameters: { claims: '{"userinfo":{"email":null}}' },
      maxAgeSeconds: 60,
      acrValues: ['phr', 'phrh'],
    })
    const before = Math.floor(Date.now() / 1000)
    const hints = { login_hint: 'ann', prompt: 'login' }
    const { url, transaction } = await authorizationRequest(provider, wish(hints), Date.now())
    const { searchParams } = new URL(url)
    t.same([...searchParams.keys()].toSorted(), ['client_id', 'request'])
    const request = searchParams.get('request') ?? ''
    const { payload } = await jwtVerify(request, createPublicKey(key), {
      issuer: 'gateway-client',
      audience: scripted.issuer,
      typ: 'oauth-authz-req+jwt',
    })
    const { alg: signedBy, kid } = decodeProtectedHeader(request)
    t.equal(signedBy, alg)
    t.equal(kid, await calculateJwkThumbprint(createPublicKey(key).export({ format: 'jwk' })))
    t.match(payload, {
      client_id: 'gateway-client',
      response_type: 'code',
      redirect_uri: 'https://app.example.com/oauth2/callback',
      scope: 'openid profile offline_access read:orders',
      state: transaction.state,
      nonce: transaction.nonce,
      code_challenge_method: 'S256',
      resource: ['https://one.example.com/', 'https://two.example.com/'],
      claims: { userinfo: { email: null } },
      max_age: 60,
      acr_values: 'phr phrh',
      login_hint: 'ann',
      prompt: 'login',
      jti: /./,
    })
    const { iat = 0, exp = 0, nbf = 0 } = payload
    t.ok(iat >= before && exp - iat === 60 && nbf <= iat)
    t.notOk('sub' in payload || 'request' in payload || 'request_uri' in payload)
  }
})

t.test('AZ-16 no login link makes a client assertion of it (RFC 9101 §10.8)', async (t) => {
  const scripted = await startScriptedProvider(t)
  const { provider } = connectTo(t, scripted, signing(KEYS.ES256, 'gateway-1'))
  const hints = {
    sub: 'gateway-client',
    iss: 'evil',
    aud: 'https://evil.example.com',
    exp: '9999999999',
    nbf: '0',
    iat: '0',
    jti: 'fixed',
    __proto__: 'x',
    max_age: 'often',
    authorization_details: '[{',
  }
  const { url } = await authorizationRequest(provider, wish(hints), Date.now())
  const request = new URL(url).searchParams.get('request') ?? ''
  const { payload, protectedHeader } = await jwtVerify(request, createPublicKey(KEYS.ES256), {
    issuer: 'gateway-client',
    audience: scripted.issuer,
    maxTokenAge: 30,
  })
  t.equal(protectedHeader.kid, 'gateway-1')
  t.notOk('sub' in payload)
  t.not(payload.jti, 'fixed')
  t.equal(payload['max_age'], 'often', "the provider's to refuse")
})

t.test('AZ-16 where the provider requires it, if there is a key to sign with', async (t) => {
  const scripted = await startScriptedProvider(t)
  const key = withKey(KEYS.ES256)
  const parametersOf = async (options: Partial<ProviderOptions>) => {
    const { provider } = connectTo(t, scripted, options)
    const { url } = await authorizationRequest(provider, wish(), Date.now())
    return [...new URL(url).searchParams.keys()]
  }
  t.notOk((await parametersOf(key)).includes('request'))
  scripted.script.metadata = (m) => ({ ...m, require_signed_request_object: true })
  t.same(await parametersOf(key), ['client_id', 'request'])
  t.notOk((await parametersOf({})).includes('request'), 'the provider says no to it')
})

t.test('AZ-14 AZ-16 pushed and signed: the object is what is pushed', async (t) => {
  const scripted = await startScriptedProvider(t)
  const { provider } = connectTo(t, scripted, {
    ...signing(KEYS.ES256),
    clientAuthentication: 'client_secret_basic',
    pushedAuthorizationRequests: true,
  })
  const { url } = await authorizationRequest(provider, wish(), Date.now())
  const { searchParams } = new URL(url)
  t.same([...searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
  const pushed = scripted.pushed(searchParams.get('request_uri')) ?? new URLSearchParams()
  t.same([...pushed.keys()].toSorted(), ['client_id', 'request'])
  const key = createPublicKey(KEYS.ES256)
  const { payload } = await jwtVerify(pushed.get('request') ?? '', key)
  t.equal(payload.iss, 'gateway-client')
})
