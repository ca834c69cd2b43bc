import { randomUUID } from 'node:crypto'
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

const LEASE_MS = 5_000
const WAIT_MS = 250 // then the store is asked again, which may be down by now
const MOST_WAITS = 20

/**
 * Counts after the new session is stored, and ends only under a lock of the subject: of logins at
 * the same time, on whatever replicas, exactly as many survive as are allowed. A store that fails
 * meanwhile, or a lock that stays taken, turns nobody away: the next login makes good for it.
 */
export function createSessionCap(parts: SessionCapParts): SessionCap {
  const { store, vault, ending, emit, maxPerSubject } = parts

  /** What has to go: the oldest, but for the newest. Another login may have ended that one already. */
  async function surplus(indexKey: string, newest: string, most: number): Promise<ListedSession[]> {
    const found = new Map<string, ListedSession>()
    for await (const session of everySession(store, { indexKey })) found.set(session.key, session)
    const count = Math.max(0, found.size - most)
    found.delete(newest)
    return [...found.values()].sort(byAge).slice(0, count)
  }

  async function endOldest({ issuer, subject }: SignIn, key: string, most: number): Promise<void> {
    const indexKey = vault.indexKey('sub', issuer, subject)
    const tooMany = () => surplus(indexKey, key, most)
    if ((await tooMany()).length === 0) return
    await locked(indexKey, async () => {
      for (const session of await tooMany()) {
        await ending.end(session.key, 'session_superseded', { issuer, subject })
      }
    })
  }

  async function locked(lockKey: string, work: () => Promise<void>): Promise<void> {
    const owner = randomUUID()
    for (let waits = 0; !(await store.lock(lockKey, owner, LEASE_MS)); waits++) {
      if (waits === MOST_WAITS) return
      await store.waitForUnlock(lockKey, WAIT_MS)
    }
    try {
      await work()
    } finally {
      await store.unlock(lockKey, owner)
    }
  }

  return async (signIn, key) => {
    if (maxPerSubject === undefined) return
    try {
      await endOldest(signIn, key, maxPerSubject)
    } catch (cause) {
      emit({ type: 'store_failed', operation: 'end_superseded_sessions', cause })
    }
  }
}

/** All have the same lifetime, so that the oldest is the first to end. */
function byAge(a: ListedSession, b: ListedSession): number {
  return a.endsAtMs - b.endsAtMs || (a.key < b.key ? -1 : 1)
}
