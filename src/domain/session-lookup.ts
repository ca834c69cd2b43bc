import type { HeldSession, Outcome, SessionCache } from './session-cache.ts'
import type { LiveSession } from './live-session.ts'
import type { SessionReader } from './session-reader.ts'
import type { Ticket } from './session-record.ts'
import type { EndedSession } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { UnsavedTokens } from './unsaved-tokens.ts'

/** How a request gets at the session of its ticket. */
export interface SessionLookup {
  /** From the local cache, without I/O, sliding the idle timeout; `undefined` when it must be asked for with `find`. */
  peek(ticket: Ticket): LiveSession | undefined
  /** Slides the idle timeout unless `passive` (SE-18). @throws GatewayError store_unavailable */
  find(ticket: Ticket, use?: 'active' | 'passive'): Promise<LiveSession | EndedSession | undefined>
  /** What the store knows of it now: past the local copy, and not as a use. @throws GatewayError store_unavailable */
  reread(session: LiveSession): Promise<LiveSession | EndedSession | undefined>
}

export interface SessionLookupParts {
  readonly cache: SessionCache
  readonly vault: Vault
  readonly read: SessionReader
  readonly unsaved: UnsavedTokens
  /** Notes a use. */
  readonly slide: (session: HeldSession) => void
  readonly nowMs: () => number
}

export function createSessionLookup(parts: SessionLookupParts): SessionLookup {
  const { cache, vault, read, unsaved, slide, nowMs } = parts

  function held(ticket: Ticket): HeldSession | undefined {
    const session = cache.get(ticket)
    return session === undefined || isOver(session, nowMs()) ? undefined : session
  }

  function fetch(ticket: Ticket): Promise<Outcome | undefined> {
    const key = vault.storeKey(ticket.id)
    return cache.arriving(key, async (arrival) =>
      arrival.settle(unsaved.overlay(await read(ticket, key))),
    )
  }

  return {
    peek(ticket) {
      const session = held(ticket)
      if (session !== undefined) slide(session)
      return session
    },
    async find(ticket, use = 'active') {
      const found = held(ticket) ?? (await fetch(ticket))
      if (use === 'active' && found !== undefined && 'ticket' in found) slide(found)
      return found
    },
    reread: ({ ticket }) => fetch(ticket),
  }
}

function isOver(session: LiveSession, nowMs: number): boolean {
  return nowMs >= session.idleEndsAtMs || nowMs >= session.record.endsAtMs
}
