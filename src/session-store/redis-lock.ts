import type { SessionStore } from '../domain/session-store.ts'
import type { AskRedis } from './redis-deadline.ts'
import type { RedisKeys } from './redis-keys.ts'
import { unlockedMessage } from './redis-message.ts'
import { createUnheardLocks } from './unheard-locks.ts'
import { createWaiters } from './waiters.ts'

/** Locks with a lease: the parts of `SessionStore` that are about locking. */
export interface RedisLocks extends Pick<
  SessionStore,
  'lock' | 'renewLock' | 'unlock' | 'waitForUnlock'
> {
  /** The lock of this key was released, here or elsewhere. */
  released(key: string): void
  /** Releases may have been missed: everybody who waits looks for himself. */
  releasedPerhaps(): void
  close(): void
}

export interface RedisLocksOptions {
  readonly ask: AskRedis
  readonly keys: RedisKeys
  /** False while nobody would tell of a release. */
  readonly isLive: () => boolean
}

const UNHEARD_MS = 500 // without the channel a waiter looks twice a second
const EXPIRY_GRACE_MS = 5 // Redis forgets a key in the millisecond after its end

/** One lock per key; an owner that dies is survived when its lease runs out (RT-2). */
export function createRedisLocks({ ask, keys, isLive }: RedisLocksOptions): RedisLocks {
  const waiters = createWaiters()
  const unheard = createUnheardLocks(unlock)

  async function unlock(key: string, owner: string): Promise<void> {
    const message = unlockedMessage(key)
    await ask((redis) => redis.bearergateUnlock(keys.lock(key), owner, keys.changes, message))
  }

  return {
    released: waiters.wake,
    releasedPerhaps: waiters.wakeAll,
    async lock(key, owner, leaseMs) {
      unheard.forget(owner)
      try {
        return (await ask((redis) => redis.bearergateLock(keys.lock(key), owner, leaseMs))) === 1
      } catch (cause) {
        unheard.remember(owner, key)
        throw cause
      }
    },
    async renewLock(key, owner, leaseMs) {
      return (await ask((redis) => redis.bearergateRenew(keys.lock(key), owner, leaseMs))) === 1
    },
    unlock,
    async waitForUnlock(key, timeoutMs) {
      const waiter = waiters.start(key) // before looking, so that no release falls in between
      try {
        const leaseMs = await ask((redis) => redis.pttl(keys.lock(key)))
        const longestMs = isLive() ? leaseMs + EXPIRY_GRACE_MS : UNHEARD_MS
        if (leaseMs >= 0) await waiter.woken(Math.min(timeoutMs, longestMs))
      } finally {
        waiter.leave()
      }
    },
    close: unheard.close,
  }
}
