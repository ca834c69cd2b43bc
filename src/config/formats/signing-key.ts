import { createPrivateKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import { signatureAlgorithm, signingKeyProblem } from '../../oidc/signing-key.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

const HOW_TO_MAKE_ONE =
  'make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`'
const PUBLIC = `is public: to sign, the private key is needed; ${HOW_TO_MAKE_ONE}`

/** The text of a private key to sign with, PEM or JWK, as PEM. Never says anything of its content. */
export function parseSigningKey(text: string): Parsed<string> {
  const key = /^\s*\{/.test(text) ? fromJwk(text) : fromPem(text)
  if (typeof key === 'string') return refused(key)
  const problem = signingKeyProblem(key)
  if (problem !== undefined) return refused(problem)
  return accepted(key.export({ type: 'pkcs8', format: 'pem' }).toString())
}

function fromPem(text: string): KeyObject | string {
  if (!text.includes('-----BEGIN'))
    return `is not the text of a key: write "\${file:/path/of/key.pem}"; ${HOW_TO_MAKE_ONE}`
  if (/-----BEGIN (?:RSA )?PUBLIC KEY|-----BEGIN CERTIFICATE/.test(text)) return PUBLIC
  if (text.includes('ENCRYPTED')) return 'is locked by a passphrase, which nobody could type here'
  return privateKey(text)
}

function fromJwk(text: string): KeyObject | string {
  const jwk = jsonObject(text)
  if (jwk === undefined) return 'is not JSON'
  if (jwk['kty'] === 'oct')
    return `is a shared secret, with which upstreams could sign as well; ${HOW_TO_MAKE_ONE}`
  if (jwk['d'] === undefined) return PUBLIC
  const key = privateKey({ key: jwk, format: 'jwk' })
  if (typeof key === 'string') return key
  const { alg = signatureAlgorithm(key), use = 'sig' } = jwk
  return alg === signatureAlgorithm(key) && use === 'sig'
    ? key
    : `is for something else, by its alg or use: ${signatureAlgorithm(key)} is what it would sign with`
}

function privateKey(input: string | JsonWebKeyInput): KeyObject | string {
  try {
    return createPrivateKey(input)
  } catch {
    // The library's text is of no help to an operator, and the content is a secret.
    return `is damaged: allowed is PEM (PKCS #8, PKCS #1, SEC 1) or JWK; ${HOW_TO_MAKE_ONE}`
  }
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
