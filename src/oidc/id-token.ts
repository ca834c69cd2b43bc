import { createHash } from 'node:crypto'
import { errors } from 'jose'
import type { JWTVerifyOptions } from 'jose'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Claims } from './id-token-claims.ts'
import { audienceProblem, idTokenProblem } from './id-token-claims.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { ProviderError } from './provider-error.ts'
import type { ProviderOptions } from './provider-options.ts'
import { isKeysUnreadable, verifySignedToken } from './signed-token.ts'

/** The `providerError` of an ID token for somebody else. */
export const NOT_FOR_US = 'id_token_audience'

/**
 * Verifies signature, header and claims of an ID token (OpenID Connect Core §3.1.3.7), always and
 * with our keys, algorithms and clock tolerance. The nonce is for the grants to compare.
 *
 * @throws GatewayError provider_error: the token is not what it must be
 * @throws GatewayError provider_unavailable: its key could not be read
 */
export async function verifyIdToken(
  connection: ProviderConnection,
  options: ProviderOptions,
  tokens: { readonly idToken: string; readonly accessToken: string },
): Promise<Claims> {
  const { payload, protectedHeader } = await verified(connection, tokens.idToken, {
    algorithms: [...options.idTokenSigningAlgorithms],
    issuer: options.issuer,
    audience: options.clientId,
    clockTolerance: Math.ceil(options.clockToleranceMs / 1000),
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
  })
  const { typ, alg } = protectedHeader
  if (typ !== undefined && !/^(application\/)?jwt$/i.test(typ)) throw unusable('typ is not JWT')
  const { at_hash: hash } = payload
  if (hash !== undefined && hash !== accessTokenHash(tokens.accessToken, alg)) {
    throw unusable('at_hash belongs to another access token')
  }
  const problem = idTokenProblem(payload, options, Date.now())
  if (problem !== undefined) throw unusable(problem)
  const stray = audienceProblem(payload, options)
  if (stray !== undefined) throw notForUs(stray)
  return payload
}

/** Verification failed for want of the key alone: the token may be good or bad. */
export function isKeyMissing(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false
  return error.reason === 'provider_unavailable' || error.cause instanceof errors.JWKSNoMatchingKey
}

async function verified(connection: ProviderConnection, token: string, options: JWTVerifyOptions) {
  try {
    return await verifySignedToken(connection.keys, token, options)
  } catch (error) {
    throw verificationFailure(error)
  }
}

function verificationFailure(cause: unknown): GatewayError {
  if (!isKeysUnreadable(cause)) return unusable((cause as errors.JOSEError).code, cause)
  return new GatewayError('provider_unavailable', 'the keys of the provider could not be read', {
    cause,
  })
}

function unusable(why: string, cause?: unknown): GatewayError {
  return new GatewayError('provider_error', `the ID token is refused: ${why}`, { cause })
}

function notForUs(why: string): ProviderError {
  const providerError = NOT_FOR_US
  return new ProviderError('provider_error', `the ID token is refused: ${why}`, { providerError })
}

/** The left half of the token's hash, the hash being that of the signature (OpenID Connect Core §3.1.3.6). */
function accessTokenHash(accessToken: string, algorithm: string): string {
  const bits = algorithm.startsWith('Ed') ? '512' : algorithm.slice(-3)
  const hash = createHash(`sha${bits}`).update(accessToken).digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
