import type { LoginTransaction } from '../domain/login-transaction.ts'
import type { SignIn } from '../domain/sign-in.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface ClaimsExpectation {
  readonly clockToleranceMs: number
}

export interface AudienceExpectation {
  readonly clientId: string
  readonly trustedAudiences: readonly string[]
}

const MAX_AGE_MS = 3_600_000 // an ID token comes straight from the provider: an old one was kept by somebody
const LIKE_AN_ID = /^org_/i
const SUBJECT = /^[\x20-\x7e]{1,255}$/ // OpenID Connect Core §2

/**
 * What is wrong with the claims of an ID token whose signature, issuer, audience and expiry are
 * right; `undefined` when nothing is (OpenID Connect Core §3.1.3.7; STACK O3).
 */
export function idTokenProblem(
  claims: Claims,
  expected: ClaimsExpectation,
  nowMs: number,
): string | undefined {
  const { sub, iat } = claims
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) return 'sub is not 1 to 255 ASCII characters'
  if (typeof iat !== 'number') return 'iat is not a number'
  if (iat * 1000 > nowMs + expected.clockToleranceMs) return 'iat is in the future'
  if (iat * 1000 < nowMs - MAX_AGE_MS - expected.clockToleranceMs) return 'iat is over an hour old'
  return undefined
}

/** Why an ID token that names us in `aud` is still not for us; `undefined` when it is. */
export function audienceProblem(
  { aud, azp }: Claims,
  expected: AudienceExpectation,
): string | undefined {
  if (azp !== undefined && azp !== expected.clientId) return 'azp is another client'
  const others = [aud].flat().filter((one) => one !== expected.clientId)
  if (others.length === 0) return undefined
  const trusted = others.every((one) => expected.trustedAudiences.includes(String(one)))
  return trusted && azp !== undefined ? undefined : 'aud has audiences that are not trusted'
}

/**
 * How a login falls short of what was asked for; `undefined` when it does not. The user may well be
 * who they are, but not here or not like this (OpenID Connect Core §3.1.3.7 items 12 and 13).
 */
export function loginShortfall(
  claims: Claims,
  asked: LoginTransaction['asked'],
  organizations: readonly string[],
  latestMs: number,
): string | undefined {
  const { acrValues, maxAgeSeconds, organization } = asked
  if (
    acrValues !== undefined &&
    acrValues.length > 0 &&
    !acrValues.includes(String(claims['acr']))
  ) {
    return 'acr is not one of those asked for'
  }
  if (maxAgeSeconds !== undefined) {
    const { auth_time: authTime } = claims
    if (typeof authTime !== 'number') return 'auth_time is missing'
    if ((authTime + maxAgeSeconds) * 1000 < latestMs) return 'auth_time is too long ago'
  }
  if (organization !== undefined && !isMember(claims, [organization])) {
    return 'it is not the organization asked for'
  }
  if (organizations.length > 0 && !isMember(claims, organizations)) {
    return 'the organization is not a configured one'
  }
  return undefined
}

/**
 * By id exactly, by name without case: names are case-insensitive at the provider that has them. What is written like
 * an id is one: customers who name their own organization must not name it like the id of another.
 */
function isMember(
  { org_id: id, org_name: name }: Claims,
  organizations: readonly string[],
): boolean {
  const own = typeof name === 'string' && !LIKE_AN_ID.test(name) ? name.toLowerCase() : undefined
  return organizations.some((one) => one === id || one.toLowerCase() === own)
}

const OF_ONE_TOKEN = new Set([
  'at_hash',
  'c_hash',
  's_hash',
  'nonce',
  'exp',
  'iat',
  'nbf',
  'jti',
  '__proto__',
])

/** The claims about the user: those about the one token that carried them are left out. */
export function userClaims(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_ONE_TOKEN.has(name)))
}

/** The parts of a session that are claims of its newest ID token. */
export function identityOf(claims: Claims): Pick<SignIn, 'sid' | 'acr' | 'authTimeMs'> {
  const { sid, acr, auth_time: authTime } = claims
  return {
    ...(typeof sid === 'string' ? { sid } : {}),
    ...(typeof acr === 'string' ? { acr } : {}),
    ...(typeof authTime === 'number' ? { authTimeMs: authTime * 1000 } : {}),
  }
}
