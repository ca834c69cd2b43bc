import type { SessionChange, SessionStore } from './session-store.ts'

/**
 * Whether the store was away for so long that leases ran out in it though their owners live. Such an
 * owner may hold tokens that the store has not taken yet, and the token in the store is spent.
 */
export interface StoreAbsence {
  /** The same store; how its reads and locks go is noted. */
  readonly store: SessionStore
  heard(change: SessionChange): void
  /** How long whoever has a lease now leaves the owners before him time to write, ms; 0 unless the store is just back. */
  waitMs(): number
}

export interface StoreAbsenceParts {
  readonly store: SessionStore
  readonly nowMs: () => number
  /** What every lease has left at least at any moment, ms. */
  readonly shortestLeaseMs: number
}

const NOTICED_LATE_MS = 3_000 // an absence is noticed this much after it began
const WRITTEN_WITHIN_MS = 4_000 // twice the longest pauses of another process: to reconnect and to write again

export function createStoreAbsence(parts: StoreAbsenceParts): StoreAbsence {
  const { store, nowMs } = parts
  const longMs = parts.shortestLeaseMs - NOTICED_LATE_MS
  let answeredAtMs = -Infinity
  let missedAtMs: number | undefined
  let backAtMs = -Infinity

  function noticeReturn(awaySinceMs: number | undefined): void {
    if (awaySinceMs !== undefined && nowMs() - awaySinceMs > longMs) backAtMs = nowMs()
  }

  /** Each by itself: a full disk lets everybody read and nobody lock. */
  function observed<Values extends unknown[], Answer>(
    ask: (...values: Values) => Promise<Answer>,
  ): (...values: Values) => Promise<Answer> {
    let failingSinceMs: number | undefined
    return async (...values) => {
      try {
        const answer = await ask(...values)
        noticeReturn(failingSinceMs)
        failingSinceMs = undefined
        answeredAtMs = nowMs()
        return answer
      } catch (cause) {
        failingSinceMs ??= nowMs()
        throw cause
      }
    }
  }

  return {
    store: { ...store, read: observed(store.read), lock: observed(store.lock) },
    heard({ kind }) {
      if (kind !== 'missed') return
      // Told when the watch breaks and when it works again: in between nothing was heard, nor asked.
      if (missedAtMs !== undefined) noticeReturn(Math.max(missedAtMs, answeredAtMs))
      missedAtMs = nowMs()
    },
    waitMs: () => Math.max(0, backAtMs + WRITTEN_WITHIN_MS - nowMs()),
  }
}
