import type { Claims } from './id-token-claims.ts'

export interface BearerExpectation {
  readonly issuer: string
  readonly clockToleranceMs: number
}

/** Header types of access tokens: RFC 9068 §2.1, and what providers write that do not know it. */
const TYPE = /^(?:application\/)?(?:at\+jwt|jwt)$/i
const RFC_9068 = /^(?:application\/)?at\+jwt$/i
/** Claims that only ID tokens have (OpenID Connect Core §2, §3.1.3.6). */
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash']
/** What Keycloak and Cognito write into tokens that are for somebody else. */
const FOREIGN_KINDS = new Set(['ID', 'Refresh', 'Offline', 'Logout'])

/** Why a JWT of this header type is no access token; `undefined` when it may be one. */
export function typeProblem(typ: unknown, claims: Claims): string | undefined {
  if (typ !== undefined && !(typeof typ === 'string' && TYPE.test(typ)))
    return 'typ is not at+jwt or JWT'
  if (typeof typ === 'string' && RFC_9068.test(typ)) return undefined
  if (Object.hasOwn(claims, 'events')) return 'it tells of an event, such as a sign-out' // RFC 8417 §2.2
  if (OF_ID_TOKENS.some((name) => Object.hasOwn(claims, name))) return 'it is an ID token'
  const { typ: kind, token_use: use } = claims
  const isForeign = (typeof kind === 'string' && FOREIGN_KINDS.has(kind)) || use === 'id'
  return isForeign ? 'it is not an access token' : undefined
}

/**
 * What is wrong with the times and the origin of a token; `expired` is told apart. Times as in RFC 7519 §4.1; a token that never
 * ends is refused.
 */
export function bearerClaimsProblem(
  claims: Claims,
  { issuer, clockToleranceMs }: BearerExpectation,
  nowMs: number,
): 'expired' | (string & {}) | undefined {
  const { iss, exp, nbf, iat, cnf } = claims
  if (iss !== issuer) return 'iss is another issuer'
  if (typeof exp !== 'number') return 'exp is not a number'
  for (const [name, value] of Object.entries({ nbf, iat })) {
    if (value === undefined) continue
    if (typeof value !== 'number') return `${name} is not a number`
    if (value * 1000 > nowMs + clockToleranceMs) return `${name} is in the future`
  }
  if (cnf !== undefined) return 'it is bound to a key of its holder' // RFC 9449 §7.2, RFC 8705 §3: nobody has shown us that key
  return exp * 1000 + clockToleranceMs <= nowMs ? 'expired' : undefined
}

/** Is the token for one of these (RFC 7519 §4.1.3)? */
export function isForAudience({ aud }: Claims, audience: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return audience.some((one) => named.includes(one))
}

/** Granted scope, space-separated: `scope` (RFC 9068 §2.2.3), or `scp`, as text or list, where providers write that. */
export function scopeOf({ scope, scp }: Claims): string | undefined {
  const granted = scope ?? scp
  if (typeof granted === 'string') return granted
  return Array.isArray(granted)
    ? granted.filter((one) => typeof one === 'string').join(' ')
    : undefined
}
