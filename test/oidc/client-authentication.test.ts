import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, jwtVerify } from 'jose'
import t from 'tap'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { type Owner, startLoginBed } from './login-fixture.ts'

/** One login; what the token endpoint got. */
async function tokenCall(t: Owner, options: Partial<ProviderOptions>) {
  const { scripted, login } = await startLoginBed(t, options, {
    clientSecret: options.clientSecret ?? 'x',
  })
  await login()
  const [call] = scripted.requests.filter((one) => one.path === '/token')
  const basic = Buffer.from(String(call?.headers.authorization).slice(6), 'base64').toString()
  return {
    basic,
    authorization: call?.headers.authorization,
    form: Object.fromEntries(call?.form ?? []),
  }
}

t.test(
  'TK-2 TK-3 client_secret_basic form-encodes both halves and leaves - _ . ~ alone',
  async (t) => {
    const clientSecret = "p@ss:w+rd/ é-_.~!'()*"
    const { basic, form } = await tokenCall(t, {
      clientAuthentication: 'client_secret_basic',
      clientSecret,
    })
    t.equal(basic, 'gateway-client:p%40ss%3Aw%2Brd%2F+%C3%A9-_.~%21%27%28%29%2A')
    t.notOk('client_secret' in form || 'client_id' in form)
  },
)

t.test('TK-2 client_secret_basic_raw sends both halves as they are', async (t) => {
  const clientSecret = 'p@ss:w+rd/ é-_.~'
  const { basic } = await tokenCall(t, {
    clientAuthentication: 'client_secret_basic_raw',
    clientSecret,
  })
  t.equal(basic, `gateway-client:${clientSecret}`)
})

t.test('TK-3 client_secret_post sends the secret in the body only', async (t) => {
  const { authorization, form } = await tokenCall(t, {
    clientAuthentication: 'client_secret_post',
    clientSecret: 's:1',
  })
  t.equal(authorization, undefined)
  t.match(form, { client_id: 'gateway-client', client_secret: 's:1' })
})

t.test('S-1 none: a public client names itself and proves itself by PKCE', async (t) => {
  const { authorization, form } = await tokenCall(t, { clientAuthentication: 'none' })
  t.equal(authorization, undefined)
  t.match(form, { client_id: 'gateway-client', code_verifier: /^[\w-]{43}$/ })
  t.notOk('client_secret' in form)
})

const KEYS = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

for (const [alg, generate] of Object.entries(KEYS)) {
  t.test(`TK-4 TK-3 private_key_jwt signs with ${alg}, for a minute and one place`, async (t) => {
    const { privateKey, publicKey } = generate()
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const { scripted, login } = await startLoginBed(t, {
      clientAuthentication: 'private_key_jwt',
      clientKey: { key, audience: 'issuer' },
    })
    const seen = new Set<unknown>()
    for (let nth = 0; nth < 3; nth++) {
      await login()
      const call = scripted.requests.filter((one) => one.path === '/token').at(-1)
      t.equal(call?.headers.authorization, undefined)
      const form = Object.fromEntries(call?.form ?? [])
      t.notOk('client_secret' in form)
      t.match(form, {
        client_id: 'gateway-client',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      })
      const { payload, protectedHeader } = await jwtVerify(
        form['client_assertion'] ?? '',
        publicKey,
      )
      t.equal(protectedHeader.alg, alg)
      t.equal(protectedHeader.kid, await calculateJwkThumbprint(await exportJWK(publicKey)))
      const { iss, sub, aud, iat = 0, exp = 0, jti } = payload
      t.strictSame(
        { iss, sub, aud },
        { iss: 'gateway-client', sub: 'gateway-client', aud: scripted.issuer },
      )
      t.ok(exp - iat <= 60, 'at most a minute')
      t.ok(Math.abs(iat - Date.now() / 1000) < 30)
      seen.add(jti)
    }
    t.equal(seen.size, 3, 'no assertion twice')
  })
}

t.test(
  'TK-4 for providers that want it, the audience is the token endpoint, and the key has their name',
  async (t) => {
    const { privateKey, publicKey } = KEYS.ES256()
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const { form } = await tokenCall(t, {
      clientAuthentication: 'private_key_jwt',
      clientKey: { key, keyId: 'ours-1', audience: 'token_endpoint' },
    })
    const { payload, protectedHeader } = await jwtVerify(form['client_assertion'] ?? '', publicKey)
    t.match(payload.aud, /^http:.*\/token$/)
    t.equal(protectedHeader.kid, 'ours-1')
  },
)
