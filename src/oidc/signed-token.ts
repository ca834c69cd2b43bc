import { errors, jwtVerify } from 'jose'
import type { JWTVerifyOptions, JWTVerifyResult } from 'jose'
import type { ProviderKeys } from './provider-keys.ts'

/**
 * Verifies a token that the provider signed, with its keys and nobody else's. A token without `kid`
 * is tried with every key that fits.
 *
 * @throws the library's own errors; `isKeysUnreadable` tells those that say nothing about the token
 */
export async function verifySignedToken(
  { keyOf }: ProviderKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keyOf, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    return verifiedByAnyOf(error, token, options)
  }
}

/** The keys could not be had: the token may be good or bad. */
export function isKeysUnreadable(error: unknown): boolean {
  return !(error instanceof errors.JOSEError) || KEYS_NOT_READ.has(error.code)
}

const KEYS_NOT_READ = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'])

async function verifiedByAnyOf(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  let last: unknown = keys
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options)
    } catch (error) {
      if (isOfKeyAlone(error)) continue
      last = error
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
    }
  }
  throw last
}

/** One key that is too short, or broken, says nothing of the others. */
function isOfKeyAlone(error: unknown): boolean {
  return !(error instanceof errors.JOSEError)
}
