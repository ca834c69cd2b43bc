import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'

const LEAST_RSA_BITS = 2_048 // RFC 7518 §3.3
const LEAST_RSA_EXPONENT = 65_537n // with a small one, signatures have been forged against lax verifiers
const ALLOWED = 'allowed are P-256 (ES256), Ed25519 (EdDSA) and RSA of at least 2048 bits (RS256)'

/** The JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1) of a private key that `signingKeyProblem` found good. */
export function signatureAlgorithm({ asymmetricKeyType }: KeyObject): 'ES256' | 'EdDSA' | 'RS256' {
  if (asymmetricKeyType === 'ec') return 'ES256'
  return asymmetricKeyType === 'ed25519' ? 'EdDSA' : 'RS256'
}

/** Why nobody should sign with this key; `undefined` when it is good. Says nothing of its content. */
export function signingKeyProblem(key: KeyObject): string | undefined {
  return (
    kindProblem(key) ?? (signsForItself(key) ? undefined : 'has parts that do not belong together')
  )
}

function kindProblem({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  switch (asymmetricKeyType) {
    case 'ed25519':
      return undefined
    case 'ec':
      return namedCurve === 'prime256v1' ? undefined : `is of another curve: ${ALLOWED}`
    case 'rsa':
      return modulusLength >= LEAST_RSA_BITS && publicExponent >= LEAST_RSA_EXPONENT
        ? undefined
        : `is weak: ${ALLOWED}, with a public exponent of 65537 or more`
    default:
      return `is of another kind: ${ALLOWED}`
  }
}

/** A JWK may name a public half that is another key's: nobody could verify what it signs. */
function signsForItself(key: KeyObject): boolean {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const text = Buffer.from('bearergate')
  try {
    return verify(digest, text, createPublicKey(key), sign(digest, text, key))
  } catch {
    return false
  }
}
