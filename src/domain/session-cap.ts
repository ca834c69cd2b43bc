import type { Emit } from './events.ts'
import type { SessionEnding } from './session-ending.ts'
import { everySession } from './session-pages.ts'
import type { ListedSession, SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { SignIn } from './sign-in.ts'

export interface SessionCapParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly ending: SessionEnding
  readonly emit: Emit
  /** Absent: any number. */
  readonly maxPerSubject?: number
}

/** Ends the oldest sessions of the subject beyond the limit, never the one just stored under the key (RL-9). */
export type SessionCap = (signIn: SignIn, key: string) => Promise<void>

/**
 * Counts after the new session is stored: of logins at the same time, on whatever replicas, the last
 * to be stored sees them all, and all agree on who is oldest. A store that fails meanwhile turns
 * nobody away: the next login makes good for it.
 */
export function createSessionCap(parts: SessionCapParts): SessionCap {
  const { store, vault, ending, emit, maxPerSubject } = parts
  if (maxPerSubject === undefined) return async () => {}

  async function surplus(indexKey: string, newest: string, most: number): Promise<ListedSession[]> {
    const others = new Map<string, ListedSession>()
    for await (const session of everySession(store, { indexKey })) others.set(session.key, session)
    others.delete(newest)
    const count = Math.max(0, others.size + 1 - most)
    return [...others.values()].sort(byEnd).slice(0, count)
  }

  return async ({ issuer, subject }, newest) => {
    try {
      const tooMany = await surplus(vault.indexKey('sub', issuer, subject), newest, maxPerSubject)
      for (const { key } of tooMany) {
        await ending.end(key, 'session_superseded', { issuer, subject })
      }
    } catch (cause) {
      emit({ type: 'store_failed', operation: 'end_superseded_sessions', cause })
    }
  }
}

/** All have the same lifetime, so that the oldest is the first to end. */
function byEnd(a: ListedSession, b: ListedSession): number {
  return a.endsAtMs - b.endsAtMs || (a.key < b.key ? -1 : 1)
}
