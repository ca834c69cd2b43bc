import type { Emit } from './events.ts'
import type { LiveSession } from './live-session.ts'
import type { SessionEnd } from './session-record.ts'
import type { EndedSession } from './session-store.ts'
import type { After } from './timer.ts'

export interface SessionEndListeners {
  /** Returns the unsubscribe function. */
  add(session: LiveSession, listener: (reason: SessionEnd) => void): () => void
  notify(key: string, reason: SessionEnd): void
  /** Ends may have gone unheard: looks for each of them, not all at once. */
  lookAgain(): void
  close(): void
}

export interface SessionEndListenersParts {
  /** Looks without counting as use. */
  readonly look: (session: LiveSession) => Promise<LiveSession | EndedSession | undefined>
  readonly watchIsLive: () => boolean
  readonly nowMs: () => number
  readonly after: After
  readonly emit: Emit
}

const POLL_MS = 5_000 // how long a revocation may go unheard while the store cannot report changes
const LOOK_AGAIN_WITHIN_MS = 1_000

interface Watched {
  readonly listeners: Set<(reason: SessionEnd) => void>
  session: LiveSession
  /** How often it had to be looked at again: a look that began before does not count. */
  gaps: number
  cancel: () => void
}

/**
 * Tells long-lived connections that their session is over (LO-15): at once when the store reports
 * it, and by looking at the next limit, because a store need not notice an expiry by itself.
 */
export function createSessionEndListeners(parts: SessionEndListenersParts): SessionEndListeners {
  const { look, watchIsLive, nowMs, after, emit } = parts
  const watched = new Map<string, Watched>()

  function notify(key: string, reason: SessionEnd): void {
    const entry = watched.get(key)
    if (entry === undefined) return
    forget(key, entry)
    for (const listener of entry.listeners) tell(listener, reason)
  }

  /** One that fails must not keep the others open, nor the end from being carried out. */
  function tell(listener: (reason: SessionEnd) => void, reason: SessionEnd): void {
    try {
      listener(reason)
    } catch (cause) {
      emit({ type: 'internal_error', cause })
    }
  }

  function forget(key: string, entry: Watched): void {
    entry.cancel()
    watched.delete(key)
  }

  function lookIn(delayMs: number, session: LiveSession, entry: Watched): void {
    entry.cancel()
    entry.session = session
    entry.cancel = after(delayMs, () => void lookNow(session, entry))
  }

  async function lookNow(session: LiveSession, entry: Watched): Promise<void> {
    const { gaps } = entry
    const found = await look(session).catch(() => session) // an outage ends nothing (D-8)
    if (watched.get(session.key) !== entry) return
    if (found === undefined) return notify(session.key, 'session_revoked')
    if ('ended' in found) return notify(session.key, found.ended)
    if (entry.gaps === gaps) lookIn(nextLookMs(found), found, entry)
  }

  function nextLookMs(session: LiveSession): number {
    const limitMs = Math.min(session.idleEndsAtMs, session.record.endsAtMs) - nowMs()
    if (limitMs <= 0) return POLL_MS // over, yet it could not be looked up
    return watchIsLive() ? limitMs : Math.min(limitMs, POLL_MS)
  }

  return {
    notify,
    add(session, listener) {
      const entry = watched.get(session.key) ?? newEntry(session)
      if (!watched.has(session.key)) {
        watched.set(session.key, entry)
        lookIn(0, session, entry) // it may have ended between its last use and this line
      }
      entry.listeners.add(listener)
      return () => {
        entry.listeners.delete(listener)
        if (entry.listeners.size === 0 && watched.get(session.key) === entry) {
          forget(session.key, entry)
        }
      }
    },
    lookAgain() {
      const everyMs = LOOK_AGAIN_WITHIN_MS / Math.max(1, watched.size)
      let delayMs = 0
      for (const entry of watched.values()) {
        entry.gaps += 1
        lookIn((delayMs += everyMs), entry.session, entry)
      }
    },
    close() {
      for (const [key, entry] of watched) forget(key, entry)
    },
  }
}

function newEntry(session: LiveSession): Watched {
  return { listeners: new Set(), session, gaps: 0, cancel: () => {} }
}
