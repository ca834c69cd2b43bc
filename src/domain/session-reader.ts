import type { Emit } from './events.ts'
import type { HeldSession, Outcome } from './session-cache.ts'
import type { SessionEnding } from './session-ending.ts'
import { limitReached } from './session-lifecycle.ts'
import type { Ticket } from './session-record.ts'
import type { SessionStore, StoredSession } from './session-store.ts'
import type { Vault } from './session-vault.ts'

export interface SessionReaderParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly ending: SessionEnding
  /** Whose sessions count. */
  readonly issuers: ReadonlySet<string>
  readonly nowMs: () => number
  readonly emit: Emit
}

/** Reads and opens the stored session of a ticket. @throws GatewayError store_unavailable */
export type SessionReader = (ticket: Ticket, key: string) => Promise<Outcome | undefined>

/**
 * What cannot be opened counts as absent (SE-24, AT-43), and so does what came from a provider that is not configured
 * any more: its refresh token is for nobody else to see.
 */
export function createSessionReader(parts: SessionReaderParts): SessionReader {
  const { store, vault, ending, issuers, nowMs, emit } = parts

  function open(ticket: Ticket, key: string, stored: StoredSession): HeldSession | undefined {
    const { version, idleEndsAtMs } = stored
    const record = vault.open(ticket, version, stored.sealed)
    if (record !== undefined) return { ticket, key, version, record, idleEndsAtMs }
    emit({
      type: 'warning',
      code: 'session_unreadable',
      message: 'a stored session cannot be opened and counts as absent',
    })
    return undefined
  }

  return async (ticket, key) => {
    const stored = await store.read(key)
    if (stored === undefined || 'ended' in stored) return stored
    const session = open(ticket, key, stored)
    if (session === undefined || !issuers.has(session.record.issuer)) return undefined
    const { idleEndsAtMs, record } = session
    const reason = limitReached({ idleEndsAtMs, endsAtMs: record.endsAtMs }, nowMs())
    if (reason === undefined) return session
    await ending.end(key, reason, record) // the store's own clock may lag behind
    return { ended: reason }
  }
}
