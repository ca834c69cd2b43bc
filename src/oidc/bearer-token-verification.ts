import { hash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { createExpiringMap } from '../domain/expiring-map.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import { bearerClaimsProblem, typeProblem } from './bearer-token-claims.ts'
import type { Claims } from './id-token-claims.ts'
import type { Provider } from './provider.ts'
import { isKeysUnreadable, verifySignedToken } from './signed-token.ts'

/** A JWT that the provider signed and that is valid now; for whom is not looked at yet. */
export interface VerifiedToken {
  readonly claims: Claims
  readonly algorithm: string
}

/** Why a token is not taken. */
export interface RefusedToken {
  readonly refused: 'bearer_invalid' | 'bearer_expired'
  /** For the log. */
  readonly why: string
}

export interface BearerTokenVerification {
  /** What was found out before; `undefined` when it is to be verified. */
  known(token: string, nowMs: number): VerifiedToken | undefined
  /** @throws GatewayError provider_unavailable: the provider's keys are not known */
  verify(token: string, nowMs: number): Promise<VerifiedToken | RefusedToken>
}

/** All that a provider signs with; secrets, and no signature at all, are never a bearer's (RFC 8725 §3.1, §3.2). */
export const BEARER_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

const REMEMBERED = 10_000 // tokens, some 2 KB each
const LONGEST_MEMORY_MS = 600_000 // as often as keys are read again: a withdrawn key is trusted no longer than that

/**
 * Verifies access tokens that are JWTs with the provider's keys and nobody else's (RFC 9068 §4): `jku`, `x5u` and `jwk` of a header
 * are never looked at. What needs no key is checked first, so that a flood of nonsense costs little; a good token is
 * remembered by its hash until it ends.
 */
export function createBearerTokenVerification(provider: Provider): BearerTokenVerification {
  const verified = createExpiringMap<VerifiedToken>(REMEMBERED)
  const { options } = provider
  return {
    known: (token, nowMs) => verified.get(hash('sha256', token, 'base64'), nowMs),
    verify: async (token, nowMs) => {
      const header = decoded(token)
      if (header === undefined) return invalid('it is no signed JWT')
      const { algorithm, typ, claims } = header
      if (!BEARER_ALGORITHMS.some((one) => one === algorithm)) return invalid('alg is not allowed')
      const problem = typeProblem(typ, claims) ?? bearerClaimsProblem(claims, options, nowMs)
      if (problem === 'expired') return { refused: 'bearer_expired', why: 'it has expired' }
      if (problem !== undefined) return invalid(problem)
      const unsigned = await signatureProblem(provider, token, { algorithm, nowMs })
      if (unsigned !== undefined) return invalid(unsigned)
      const found = { claims, algorithm }
      const endsAtMs = Number(claims['exp']) * 1000 + options.clockToleranceMs
      const forgetAtMs = Math.min(endsAtMs, nowMs + LONGEST_MEMORY_MS)
      verified.set(hash('sha256', token, 'base64'), found, forgetAtMs)
      return found
    },
  }
}

function decoded(token: string) {
  try {
    const { alg: algorithm = '', typ } = decodeProtectedHeader(token)
    return { algorithm, typ, claims: decodeJwt(token) as Claims }
  } catch {
    return undefined
  }
}

async function signatureProblem(
  provider: Provider,
  token: string,
  { algorithm, nowMs }: { readonly algorithm: string; readonly nowMs: number },
): Promise<string | undefined> {
  const connection = provider.current() // no waiting: strangers could pile up
  if (connection === undefined) throw keysUnknown(provider.lastError())
  try {
    await verifySignedToken(connection.keys, token, {
      algorithms: [algorithm],
      clockTolerance: Math.ceil(provider.options.clockToleranceMs / 1000),
      currentDate: new Date(nowMs),
    })
    return undefined
  } catch (cause) {
    if (isKeysUnreadable(cause)) throw keysUnknown(cause)
    return 'it does not verify'
  }
}

function invalid(why: string): RefusedToken {
  return { refused: 'bearer_invalid', why }
}

function keysUnknown(cause: unknown): GatewayError {
  return new GatewayError('provider_unavailable', 'the keys of the provider are not known', {
    cause,
  })
}
