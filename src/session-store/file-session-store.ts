import { GatewayError } from '../domain/gateway-error.ts'
import { limitReached } from '../domain/session-lifecycle.ts'
import type { SessionEnd } from '../domain/session-record.ts'
import type { NewStoredSession, SessionChange, SessionStore } from '../domain/session-store.ts'
import { createFileChanges, type FileChange, type FileChanges } from './file-changes.ts'
import { openFileDatabase, type Batch } from './file-database.ts'
import { createFileLeases } from './file-leases.ts'
import { createFileListing } from './file-listing.ts'
import {
  decodeDated,
  decodeFiled,
  encodeDated,
  encodeFiled,
  firstVersion,
  isSessionEnd,
  type FiledSession,
} from './file-record.ts'
import { createFileSweep } from './file-sweep.ts'

export interface FileSessionStoreOptions {
  /** A directory of its own, made when it is not there. */
  readonly path: string
  /** A full store refuses new sessions (`store_unavailable`): a login must never sign out somebody else. */
  readonly maxSessions: number
  /** The same by octets in use; the file itself may grow a little larger. */
  readonly maxBytes: number
  readonly nowMs: () => number
  /** Hears of sweeps that failed: for the log. */
  readonly onTrouble?: (cause: unknown) => void
  /** How often what is over is looked for. Default 1 s. */
  readonly sweepEveryMs?: number
}

const REASON_MS = 15 * 60_000 // long enough for a page left open to be told why it must sign in again
const MARK = '-' // the library takes no empty values
const AFTER_ALL = '\uffff'
const ENDED_AT_ONCE = 500 // in one commit, which has its deadline

interface Entry {
  readonly session: FiledSession
  readonly revision: number
}

/**
 * Sessions in one LMDB file, shared by the processes of one machine. Whatever was answered is
 * committed: it survives the end of the process (SIGKILL too). The disk is told at once and in the
 * background: a power failure loses what it had not yet taken, some milliseconds, never the file.
 *
 * @throws SessionFileError the files cannot be used as they are
 */
