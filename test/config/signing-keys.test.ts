import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { ConfigError, formatDiagnostic } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load-config.ts'
import { ENV } from './config-bed.ts'

const { privateKey: p256 } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: otherP256 } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: ed25519 } = generateKeyPairSync('ed25519')
const { privateKey: rsa, publicKey: publicRsa } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
})

function pem(key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): string {
  return key.export({ type, format: 'pem' }).toString()
}

function jwk(key: KeyObject, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({ ...key.export({ format: 'jwk' }), ...changes })
}

/** What the loader makes of these texts as identity.keys: the keys, or every problem. */
function loaded(...texts: string[]) {
  const yaml = `
publicUrl: https://app.example.com
provider: { issuer: "https://idp.example.com", clientId: gateway, clientSecret: "\${OIDC_CLIENT_SECRET}" }
session: { secrets: ["\${SESSION_SECRET}"] }
identity:
  keys: [${texts.map((_, at) => `"\${file:${at}}"`).join(', ')}]
routes: [{ path: /*, upstream: "http://app", identity: {} }]
`
  const readFile = (path: string) => ({ value: texts[Number(path)] ?? '' })
  try {
    const { config } = parseConfig(yaml, 'gateway.yaml', { env: ENV, readFile })
    return { keys: config.identity?.keys ?? [], problems: [] }
  } catch (error) {
    if (error instanceof ConfigError)
      return { keys: [], problems: error.diagnostics.map(formatDiagnostic) }
    throw error
  }
}

const GOOD: Readonly<Record<string, string>> = {
  'P-256, PKCS #8': pem(p256),
  'P-256, SEC 1': pem(p256, 'sec1'),
  'P-256, SEC 1 behind its parameters, as openssl ecparam writes it': `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(p256, 'sec1')}`,
  'P-256, JWK': jwk(p256),
  'P-256, JWK that says what it is for': jwk(p256, { alg: 'ES256', use: 'sig', kid: 'mine' }),
  'Ed25519, PEM': pem(ed25519),
  'Ed25519, JWK': jwk(ed25519),
  'RSA of 2048 bits, PKCS #8': pem(rsa),
  'RSA of 2048 bits, PKCS #1': pem(rsa, 'pkcs1'),
  'RSA of 2048 bits, JWK': jwk(rsa),
}

for (const [name, text] of Object.entries(GOOD)) {
  t.test(`signs with ${name}`, async (t) => {
    const { keys, problems } = loaded(text)
    t.same(problems, [])
    t.ok(createPrivateKey(keys[0] ?? '').type === 'private')
  })
}

const { privateKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const { privateKey: small } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicExponent: 3,
})
const { privateKey: p384 } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const { privateKey: secp256k1 } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
const { privateKey: ed448 } = generateKeyPairSync('ed448')
const { privateKey: x25519 } = generateKeyPairSync('x25519')
const { privateKey: dsa } = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 })
const { privateKey: pss } = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
const { x, y } = otherP256.export({ format: 'jwk' })

const BAD: Readonly<Record<string, readonly [string, RegExp]>> = {
  'RSA of 1024 bits': [pem(weak), /is weak/],
  'RSA with the exponent 3': [pem(small), /is weak/],
  'P-384': [pem(p384), /another curve/],
  secp256k1: [pem(secp256k1), /another curve/],
  Ed448: [pem(ed448), /another kind/],
  X25519: [pem(x25519), /another kind/],
  DSA: [pem(dsa), /another kind/],
  'RSA-PSS': [pem(pss), /another kind/],
  'a public key': [publicRsa.export({ type: 'spki', format: 'pem' }).toString(), /is public/],
  'a public JWK': [jwk(publicRsa), /is public/],
  'a shared secret': [JSON.stringify({ kty: 'oct', k: 'c2VjcmV0' }), /shared secret/],
  'a passphrase': [
    p256
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString(),
    /passphrase/,
  ],
  'half a key': [pem(p256).slice(0, 90), /is damaged/],
  'JSON that is cut off': [jwk(p256).slice(0, 40), /not JSON/],
  'JSON of no key': ['{"kty":"EC","d":"x"}', /is damaged/],
  'a JWK with the public half of another': [jwk(p256, { x, y }), /belong together|damaged/],
  'a JWK for encryption': [jwk(p256, { use: 'enc' }), /something else/],
  'a JWK for another algorithm': [jwk(rsa, { alg: 'PS256' }), /something else/],
  'the path of a file': ['/run/secrets/identity.pem', /is not the text of a key/],
  'an array of JSON': ['[1]', /is not the text of a key/],
}

for (const [name, [text, problem]] of Object.entries(BAD)) {
  t.test(`CF-1 refuses ${name}, at its place and without showing it`, async (t) => {
    const { problems } = loaded(pem(ed25519), text)
    t.equal(problems.length, 1)
    t.match(problems[0], /^gateway\.yaml:6:2\d: identity\.keys\[1\]: /)
    t.match(problems[0], problem)
    const lines = text.match(/[\w+/-]{12,}/g) ?? []
    for (const line of lines.filter((line) => /\d/.test(line))) t.notOk(problems[0]?.includes(line))
  })
}

t.test('the same key twice is a mistake, also in another notation', async (t) => {
  t.match(loaded(pem(p256), jwk(p256)).problems, [/keys\[1\]: repeats an earlier entry/])
})
