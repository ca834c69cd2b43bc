import type { SessionEnd } from './session-record.ts'

/**
 * Where sealed sessions live. Every method may throw GatewayError `store_unavailable`, within a
 * second. The store never sees a ticket, a token or a subject: keys and index keys are hashes,
 * values are sealed.
 */
export interface SessionStore {
  /** Stores a new session at version 1. */
  create(session: NewStoredSession): Promise<void>
  /** The session, the reason it ended for (remembered for a while), or `undefined` if never seen. */
  read(key: string): Promise<StoredSession | EndedSession | undefined>
  /** Replaces the sealed value only while the stored version is `expectedVersion`; never re-creates. */
  compareAndSet(key: string, expectedVersion: number, sealed: Uint8Array): Promise<boolean>
  /** Moves the idle end; false when the session is gone. Never past the session's absolute end. */
  touch(key: string, idleEndsAtMs: number): Promise<boolean>
  /** Ends one session; false when it was gone already. */
  end(key: string, reason: SessionEnd): Promise<boolean>
  /** Ends every session filed under the index key; answers their keys. */
  endByIndex(indexKey: string, reason: SessionEnd): Promise<readonly string[]>
  /**
   * One page of the sessions that are alive, in no particular order. A session that lives from the
   * first page to the last is on at least one of them; no call walks through all sessions.
   */
  list(query: SessionQuery): Promise<SessionPage>
  /** True for exactly one caller per key within `ttlMs`. */
  consumeOnce(key: string, ttlMs: number): Promise<boolean>
  /**
   * Keeps a short note for `ttlMs`, in place of the one there was. Whoever calls `recall` after this
   * has resolved sees it, in every process: sign-outs during a login rest on it (LO-11).
   */
  remember(key: string, note: string, ttlMs: number): Promise<void>
  /** The newest note under the key; `undefined` when there is none or its time is over. */
  recall(key: string): Promise<string | undefined>
  /** Takes the lock unless another owner's lease runs. */
  lock(key: string, owner: string, leaseMs: number): Promise<boolean>
  /** Extends the lease; false when it is no longer ours. */
  renewLock(key: string, owner: string, leaseMs: number): Promise<boolean>
  /** Releases the lock if it is ours, and wakes waiters. */
  unlock(key: string, owner: string): Promise<void>
  /** Resolves when the lock may be free, at the latest after `timeoutMs`. */
  waitForUnlock(key: string, timeoutMs: number): Promise<void>
  /**
   * Hears of every change to a session, whoever made it, and when some may have been missed. Returns
   * the unsubscribe function.
   */
  watch(listener: (change: SessionChange) => void): () => void
  /**
   * True while `watch` hears every change, so that local copies may be trusted. Whoever watches may
   * be told of changes before this answers.
   */
  watchIsLive(): boolean
  /** @throws GatewayError store_unavailable: the store cannot serve */
  ping(): Promise<void>
  /** Number of sessions, where the store can tell cheaply. */
  count(): Promise<number | undefined>
  /** Octets that all sessions take in the store, where it can tell cheaply. */
  storedBytes(): Promise<number | undefined>
  close(): Promise<void>
}

export interface NewStoredSession {
  readonly key: string
  readonly sealed: Uint8Array
  readonly idleEndsAtMs: number
  readonly endsAtMs: number
  /** Hashes of (issuer, sid) and (issuer, sub). */
  readonly indexKeys: readonly string[]
}

export interface StoredSession {
  readonly sealed: Uint8Array
  readonly version: number
  readonly idleEndsAtMs: number
}

/** Which sessions, and where to go on. */
export interface SessionQuery {
  /** Only those filed under this index key; absent: all. */
  readonly indexKey?: string
  /** As the page before gave it; absent: from the beginning. */
  readonly cursor?: string
  /** How many are wanted: a page may hold a few more, or fewer, and not be the last. */
  readonly limit: number
}

export interface SessionPage {
  readonly sessions: readonly ListedSession[]
  /** Absent on the last page. */
  readonly cursor?: string
}

/** What can be told of a session without its ticket. */
export interface ListedSession {
  readonly key: string
  readonly idleEndsAtMs: number
  readonly endsAtMs: number
}

export interface EndedSession {
  readonly ended: SessionEnd
}

export type SessionChange =
  /** Changes may have gone unheard: nothing read before this can be trusted. */
  | { readonly kind: 'missed' }
  | { readonly kind: 'replaced'; readonly key: string; readonly version: number }
  | { readonly kind: 'ended'; readonly key: string; readonly reason: SessionEnd }
