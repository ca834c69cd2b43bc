import { decodeJwt, decodeProtectedHeader } from 'jose'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LogoutNotice } from '../domain/provider-logout.ts'
import type { Claims } from './id-token-claims.ts'
import { logoutTokenEndMs, logoutTokenProblem } from './logout-token-claims.ts'
import type { Provider } from './provider.ts'
import { isKeysUnreadable, verifySignedToken } from './signed-token.ts'

const TYPE = /^(application\/)?logout\+jwt$/i

/**
 * Verifies a logout token (OpenID Connect Back-Channel Logout §2.6) with the keys and algorithms of
 * ID tokens. Everything that needs no key is checked first: a flood of nonsense costs the provider
 * nothing, and the rest cannot make it answer for its keys more than once in ten seconds (LO-12).
 *
 * @param requireType take only tokens whose header has `typ: logout+jwt`; many providers leave it out
 * @throws GatewayError logout_token_invalid: it is not what it must be
 * @throws GatewayError provider_unavailable: the provider's keys are not known, or not all of them
 */
export async function verifyLogoutToken(
  provider: Provider,
  token: string,
  { requireType, nowMs }: { readonly requireType: boolean; readonly nowMs: number },
): Promise<LogoutNotice> {
  const { options } = provider
  const { typ, claims } = decoded(token)
  if (typ === undefined ? requireType : !isLogoutType(typ)) throw invalid('typ is not logout+jwt')
  const problem = logoutTokenProblem(claims, options, nowMs)
  if (problem !== undefined) throw invalid(problem)
  await verifySignature(provider, token, nowMs)
  const { jti, sid, sub } = claims
  return {
    issuer: options.issuer,
    jti: String(jti),
    ...(typeof sid === 'string' ? { sid } : {}),
    ...(typeof sub === 'string' ? { subject: sub } : {}),
    validUntilMs: logoutTokenEndMs(claims, options.clockToleranceMs),
  }
}

/**
 * Who a logout token says it is from, before anything of it is verified: to know whose keys to verify it with.
 *
 * @throws GatewayError logout_token_invalid: it cannot be read
 */
export function logoutTokenIssuer(token: string): string | undefined {
  const { iss } = decoded(token).claims
  return typeof iss === 'string' ? iss : undefined
}

function decoded(token: string): { typ: unknown; claims: Claims } {
  try {
    return { typ: decodeProtectedHeader(token).typ, claims: decodeJwt(token) }
  } catch (cause) {
    throw invalid('it is no signed JWT', cause) // an encrypted one neither: nobody has a key of ours
  }
}

function isLogoutType(typ: unknown): boolean {
  return typeof typ === 'string' && TYPE.test(typ)
}

async function verifySignature(provider: Provider, token: string, nowMs: number): Promise<void> {
  const connection = provider.current() // no waiting: strangers could pile up
  if (connection === undefined) throw keysUnknown(provider.lastError())
  const { idTokenSigningAlgorithms, clockToleranceMs } = provider.options
  try {
    await verifySignedToken(connection.keys, token, {
      algorithms: [...idTokenSigningAlgorithms],
      clockTolerance: Math.ceil(clockToleranceMs / 1000),
      currentDate: new Date(nowMs),
    })
  } catch (cause) {
    throw isKeysUnreadable(cause) ? keysUnknown(cause) : invalid('it does not verify', cause)
  }
}

function invalid(why: string, cause?: unknown): GatewayError {
  return new GatewayError('logout_token_invalid', `the logout token is refused: ${why}`, { cause })
}

function keysUnknown(cause: unknown): GatewayError {
  return new GatewayError('provider_unavailable', 'the keys of the provider are not known', {
    cause,
  })
}
