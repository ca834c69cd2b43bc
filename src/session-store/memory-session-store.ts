import { createExpiringMap } from '../domain/expiring-map.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import { limitReached } from '../domain/session-lifecycle.ts'
import type { SessionEnd } from '../domain/session-record.ts'
import type { NewStoredSession, SessionChange, SessionStore } from '../domain/session-store.ts'
import { createKeyIndex } from './key-index.ts'
import { createMemoryListing } from './memory-listing.ts'
import { createMemoryLocks } from './memory-lock.ts'
import { createOctetSlabs, type Block } from './octet-slabs.ts'

export interface MemorySessionStoreOptions {
  /** A full store refuses new sessions (`store_unavailable`): a login must never sign out somebody else. */
  readonly maxSessions: number
  readonly nowMs: () => number
  /** How often a slice of the sessions is looked through for expired ones. Default 5 s. */
  readonly sweepEveryMs?: number
}

const TOMBSTONE_MS = 15 * 60_000 // long enough for a page left open to be told why it must sign in again
const TOMBSTONES = 10_000
const TRANSACTIONS = 100_000 // about 12 MiB when full
const NOTES = 100_000 // the same again; only word of the provider or of an operator makes one
const SWEEP_EVERY_MS = 5_000
const SWEEPS_PER_ROUND = 12 // everything is seen once a minute
const LEAST_SWEEP = 500

interface Entry {
  sealed: Block
  version: number
  idleEndsAtMs: number
  readonly endsAtMs: number
  readonly indexKeys: readonly string[]
  /** The place in the order of creation. */
  readonly place: number
}

/** Sessions of one process: gone when it ends, shared with nobody. */
export function createMemorySessionStore(options: MemorySessionStoreOptions): SessionStore {
  const { maxSessions, nowMs, sweepEveryMs = SWEEP_EVERY_MS } = options
  const sessions = new Map<string, Entry>()
  const slabs = createOctetSlabs()
  const index = createKeyIndex()
  const ended = createExpiringMap<SessionEnd>(TOMBSTONES)
  const consumed = createExpiringMap<true>(TRANSACTIONS)
  const notes = createExpiringMap<string>(NOTES)
  const locks = createMemoryLocks(nowMs)
  const listeners = new Set<(change: SessionChange) => void>()
  const timer = setInterval(sweepInTurn, sweepEveryMs).unref()
  let unswept = sessions.entries()
  let storedBytes = 0
  let nextPlace = 1
  const list = createMemoryListing({
    sessions,
    keysOf: index.keys,
    isAlive: (key) => alive(key) !== undefined,
  })

  function tell(change: SessionChange): void {
    for (const listener of listeners) listener(change)
  }

  function remove(key: string, entry: Entry, reason: SessionEnd): void {
    sessions.delete(key)
    storedBytes -= entry.sealed.length
    slabs.free(entry.sealed)
    for (const indexKey of entry.indexKeys) index.delete(indexKey, key)
    ended.set(key, reason, nowMs() + TOMBSTONE_MS)
    tell({ kind: 'ended', key, reason })
  }

  function removeIfOver(key: string, entry: Entry): boolean {
    const reason = limitReached(entry, nowMs())
    if (reason !== undefined) remove(key, entry, reason)
    return reason !== undefined
  }

  function alive(key: string): Entry | undefined {
    const entry = sessions.get(key)
    return entry === undefined || removeIfOver(key, entry) ? undefined : entry
  }

  /** Looks at a slice only, so that no request ever waits for a walk through all sessions. */
  function sweep(slice: number): void {
    for (let seen = 0; seen < slice; seen++) {
      const { done, value } = unswept.next()
      if (done === true) {
        unswept = sessions.entries()
        break
      }
      removeIfOver(...value)
    }
    ended.sweep(nowMs())
    consumed.sweep(nowMs())
    notes.sweep(nowMs())
    locks.sweep()
  }

  function sweepInTurn(): void {
    sweep(Math.max(LEAST_SWEEP, Math.ceil(sessions.size / SWEEPS_PER_ROUND)))
  }

  function refuseWhenFull(): void {
    if (sessions.size >= maxSessions) sweep(LEAST_SWEEP)
    if (sessions.size < maxSessions) return
    throw new GatewayError(
      'store_unavailable',
      `the memory store is full (${maxSessions} sessions)`,
    )
  }

  return {
    lock: locks.lock,
    renewLock: locks.renewLock,
    unlock: locks.unlock,
    waitForUnlock: locks.waitForUnlock,
    async create({ key, sealed, idleEndsAtMs, endsAtMs, indexKeys }: NewStoredSession) {
      refuseWhenFull()
      const place = nextPlace++
      const limits = { idleEndsAtMs, endsAtMs }
      sessions.set(key, { sealed: slabs.keep(sealed), version: 1, ...limits, indexKeys, place })
      storedBytes += sealed.length
      for (const indexKey of indexKeys) index.add(indexKey, key)
    },
    async read(key) {
      const entry = alive(key)
      if (entry !== undefined) {
        const { version, idleEndsAtMs } = entry
        return { sealed: slabs.read(entry.sealed), version, idleEndsAtMs }
      }
      const reason = ended.get(key, nowMs())
      return reason === undefined ? undefined : { ended: reason }
    },
    async compareAndSet(key, expectedVersion, sealed) {
      const entry = alive(key)
      if (entry?.version !== expectedVersion) return false
      const replaced = entry.sealed
      entry.sealed = slabs.keep(sealed)
      slabs.free(replaced)
      storedBytes += sealed.length - replaced.length
      entry.version += 1
      tell({ kind: 'replaced', key, version: entry.version })
      return true
    },
    async touch(key, idleEndsAtMs) {
      const entry = alive(key)
      if (entry === undefined) return false
      entry.idleEndsAtMs = Math.min(idleEndsAtMs, entry.endsAtMs)
      return true
    },
    async end(key, reason) {
      const entry = alive(key)
      if (entry === undefined) return false
      remove(key, entry, reason)
      return true
    },
    async endByIndex(indexKey, reason) {
      const keys = index.keys(indexKey).filter((key) => alive(key) !== undefined)
      for (const key of keys) remove(key, sessions.get(key) as Entry, reason)
      return keys
    },
    list: async (query) => list(query),
    async consumeOnce(key, ttlMs) {
      if (consumed.get(key, nowMs()) !== undefined) return false
      consumed.set(key, true, nowMs() + ttlMs)
      return true
    },
    async remember(key, note, ttlMs) {
      notes.set(key, note, nowMs() + ttlMs)
    },
    recall: async (key) => notes.get(key, nowMs()),
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    watchIsLive: () => true,
    async ping() {},
    count: async () => sessions.size,
    storedBytes: async () => storedBytes,
    async close() {
      clearInterval(timer)
      sessions.clear()
    },
  }
}
