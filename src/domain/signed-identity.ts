import type { BearerToken } from './bearer-credential.ts'
import type { LiveSession } from './live-session.ts'

/** What a route tells its upstream about the caller, signed by us. */
export interface IdentityRule {
  /** The header it comes in, lower case. */
  readonly header: string
  /** Whom it is for: an upstream takes no statement that was made for another one. */
  readonly audience: string
  /** Names of claims that it repeats. */
  readonly claims: readonly string[]
  /** The name its statements are kept under: all that shapes them. */
  readonly name: string
}

/** Who passed, as far as a statement tells. */
export interface Identified {
  /** Which caller: no two share one. What is known of them may change under it. */
  readonly key: string
  readonly issuer: string
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** What the statement says of itself, or would make it something else: no claim of the provider's takes these names. */
export const STATED_CLAIMS: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'idp_iss'],
  ...['cnf', 'nonce'], // bound to a key (RFC 7800), or an ID token
]

/** The default name; never taken from callers, whether any route uses it or not. */
export const IDENTITY_HEADER = 'x-bearergate-identity'

/** The rule, with the name that keeps its statements apart from others. */
export function identityRule(rule: Omit<IdentityRule, 'name'>): IdentityRule {
  return { ...rule, name: JSON.stringify([rule.audience, rule.claims]) }
}

export function identifiedBySession({ key, record }: LiveSession): Identified {
  const { issuer, subject, claims } = record
  return { key, issuer, subject, claims }
}

/** `undefined` for a token that names nobody. */
export function identifiedByToken(
  { issuer, subject, claims }: BearerToken,
  key: string,
): Identified | undefined {
  return subject === undefined ? undefined : { key, issuer, subject, claims }
}

export interface StatementTerms {
  /** Who says it. */
  readonly issuer: string
  /** Epoch milliseconds of the wall clock. */
  readonly issuedAtMs: number
  readonly lifetimeMs: number
}

/**
 * The claims of one statement (RFC 7519 §4.1). Subjects are unique within their provider only, which is `idp_iss`. A claim that
 * is missing or null stays out (FW-6).
 */
export function identityStatement(
  { issuer, subject, claims }: Identified,
  { audience, claims: names }: IdentityRule,
  terms: StatementTerms,
): Record<string, unknown> {
  const issuedAt = Math.floor(terms.issuedAtMs / 1000)
  const told = names.flatMap((name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    return value === undefined || value === null ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(told),
    iss: terms.issuer,
    sub: subject,
    aud: audience,
    idp_iss: issuer,
    iat: issuedAt,
    exp: issuedAt + Math.floor(terms.lifetimeMs / 1000),
  }
}
