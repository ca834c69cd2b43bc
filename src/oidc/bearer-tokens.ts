import type { BearerRule, BearerToken } from '../domain/bearer-credential.ts'
import { bearerClaimsProblem, isForAudience, scopeOf } from './bearer-token-claims.ts'
import {
  createBearerTokenVerification,
  type RefusedToken,
  type VerifiedToken,
} from './bearer-token-verification.ts'
import type { Claims } from './id-token-claims.ts'
import type { Provider } from './provider.ts'
import { createTokenIntrospection, type IntrospectedToken } from './token-introspection.ts'

export type BearerVerdict = BearerToken | RefusedToken

export interface BearerTokens {
  /**
   * Whether a route takes this token: at once when it was checked before, else a promise.
   *
   * @throws GatewayError provider_unavailable, provider_error, overloaded: by the promise; nobody knows
   */
  check(token: string, rule: BearerRule): BearerVerdict | Promise<BearerVerdict>
}

const SIGNED = /^[\w-]+\.[\w-]+\.[\w-]+$/
const NEVER_MS = 8.64e15

/** Checks access tokens that callers bring: JWTs by the provider's keys, others by asking the provider. */
export function createBearerTokens(provider: Provider, nowMs: () => number): BearerTokens {
  const verification = createBearerTokenVerification(provider)
  const introspection = createTokenIntrospection(provider)
  const { issuer, clockToleranceMs } = provider.options

  function forAudience(value: string, { audience }: BearerRule, claims: Claims): BearerVerdict {
    if (!isForAudience(claims, audience)) return invalid('aud is another audience')
    const { exp, sub } = claims
    const subject = typeof sub === 'string' ? sub : undefined
    const expiresAtMs = typeof exp === 'number' ? exp * 1000 : NEVER_MS
    return { value, claims, scope: scopeOf(claims), issuer, subject, expiresAtMs }
  }

  function ofVerified(token: string, rule: BearerRule, found: VerifiedToken): BearerVerdict {
    if (!rule.algorithms.includes(found.algorithm)) return invalid('alg is not one of this route')
    return forAudience(token, rule, found.claims)
  }

  function ofIntrospected(token: string, rule: BearerRule, found: IntrospectedToken) {
    const { claims } = found
    const { iss = issuer, exp = NEVER_MS / 1000, token_type: type = 'Bearer' } = claims
    if (String(type).toLowerCase() !== 'bearer') return invalid('it is no bearer token')
    const expected = { issuer, clockToleranceMs }
    const problem = bearerClaimsProblem({ ...claims, iss, exp }, expected, nowMs())
    if (problem !== undefined) return invalid(problem)
    return forAudience(token, rule, claims)
  }

  function byKeys(token: string, rule: BearerRule): BearerVerdict | Promise<BearerVerdict> {
    const known = verification.known(token, nowMs())
    if (known !== undefined) return ofVerified(token, rule, known)
    return verification
      .verify(token, nowMs())
      .then((found) => ('refused' in found ? found : ofVerified(token, rule, found)))
  }

  function byIntrospection(
    token: string,
    rule: BearerRule,
  ): BearerVerdict | Promise<BearerVerdict> {
    const known = introspection.known(token, nowMs())
    if (known !== undefined) return 'refused' in known ? known : ofIntrospected(token, rule, known)
    return introspection
      .introspect(token, nowMs())
      .then((found) => ('refused' in found ? found : ofIntrospected(token, rule, found)))
  }

  return {
    check: (token, rule) => {
      if (rule.check === 'introspection') return byIntrospection(token, rule)
      if (rule.check === 'keys' || SIGNED.test(token)) return byKeys(token, rule)
      const metadata = provider.current()?.metadata
      const canAsk =
        metadata === undefined || metadata.endpoints.introspection_endpoint !== undefined
      return canAsk ? byIntrospection(token, rule) : invalid('it is no signed JWT')
    },
  }
}

function invalid(why: string): RefusedToken {
  return { refused: 'bearer_invalid', why }
}
