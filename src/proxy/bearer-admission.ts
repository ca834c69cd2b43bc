import { decideAccess, type SessionFacts } from '../domain/access-decision.ts'
import type { BearerCredential, BearerRule, BearerToken } from '../domain/bearer-credential.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'
import type { RequestFacts } from '../domain/request-facts.ts'
import type { Lack } from '../domain/requirement.ts'
import type { Route } from '../domain/route.ts'
import type { BearerTokens, BearerVerdict } from '../oidc/bearer-tokens.ts'

/** What a request with a token of its own is let through with, or why it is not. */
export type BearerAdmission =
  | {
      readonly kind: 'forward'
      readonly session: undefined
      readonly token: string | undefined
      readonly bearer?: BearerToken
    }
  | {
      readonly kind: 'refuse'
      readonly reason: Reason
      readonly credential: 'bearer'
      readonly lack?: Lack
      readonly cause?: unknown
    }

export interface BearerGuard {
  readonly bearerTokens: BearerTokens
  /** Our own origin and the listed ones, serialised as browsers do. */
  readonly trustedOrigins: readonly string[]
  /** The clock that providers write `auth_time` by, and how far theirs may be from it. */
  readonly wallClockMs: () => number
  readonly clockToleranceMs: number
}

export interface BearerQuestion {
  readonly guard: BearerGuard
  readonly route: Route
  readonly facts: RequestFacts
}

/** What a route that takes tokens knows of a request that has none to look at. */
export const WITHOUT_TOKEN: Readonly<
  Record<Exclude<BearerCredential['kind'], 'token'>, SessionFacts>
> = {
  absent: { kind: 'none', reason: 'bearer_missing' },
  unreadable: { kind: 'rejected', reason: 'bearer_invalid' },
  several: { kind: 'rejected', reason: 'request_malformed' },
}

/**
 * Admits by a token of the caller's own. It counts alone, whatever cookies come along: somebody has set it on purpose, while
 * browsers send cookies by themselves. A token that is not good is refused, also where a session would have been (AT-39, RS-12).
 * The promise never rejects.
 */
export function admitBearer(
  question: BearerQuestion,
  rule: BearerRule,
  credential: BearerCredential,
): BearerAdmission | Promise<BearerAdmission> {
  if (credential.kind !== 'token') return decided(question, WITHOUT_TOKEN[credential.kind])
  const verdict = question.guard.bearerTokens.check(credential.token, rule)
  if (!(verdict instanceof Promise)) return ofVerdict(question, verdict)
  return verdict.then((late) => ofVerdict(question, late)).catch(refusalOf)
}

function ofVerdict(question: BearerQuestion, verdict: BearerVerdict): BearerAdmission {
  if (!('refused' in verdict)) {
    return decided(question, factsOf(question.guard, verdict), verdict)
  }
  const { refused: reason, why } = verdict
  const refusal = decided(question, { kind: 'rejected', reason })
  const cause = new GatewayError(reason, `the access token is refused: ${why}`)
  return refusal.kind === 'refuse' ? { ...refusal, cause } : refusal
}

function decided(
  { guard, route, facts }: BearerQuestion,
  caller: SessionFacts,
  bearer?: BearerToken,
): BearerAdmission {
  const decision = decideAccess(route, caller, facts, guard.trustedOrigins)
  switch (decision.kind) {
    case 'forward':
      return bearer === undefined
        ? { kind: 'forward', session: undefined, token: undefined }
        : { kind: 'forward', session: undefined, token: bearer.value, bearer }
    case 'login': // never: no login gives a caller another token
      return { kind: 'refuse', reason: 'bearer_missing', credential: 'bearer' }
    case 'refuse':
      return { ...decision, credential: 'bearer' }
  }
}

function factsOf(guard: BearerGuard, { claims, scope }: BearerToken): SessionFacts {
  const { acr, auth_time: authTime } = claims
  const authAgeMs =
    typeof authTime === 'number'
      ? guard.wallClockMs() - authTime * 1000 - guard.clockToleranceMs
      : undefined
  const how = typeof acr === 'string' ? acr : undefined
  return { kind: 'bearer', claims, scope, acr: how, authAgeMs }
}

function refusalOf(cause: unknown): BearerAdmission {
  const reason = cause instanceof GatewayError ? cause.reason : 'internal_error'
  return { kind: 'refuse', reason, credential: 'bearer', cause }
}
