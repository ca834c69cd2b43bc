import type { LiveSession } from './live-session.ts'
import type { SessionEnd, Ticket } from './session-record.ts'
import type { EndedSession, SessionChange } from './session-store.ts'

/** A session in the cache: its idle end moves in place, everything else is replaced as a whole. */
export interface HeldSession extends LiveSession {
  idleEndsAtMs: number
}

/** What became of a session that was looked up. */
export type Outcome = HeldSession | EndedSession

/** Notes what happens to a session while it is on its way into the cache. */
export interface Arrival {
  /** Caches what was read or written, unless the session ended meanwhile or was replaced by a newer version. */
  settle<Found extends Outcome | undefined>(found: Found): Found | EndedSession
}

export interface SessionCache {
  get(ticket: Ticket): HeldSession | undefined
  /** Makes it the last to give way. */
  keep(session: LiveSession): void
  /** Watches the key from before the first read until the result is cached: nothing ended is ever put back. */
  arriving<Result>(key: string, fetch: (arrival: Arrival) => Promise<Result>): Promise<Result>
  /** Drops what is older than the change. */
  apply(change: SessionChange): void
  /** The copy held under a store key: who it was, once it has ended. */
  held(key: string): HeldSession | undefined
  /** The store no longer has it; the next lookup learns why. */
  forget(key: string): void
}

interface Watch {
  pending: number
  version: number
  ended: SessionEnd | undefined
  /** What became of it meanwhile may have gone unheard. */
  missed: boolean
}

/**
 * Decrypted sessions of this process, at most `limit`; those unused for the longest time give way.
 * While `isLive` is false nobody would tell of changes: it is emptied and keeps nothing.
 */
export function createSessionCache(limit: number, isLive: () => boolean): SessionCache {
  const byTicket = new Map<string, HeldSession>()
  const byKey = new Map<string, HeldSession>()
  const watches = new Map<string, Watch>()

  function drop(session: HeldSession): void {
    byTicket.delete(session.ticket.id)
    byKey.delete(session.key)
  }

  function put(session: HeldSession): void {
    byTicket.delete(session.ticket.id)
    byTicket.set(session.ticket.id, session)
    byKey.set(session.key, session)
    if (byTicket.size > limit) drop(byTicket.values().next().value as HeldSession)
  }

  function clear(): void {
    byTicket.clear()
    byKey.clear()
  }

  function forgetAll(): void {
    clear()
    for (const watch of watches.values()) watch.missed = true
  }

  function settled<Found extends Outcome | undefined>(
    key: string,
    watch: Watch,
    found: Found,
  ): Found | EndedSession {
    const live = isLive() // first: a store that is asked may tell what it has only just heard
    const held = byKey.get(key)
    if (watch.ended !== undefined) return { ended: watch.ended }
    if (found === undefined) return found // perhaps only the wrong key for a session held here
    if ('ended' in found) {
      if (held !== undefined) drop(held)
      return found
    }
    if (watch.missed || !live) return found
    if (found.version >= Math.max(watch.version, held?.version ?? 0)) put(found)
    return found
  }

  return {
    get(ticket) {
      if (!isLive()) clear()
      const session = byTicket.get(ticket.id)
      return session?.ticket.key === ticket.key ? session : undefined
    },
    keep(session) {
      const held = byTicket.get(session.ticket.id)
      if (held === session) put(held)
    },
    async arriving(key, fetch) {
      const watch = watches.get(key) ?? newWatch()
      watches.set(key, watch)
      watch.pending += 1
      try {
        return await fetch({ settle: (found) => settled(key, watch, found) })
      } finally {
        watch.pending -= 1
        if (watch.pending === 0) watches.delete(key)
      }
    },
    apply(change) {
      if (change.kind === 'missed') return forgetAll()
      const held = byKey.get(change.key)
      const watch = watches.get(change.key)
      if (change.kind === 'ended') {
        if (held !== undefined) drop(held)
        if (watch !== undefined) watch.ended ??= change.reason
        return
      }
      if (held !== undefined && held.version < change.version) drop(held)
      if (watch !== undefined) watch.version = Math.max(watch.version, change.version)
    },
    held: (key) => byKey.get(key),
    forget(key) {
      const held = byKey.get(key)
      if (held !== undefined) drop(held)
    },
  }
}

function newWatch(): Watch {
  return { pending: 0, version: 0, ended: undefined, missed: false }
}
