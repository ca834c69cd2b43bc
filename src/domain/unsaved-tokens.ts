import type { Emit } from './events.ts'
import type { LiveSession } from './live-session.ts'
import type { RefreshLease } from './refresh-lease.ts'
import {
  writeRefreshedSession,
  type RefreshedSessionWriteParts,
} from './refreshed-session-write.ts'
import type { HeldSession, Outcome, SessionCache } from './session-cache.ts'
import { refreshedRecord } from './session-lifecycle.ts'
import type { EndedSession } from './session-store.ts'
import type { RefreshAnswer } from './sign-in.ts'
import { pause, type After } from './timer.ts'

/** Tokens that the provider gave and the store has not taken yet: they exist nowhere but here. */
export interface UnsavedTokens {
  /** Writes what a refresh answered. What the store cannot take is in use here at once, and written later under the same lease. */
  save(session: HeldSession, answer: RefreshAnswer, lease: RefreshLease): Promise<Outcome>
  /** The session as refreshed here while the store could not be told; otherwise what was found. */
  overlay<Found extends LiveSession | EndedSession | undefined>(found: Found): Found | HeldSession
  /** Gives up on what the store still does not take. */
  close(): void
}

export interface UnsavedTokensParts extends RefreshedSessionWriteParts {
  readonly cache: SessionCache
  readonly after: After
  readonly emit: Emit
}

const KEEP_WRITING_MS = 5 * 60_000 // longer than a store's restart or failover
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 1_000 // another process soon believes the spent token in the store (store-absence.ts)

export function createUnsavedTokens(parts: UnsavedTokensParts): UnsavedTokens {
  const { cache, nowMs, after, emit } = parts
  const unsaved = new Map<string, HeldSession>()
  let isClosed = false

  async function keepWriting(
    session: HeldSession,
    answer: RefreshAnswer,
    refreshed: HeldSession,
  ): Promise<void> {
    const giveUpAtMs = nowMs() + KEEP_WRITING_MS
    let isWritten = false
    for (let pauseMs = FIRST_PAUSE_MS; !isWritten && mayGoOn(giveUpAtMs); pauseMs *= 2) {
      await pause(after, Math.min(pauseMs, LONGEST_PAUSE_MS))
      isWritten = await hasWritten(session, answer)
    }
    if (unsaved.get(session.key) === refreshed) unsaved.delete(session.key)
  }

  function mayGoOn(giveUpAtMs: number): boolean {
    return !isClosed && nowMs() < giveUpAtMs
  }

  async function hasWritten(session: HeldSession, answer: RefreshAnswer): Promise<boolean> {
    try {
      await cache.arriving(session.key, async (arrival) =>
        arrival.settle(await writeRefreshedSession(parts, session, answer)),
      )
      return true
    } catch (cause) {
      emit({ type: 'store_failed', operation: 'save_refreshed_session', cause })
      return false
    }
  }

  return {
    async save(session, answer, lease) {
      try {
        return await writeRefreshedSession(parts, session, answer)
      } catch (cause) {
        emit({ type: 'store_failed', operation: 'save_refreshed_session', cause })
        const refreshed = { ...session, record: refreshedRecord(session.record, answer, nowMs()) }
        unsaved.set(session.key, refreshed)
        lease.holdFor(keepWriting(session, answer, refreshed))
        return refreshed
      }
    },
    overlay(found) {
      if (found === undefined || 'ended' in found) return found
      const newer = unsaved.get(found.key)
      return newer === undefined || newer.version < found.version ? found : newer
    },
    close() {
      isClosed = true
    },
  }
}
