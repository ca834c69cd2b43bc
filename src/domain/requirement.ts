import { claimAt } from './claim.ts'
import type { StepUp } from './step-up.ts'

/** What a route asks of a caller beyond being known: all of it must hold. */
export interface Requirement extends Condition {
  /** How and when the user must have signed in. */
  readonly stepUp?: StepUp
  /** One of these must hold as a whole. */
  readonly any?: readonly Condition[]
  /** Each of these must hold. */
  readonly all?: readonly (Condition & { readonly any?: readonly Condition[] })[]
}

/** Scope and claims that must all be there. */
export interface Condition {
  /** Every one must have been granted. */
  readonly scope?: readonly string[]
  readonly claims?: readonly RequiredClaim[]
}

/** A claim that must have one of these values; a claim that is a list, at least one of them. */
export interface RequiredClaim {
  /** As written in the configuration: what callers are told. */
  readonly name: string
  readonly path: readonly string[]
  readonly oneOf: readonly ClaimValue[]
}

/** Compared with its type: `true` is not `"true"`. */
export type ClaimValue = string | number | boolean

/** What is known of a caller, by session or by token. */
export interface Standing {
  readonly claims: Readonly<Record<string, unknown>>
  /** Of the token that speaks for the user upstream; space-separated, as granted, not as asked (RFC 6749 §5.1). */
  readonly scope: string | undefined
  /** That token is still to be fetched: nobody is refused for its scope yet. */
  readonly scopeIsToCome?: boolean
  /** How the user signed in, in the provider's word. */
  readonly acr: string | undefined
  /** Milliseconds since the user proved who they are, at least; `undefined`: the provider does not say. */
  readonly authAgeMs: number | undefined
}

/** What no login mends. */
type FixedLack =
  | { readonly reason: 'claims_unmet'; readonly claims: readonly string[] }
  | { readonly reason: 'insufficient_scope'; readonly scope: readonly string[] }

/** What a caller lacks, in the words that it is told. */
export type Lack = FixedLack | { readonly reason: 'step_up_required'; readonly stepUp: StepUp }

/**
 * What a caller lacks of a requirement; `undefined` when nothing. A missing claim is told before a missing scope: another
 * token may have the scope, but nothing that callers do changes their claims. A better login is asked for last, and only
 * if it would let them in.
 */
export function lackOf(
  { any, all = [], stepUp, ...own }: Requirement,
  standing: Standing,
): Lack | undefined {
  const lacks = [
    lackOfCondition(own, standing),
    any && lackOfAny(any, standing),
    ...all.flatMap((group) => [
      lackOfCondition(group, standing),
      group.any && lackOfAny(group.any, standing),
    ]),
  ].filter((lack) => lack !== undefined)
  if (lacks.length > 0) return merged(lacks)
  return stepUp === undefined || isSteppedUp(stepUp, standing)
    ? undefined
    : { reason: 'step_up_required', stepUp }
}

/** Both are asked for again when one is missing: the answer to a stronger login may rest on an older one. */
function isSteppedUp({ acrValues, maxAgeSeconds }: StepUp, { acr, authAgeMs }: Standing): boolean {
  if (acrValues !== undefined && (acr === undefined || !acrValues.includes(acr))) return false
  if (maxAgeSeconds === undefined) return true
  return authAgeMs !== undefined && authAgeMs <= maxAgeSeconds * 1000
}

function lackOfCondition(
  { claims = [], scope = [] }: Condition,
  standing: Standing,
): FixedLack | undefined {
  const unmet = claims.filter((claim) => !isMet(claim, standing.claims))
  if (unmet.length > 0) return { reason: 'claims_unmet', claims: unmet.map(({ name }) => name) }
  if (standing.scopeIsToCome === true) return undefined
  const granted = standing.scope?.split(' ') ?? []
  // The whole scope that is needed, not the missing part: what RFC 6750 §3 has the challenge say.
  return scope.every((one) => granted.includes(one))
    ? undefined
    : { reason: 'insufficient_scope', scope }
}

/** Of several ways in, one that asks for scope alone is the one that is told. */
function lackOfAny(conditions: readonly Condition[], standing: Standing): FixedLack | undefined {
  const lacks = conditions.map((condition) => lackOfCondition(condition, standing))
  if (lacks.includes(undefined)) return undefined
  const found = lacks.filter((lack) => lack !== undefined)
  return found.find(({ reason }) => reason === 'insufficient_scope') ?? merged(found)
}

function merged(lacks: readonly FixedLack[]): FixedLack {
  const claims = lacks.flatMap((lack) => (lack.reason === 'claims_unmet' ? lack.claims : []))
  if (claims.length > 0) return { reason: 'claims_unmet', claims: [...new Set(claims)] }
  const scope = lacks.flatMap((lack) => (lack.reason === 'insufficient_scope' ? lack.scope : []))
  return { reason: 'insufficient_scope', scope: [...new Set(scope)] }
}

function isMet({ path, oneOf }: RequiredClaim, claims: Standing['claims']): boolean {
  const value = claimAt(claims, path)
  const held: readonly unknown[] = Array.isArray(value) ? value : [value]
  return oneOf.some((wanted) => held.includes(wanted))
}
