/** What a request may end with instead of being served: a reason of ours, or `no_connection`. */
export type Refusal = string

/** The time of one disturbance and what it excuses. */
export interface FaultWindow {
  readonly kind: string
  readonly startMs: number
  /** Infinity while it lasts. */
  readonly endMs: number
  /** How long after the end it may still be felt. */
  readonly graceMs: number
  /** What was refused in it, as far as documented. */
  readonly refused: number
  readonly firstRefusedMs: number
  readonly lastRefusedMs: number
}

export interface FaultWindowPlan {
  readonly kind: string
  readonly excuses: readonly Refusal[]
  /** Given the length of the disturbance. */
  readonly graceMs: (lengthMs: number) => number
  /** The only port concerned; absent: all. */
  readonly port?: number
}

/** One request, in `performance.now()`. */
export interface RequestSpan {
  readonly sentMs: number
  readonly atMs: number
  /** Absent: it went through any. */
  readonly port?: number
}

export interface FaultWindows {
  readonly all: readonly FaultWindow[]
  /** Opens one; the answer closes it. */
  open(plan: FaultWindowPlan): () => void
  /** Whether a disturbance excuses the refusal; notes it there. */
  excuses(refusal: Refusal, span: RequestSpan): boolean
  /** Whether any disturbance of such a kind was felt in this time. */
  overlaps(kinds: readonly string[], startMs: number, endMs: number): boolean
  /** The kinds of the disturbances that were felt in this time. */
  feltIn(span: RequestSpan): readonly string[]
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }
type Entry = Mutable<FaultWindow> & { readonly plan: FaultWindowPlan }

export function createFaultWindows(): FaultWindows {
  const all: Entry[] = []

  function concerns({ plan }: Entry, refusal: Refusal, { port }: RequestSpan): boolean {
    const isHere = plan.port === undefined || port === undefined || plan.port === port
    return isHere && plan.excuses.includes(refusal)
  }

  return {
    all,
    open(plan) {
      const startMs = performance.now()
      const entry: Entry = {
        plan,
        kind: plan.kind,
        startMs,
        endMs: Infinity,
        graceMs: 0,
        refused: 0,
        firstRefusedMs: Infinity,
        lastRefusedMs: -Infinity,
      }
      all.push(entry)
      return () => {
        entry.endMs = performance.now()
        entry.graceMs = plan.graceMs(entry.endMs - startMs)
      }
    },
    excuses(refusal, span) {
      const entry = all.findLast((one) => isFelt(one, span) && concerns(one, refusal, span))
      if (entry === undefined) return false
      entry.refused += 1
      entry.firstRefusedMs = Math.min(entry.firstRefusedMs, span.atMs)
      entry.lastRefusedMs = Math.max(entry.lastRefusedMs, span.atMs)
      return true
    },
    overlaps: (kinds, startMs, endMs) =>
      all.some((one) => kinds.includes(one.kind) && isFelt(one, { sentMs: startMs, atMs: endMs })),
    feltIn: (span) => all.filter((one) => isFelt(one, span)).map(({ kind }) => kind),
  }
}

function isFelt(window: FaultWindow, { sentMs, atMs }: RequestSpan): boolean {
  return sentMs <= window.endMs + window.graceMs && atMs >= window.startMs
}
