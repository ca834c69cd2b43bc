import { generateKeyPair, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'

const RSA_BITS = 2048

/** A fresh RS256 signing key as a private JWK: every start of the demo has its own. */
export async function signingKey(): Promise<Record<string, unknown>> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }
}