export function createFileSessionStore(options: FileSessionStoreOptions): SessionStore {
  const { nowMs, maxSessions, maxBytes } = options
  const database = openFileDatabase(options.path)
  const { sessions, ended, filed, expiring } = database
  const listeners = new Set<(change: SessionChange) => void>()
  const changes: FileChanges = createFileChanges({ database, hear, nowMs })
  const leases = createFileLeases({ database, changes: () => changes, nowMs })
  let isOpen = true
  const sweep = createFileSweep({ ...options, database, changes, expire })

  function hear(change: FileChange): void {
    if (change.kind === 'unlocked') return leases.released(change.key)
    if (change.kind === 'missed') leases.releasedPerhaps()
    for (const listener of listeners) listener(change)
  }

  function look(key: string): Entry | undefined {
    const found = database.look(sessions, key)
    const session = found === undefined ? undefined : decodeFiled(found.value)
    return session === undefined ? undefined : { session, revision: found?.revision ?? 0 }
  }

  function alive(key: string): Entry | undefined {
    const entry = look(key)
    return entry === undefined || limitReached(entry.session, nowMs()) ? undefined : entry
  }

  /** Tries again when somebody else was faster, until the session is gone or as `decide` wants it. */
  async function change(
    key: string,
    decide: (session: FiledSession) => FiledSession | undefined,
    news?: (next: FiledSession) => SessionChange,
  ): Promise<boolean> {
    for (;;) {
      const entry = alive(key)
      const next = entry && decide(entry.session)
      if (entry === undefined || next === undefined) return false
      const isWritten = await database.writeIf(sessions, key, entry.revision, (batch) => {
        batch.remove(expiring, [entry.session.idleEndsAtMs, 'session', key])
        put(batch, key, next)
        if (news !== undefined) changes.tell(batch, news(next))
      })
      if (isWritten) return true
    }
  }

  function put(batch: Batch, key: string, session: FiledSession): void {
    batch.put(sessions, key, encodeFiled(session))
    batch.put(expiring, [session.idleEndsAtMs, 'session', key], MARK)
  }

  /** Ends it with this reason, or with that of its limit when one is over; answers which, if it was there. */
  async function finish(key: string, wanted: SessionEnd): Promise<SessionEnd | undefined> {
    for (;;) {
      const entry = look(key)
      if (entry === undefined) return undefined
      const reason = limitReached(entry.session, nowMs()) ?? wanted
      const isWritten = await database.writeIf(sessions, key, entry.revision, (batch) => {
        remove(batch, key, entry.session)
        rememberEnd(batch, key, reason)
        changes.tell(batch, { kind: 'ended', key, reason })
      })
      if (!isWritten) continue
      changes.catchUp()
      return reason
    }
  }

  function remove(batch: Batch, key: string, session: FiledSession): void {
    batch.remove(sessions, key)
    batch.remove(expiring, [session.idleEndsAtMs, 'session', key])
    for (const indexKey of session.indexKeys) batch.remove(filed, [indexKey, key])
  }

  function rememberEnd(batch: Batch, key: string, reason: SessionEnd): void {
    const untilMs = nowMs() + REASON_MS
    batch.put(ended, key, encodeDated({ text: reason, untilMs }))
    batch.put(expiring, [untilMs, 'ended', key], MARK)
  }

  async function expire(kind: string, key: string): Promise<void> {
    if (kind === 'lease') return leases.expire(key)
    if (kind === 'ended') return database.write((batch) => batch.remove(ended, key))
    const entry = look(key)
    if (entry === undefined) return forgetUnreadable(key)
    const reason = limitReached(entry.session, nowMs())
    if (reason !== undefined) await finish(key, reason)
  }

  /** One of another format has an end too. */
  async function forgetUnreadable(key: string): Promise<void> {
    const found = database.look(sessions, key)
    if (found === undefined) return
    await database.writeIf(sessions, key, found.revision, (batch) => batch.remove(sessions, key))
  }

  function refuseWhenFull(): void {
    if (database.sessionCount() < maxSessions && database.usedBytes() < maxBytes) return
    sweep.soon()
    const limits = `${maxSessions} sessions, ${maxBytes} octets`
    throw new GatewayError('store_unavailable', `the session file is full (${limits})`)
  }

  async function endOne(key: string, reason: SessionEnd): Promise<boolean> {
    if (alive(key) === undefined) return false
    return (await finish(key, reason)) === reason
  }

  const { lock, renewLock, unlock, waitForUnlock, consumeOnce, remember, recall } = leases
  return {
    ...{ lock, renewLock, unlock, waitForUnlock, consumeOnce, remember, recall },
    async create(created: NewStoredSession) {
      refuseWhenFull()
      const { key, indexKeys } = created
      const isNew = await database.writeIf(sessions, key, undefined, (batch) => {
        put(batch, key, firstVersion(created))
        for (const indexKey of indexKeys) batch.put(filed, [indexKey, key], MARK)
      })
      if (!isNew) throw new GatewayError('store_unavailable', 'there is a session of that key')
    },
    async read(key) {
      const session = look(key)?.session
      if (session !== undefined) {
        const reason = limitReached(session, nowMs())
        return reason === undefined ? session : { ended: reason }
      }
      const found = database.look(ended, key)
      if (found === undefined) return undefined
      const { text, untilMs } = decodeDated(found.value)
      return isSessionEnd(text) && nowMs() < untilMs ? { ended: text } : undefined
    },
    async compareAndSet(key, expectedVersion, sealed) {
      const isWritten = await change(
        key,
        (session) =>
          session.version === expectedVersion
            ? { ...session, sealed, version: expectedVersion + 1 }
            : undefined,
        ({ version }) => ({ kind: 'replaced', key, version }),
      )
      if (isWritten) changes.catchUp()
      return isWritten
    },
    touch: (key, idleEndsAtMs) =>
      change(key, (session) => ({
        ...session,
        idleEndsAtMs: Math.min(idleEndsAtMs, session.endsAtMs),
      })),
    end: endOne,
    async endByIndex(indexKey, reason) {
      const range = { start: [indexKey, ''], end: [indexKey, AFTER_ALL] }
      const keys = database.keys<[string, string]>(filed, range).map(([, key]) => key)
      const gone: string[] = []
      for (let at = 0; at < keys.length; at += ENDED_AT_ONCE) {
        const some = keys.slice(at, at + ENDED_AT_ONCE)
        const wereAlive = await Promise.all(some.map((key) => endOne(key, reason)))
        gone.push(...some.filter((_, nth) => wereAlive[nth]))
      }
      return gone
    },
    list: createFileListing(database, nowMs),
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    watchIsLive: changes.isLive,
    async ping() {
      await database.write((batch) =>
        batch.put(database.leases, 'ping', encodeDated({ text: '', untilMs: 0 })),
      )
    },
    count: async () => database.sessionCount(),
    storedBytes: async () => database.usedBytes(),
    async close() {
      if (!isOpen) return
      isOpen = false
      sweep.close()
      changes.close()
      leases.close()
      await database.close()
    },
  }
}
