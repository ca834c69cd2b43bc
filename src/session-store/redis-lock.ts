import type { SessionStore } from '../domain/session-store.ts'
import type { AskRedis } from './redis-deadline.ts'
import type { RedisKeys } from './redis-keys.ts'
import { unlockedMessage } from './redis-message.ts'

/** Locks with a lease: the parts of `SessionStore` that are about locking. */
export interface RedisLocks extends Pick<
  SessionStore,
  'lock' | 'renewLock' | 'unlock' | 'waitForUnlock'
> {
  /** The lock of this key was released, here or elsewhere. */
  released(key: string): void
  /** Releases may have been missed: everybody who waits looks for himself. */
  releasedPerhaps(): void
}

export interface RedisLocksOptions {
  readonly ask: AskRedis
  readonly keys: RedisKeys
  /** False while nobody would tell of a release. */
  readonly isLive: () => boolean
}

const UNHEARD_MS = 500 // without the channel a waiter looks twice a second
const GIVE_BACK_EVERY_MS = 1_000
const EXPIRY_GRACE_MS = 5 // Redis forgets a key in the millisecond after its end

/** One lock per key; an owner that dies is survived when its lease runs out (RT-2). */
export function createRedisLocks({ ask, keys, isLive }: RedisLocksOptions): RedisLocks {
  const unheard = new Set<string>()
  const waiting = new Map<string, Set<() => void>>()

  function wake(key: string): void {
    for (const wakeOne of waiting.get(key) ?? []) wakeOne()
  }

  function startWaiting(key: string): Waiter {
    const waiters = waiting.get(key) ?? new Set()
    const waiter = createWaiter(() => {
      waiters.delete(waiter.wake)
      if (waiters.size === 0 && waiting.get(key) === waiters) waiting.delete(key)
    })
    waiting.set(key, waiters.add(waiter.wake))
    return waiter
  }

  async function unlock(key: string, owner: string): Promise<void> {
    const message = unlockedMessage(key)
    await ask((redis) => redis.bearergateUnlock(keys.lock(key), owner, keys.changes, message))
  }

  /** A server that was frozen takes the lock when it thaws, for somebody who has gone away. */
  function giveBack(key: string, owner: string, untilMs: number): void {
    const again = (): void => {
      if (!unheard.has(owner)) return
      if (Date.now() > untilMs) return void unheard.delete(owner)
      unlock(key, owner).then(
        () => unheard.delete(owner),
        () => giveBack(key, owner, untilMs),
      )
    }
    setTimeout(again, GIVE_BACK_EVERY_MS).unref()
  }

  return {
    released: wake,
    releasedPerhaps() {
      for (const key of waiting.keys()) wake(key)
    },
    async lock(key, owner, leaseMs) {
      unheard.delete(owner)
      try {
        return (await ask((redis) => redis.bearergateLock(keys.lock(key), owner, leaseMs))) === 1
      } catch (cause) {
        unheard.add(owner)
        giveBack(key, owner, Date.now() + leaseMs)
        throw cause
      }
    },
    async renewLock(key, owner, leaseMs) {
      return (await ask((redis) => redis.bearergateRenew(keys.lock(key), owner, leaseMs))) === 1
    },
    unlock,
    async waitForUnlock(key, timeoutMs) {
      const waiter = startWaiting(key) // before looking, so that no release falls in between
      try {
        const leaseMs = await ask((redis) => redis.pttl(keys.lock(key)))
        const longestMs = isLive() ? leaseMs + EXPIRY_GRACE_MS : UNHEARD_MS
        if (leaseMs >= 0) await waiter.woken(Math.min(timeoutMs, longestMs))
      } finally {
        waiter.leave()
      }
    },
  }
}

interface Waiter {
  readonly wake: () => void
  /** Resolves when it was woken, also before this was asked, at the latest after the timeout. */
  woken(timeoutMs: number): Promise<void>
  readonly leave: () => void
}

function createWaiter(leave: () => void): Waiter {
  let wake = (): void => {}
  const awake = new Promise<void>((resolve) => (wake = resolve))
  return {
    wake: () => wake(),
    leave,
    async woken(timeoutMs) {
      const timer = setTimeout(wake, timeoutMs)
      await awake
      clearTimeout(timer)
    },
  }
}
