import type { Emit } from './events.ts'
import type { LiveSession } from './live-session.ts'
import type { HeldSession, SessionCache } from './session-cache.ts'
import { slidIdleEnd, touchIntervalMs } from './session-lifecycle.ts'
import type { SessionStore } from './session-store.ts'

export interface IdleSlideParts {
  readonly store: SessionStore
  readonly cache: SessionCache
  readonly nowMs: () => number
  readonly idleTimeoutMs: number
  readonly emit: Emit
}

/**
 * Notes one use of a session. The store hears of it in the background, at most once per touch
 * interval, and until then the idle end stays where it is: here and in the store it is the same.
 */
export function createIdleSlide(parts: IdleSlideParts): (session: HeldSession) => void {
  const { store, cache, nowMs, idleTimeoutMs, emit } = parts
  const intervalMs = touchIntervalMs(idleTimeoutMs)

  async function tellStore({ key }: LiveSession, idleEndsAtMs: number): Promise<void> {
    try {
      if (!(await store.touch(key, idleEndsAtMs))) cache.forget(key)
    } catch (cause) {
      emit({ type: 'store_failed', operation: 'touch', cause })
    }
  }

  return (session) => {
    const { endsAtMs } = session.record
    const idleEndsAtMs = slidIdleEnd(session.record, nowMs(), idleTimeoutMs)
    // In both directions: a clock set back or a shorter timeout must not leave an end far away.
    const movesMs = Math.abs(idleEndsAtMs - session.idleEndsAtMs)
    // The last step counts however small: a session in use ends as expired, not as idle.
    const isLastStep = idleEndsAtMs === endsAtMs && movesMs > 0
    if (movesMs < intervalMs && !isLastStep) return
    session.idleEndsAtMs = idleEndsAtMs
    cache.keep(session)
    void tellStore(session, idleEndsAtMs)
  }
}
