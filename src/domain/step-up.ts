/** How a user must have signed in, beyond having done so (RFC 9470 §4). */
export interface StepUp {
  /** One of these, best first. */
  readonly acrValues?: readonly string[]
  /** Longest time since the user proved who they are. */
  readonly maxAgeSeconds?: number
}

/** The same as parameters of an authorization request, of a challenge or of a login link. */
export function stepUpParameters({ acrValues, maxAgeSeconds }: StepUp): Record<string, string> {
  return {
    ...(acrValues === undefined ? {} : { acr_values: acrValues.join(' ') }),
    ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
  }
}

/** Reads those parameters; `undefined` when they ask for nothing. */
export function parseStepUp(
  acrValues: string | undefined,
  maxAge: string | undefined,
): StepUp | undefined {
  const words = acrValues?.split(' ').filter((word) => word !== '') ?? []
  const seconds = maxAge !== undefined && /^\d{1,9}$/.test(maxAge) ? Number(maxAge) : undefined
  if (words.length === 0 && seconds === undefined) return undefined
  return {
    ...(words.length === 0 ? {} : { acrValues: words }),
    ...(seconds === undefined ? {} : { maxAgeSeconds: seconds }),
  }
}

const LONGEST_MEMORY_MS = 60_000
const SHORTEST_MEMORY_MS = 10_000 // a redirect and a slow page

/**
 * How long after a step-up the same demand for the same page means that it did not help, and not that it is due again:
 * the guard against loops (RFC 9470 §4, STANDARDS RS-7). Milliseconds.
 */
export function stepUpMemoryMs({ maxAgeSeconds }: StepUp): number {
  if (maxAgeSeconds === undefined) return LONGEST_MEMORY_MS
  return Math.min(Math.max(maxAgeSeconds * 1000, SHORTEST_MEMORY_MS), LONGEST_MEMORY_MS)
}
