import type { SessionStore } from '../domain/session-store.ts'
import type { FileChanges } from './file-changes.ts'
import type { Batch, FileDatabase, Stored } from './file-database.ts'
import { decodeDated, encodeDated, type Dated } from './file-record.ts'
import { createUnheardLocks } from './unheard-locks.ts'
import { createWaiters } from './waiters.ts'

/** What counts for a while only: the parts of `SessionStore` about locks, notes and consumed keys. */
export interface FileLeases extends Pick<
  SessionStore,
  'lock' | 'renewLock' | 'unlock' | 'waitForUnlock' | 'consumeOnce' | 'remember' | 'recall'
> {
  /** The lock of this key was released, here or elsewhere. */
  released(key: string): void
  /** Releases may have been missed: everybody who waits looks for himself. */
  releasedPerhaps(): void
  /** Removes what is over; called with the key of an expiry. */
  expire(name: string): Promise<void>
  close(): void
}

export interface FileLeasesParts {
  readonly database: FileDatabase
  readonly changes: () => FileChanges
  readonly nowMs: () => number
}

interface Lease extends Dated {
  readonly revision: number
}

const LOOK_AGAIN_MS = 1 // a lease is over in the millisecond after its end

/** One lock per key; an owner that dies is survived when its lease runs out (RT-2). */
export function createFileLeases({ database, changes, nowMs }: FileLeasesParts): FileLeases {
  const { leases, expiring } = database
  const waiters = createWaiters()
  const unheard = createUnheardLocks(unlock)

  function look(name: string): Lease | undefined {
    const found: Stored | undefined = database.look(leases, name)
    return found === undefined
      ? undefined
      : { ...decodeDated(found.value), revision: found.revision }
  }

  function counts(lease: Lease | undefined): lease is Lease {
    return lease !== undefined && nowMs() < lease.untilMs
  }

  /** Tries again when somebody else was faster, until there is something to say. */
  async function settle(
    name: string,
    decide: (lease: Lease | undefined) => Dated | 'release' | undefined,
  ): Promise<boolean> {
    for (;;) {
      const lease = look(name)
      const next = decide(lease)
      if (next === undefined) return false
      const isWritten = await database.writeIf(leases, name, lease?.revision, (batch) => {
        if (lease !== undefined) batch.remove(expiring, [lease.untilMs, 'lease', name])
        if (next !== 'release') put(batch, name, next)
        else release(batch, name)
      })
      if (isWritten) return true
    }
  }

  function put(batch: Batch, name: string, dated: Dated): void {
    batch.put(leases, name, encodeDated(dated))
    batch.put(expiring, [dated.untilMs, 'lease', name], MARK)
  }

  function release(batch: Batch, name: string): void {
    batch.remove(leases, name)
    changes().tell(batch, { kind: 'unlocked', key: name.slice(LOCK.length) })
  }

  async function unlock(key: string, owner: string): Promise<void> {
    const wasOurs = await settle(LOCK + key, (lease) =>
      lease?.text === owner ? 'release' : undefined,
    )
    if (wasOurs) changes().catchUp()
  }

  return {
    released: waiters.wake,
    releasedPerhaps: waiters.wakeAll,
    async lock(key, owner, leaseMs) {
      unheard.forget(owner)
      try {
        return await settle(LOCK + key, (lease) =>
          counts(lease) && lease.text !== owner
            ? undefined
            : { text: owner, untilMs: nowMs() + leaseMs },
        )
      } catch (cause) {
        unheard.remember(owner, key)
        throw cause
      }
    },
    renewLock: (key, owner, leaseMs) =>
      settle(LOCK + key, (lease) =>
        counts(lease) && lease.text === owner
          ? { text: owner, untilMs: nowMs() + leaseMs }
          : undefined,
      ),
    unlock,
    async waitForUnlock(key, timeoutMs) {
      const waiter = waiters.start(key) // before looking, so that no release falls in between
      try {
        const lease = look(LOCK + key)
        if (!counts(lease)) return
        await waiter.woken(Math.min(timeoutMs, lease.untilMs - nowMs() + LOOK_AGAIN_MS))
      } finally {
        waiter.leave()
      }
    },
    consumeOnce: (key, ttlMs) =>
      settle(ONCE + key, (lease) =>
        counts(lease) ? undefined : { text: '', untilMs: nowMs() + ttlMs },
      ),
    async remember(key, note, ttlMs) {
      await settle(NOTE + key, () => ({ text: note, untilMs: nowMs() + ttlMs }))
    },
    async recall(key) {
      const lease = look(NOTE + key)
      return counts(lease) ? lease.text : undefined
    },
    async expire(name) {
      const lease = look(name)
      if (lease === undefined || nowMs() < lease.untilMs) return
      await database.writeIf(leases, name, lease.revision, (batch) => batch.remove(leases, name))
    },
    close: unheard.close,
  }
}

const LOCK = 'lock '
const ONCE = 'once '
const NOTE = 'note '
const MARK = '-' // the library takes no empty values
