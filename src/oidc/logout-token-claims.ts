import type { Claims } from './id-token-claims.ts'

export interface LogoutTokenExpectation {
  readonly issuer: string
  readonly clientId: string
  readonly trustedAudiences: readonly string[]
  readonly clockToleranceMs: number
}

/** Longest life of a logout token, whatever its `exp` says: a later one need not be remembered (LO-10). */
export const LONGEST_LIFE_MS = 3_600_000

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const SUBJECT = /^[\x20-\x7e]{1,255}$/ // OpenID Connect Core §2

/**
 * What is wrong with the claims of a logout token, apart from its signature; `undefined` when
 * nothing is (OpenID Connect Back-Channel Logout §2.4, §2.6). Claims it does not know do not matter.
 */
export function logoutTokenProblem(
  claims: Claims,
  expected: LogoutTokenExpectation,
  nowMs: number,
): string | undefined {
  const { iss, jti, events } = claims
  if (iss !== expected.issuer) return 'iss is another issuer'
  if (!isForUs(claims, expected)) return 'aud is not this client'
  if (!isObject(events) || !isObject(events[EVENT])) return 'events has no back-channel logout'
  if (Object.hasOwn(claims, 'nonce')) return 'it has a nonce, like an ID token'
  if (typeof jti !== 'string' || jti === '') return 'jti is missing'
  return whoseProblem(claims) ?? timeProblem(claims, expected, nowMs)
}

/** Until when the token counts; epoch milliseconds. Its times were checked. */
export function logoutTokenEndMs({ iat, exp }: Claims, clockToleranceMs: number): number {
  const endMs = Math.min(Number(exp) * 1000, Number(iat) * 1000 + LONGEST_LIFE_MS)
  return Math.ceil(endMs) + clockToleranceMs
}

function isForUs({ aud }: Claims, { clientId, trustedAudiences }: LogoutTokenExpectation): boolean {
  const audiences = [aud].flat()
  if (!audiences.includes(clientId)) return false
  return audiences.every((one) => one === clientId || trustedAudiences.includes(String(one)))
}

function whoseProblem({ sub, sid }: Claims): string | undefined {
  if (sub === undefined && sid === undefined) return 'it names neither sub nor sid'
  if (sub !== undefined && (typeof sub !== 'string' || !SUBJECT.test(sub)))
    return 'sub is no subject'
  if (sid !== undefined && (typeof sid !== 'string' || sid === '')) return 'sid is no session id'
  return undefined
}

function timeProblem(
  claims: Claims,
  { clockToleranceMs }: LogoutTokenExpectation,
  nowMs: number,
): string | undefined {
  const { iat, exp } = claims
  if (!Number.isFinite(iat)) return 'iat is not a number'
  if (!Number.isFinite(exp)) return 'exp is not a number'
  if (Number(iat) * 1000 > nowMs + clockToleranceMs) return 'iat is in the future'
  if (logoutTokenEndMs(claims, clockToleranceMs) <= nowMs) return 'it has expired'
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
