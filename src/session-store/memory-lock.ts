/** Locks with a lease, within one process: the parts of `SessionStore` that are about locking. */
export interface MemoryLocks {
  lock(key: string, owner: string, leaseMs: number): Promise<boolean>
  renewLock(key: string, owner: string, leaseMs: number): Promise<boolean>
  unlock(key: string, owner: string): Promise<void>
  waitForUnlock(key: string, timeoutMs: number): Promise<void>
  /** Forgets locks whose lease ran out. */
  sweep(): void
}

interface Lock {
  owner: string
  leaseEndsAtMs: number
  readonly waiters: Set<() => void>
}

/** One lock per key; an owner that dies is survived when its lease runs out (RT-2). */
export function createMemoryLocks(nowMs: () => number): MemoryLocks {
  const locks = new Map<string, Lock>()

  function isHeld(lock: Lock): boolean {
    return nowMs() < lock.leaseEndsAtMs
  }

  return {
    async lock(key, owner, leaseMs) {
      const lock = locks.get(key)
      if (lock !== undefined && lock.owner !== owner && isHeld(lock)) return false
      const waiters = lock?.waiters ?? new Set()
      locks.set(key, { owner, leaseEndsAtMs: nowMs() + leaseMs, waiters })
      return true
    },
    async renewLock(key, owner, leaseMs) {
      const lock = locks.get(key)
      if (lock?.owner !== owner || !isHeld(lock)) return false
      lock.leaseEndsAtMs = nowMs() + leaseMs
      return true
    },
    async unlock(key, owner) {
      const lock = locks.get(key)
      if (lock?.owner !== owner) return
      locks.delete(key)
      for (const wake of lock.waiters) wake()
    },
    async waitForUnlock(key, timeoutMs) {
      const lock = locks.get(key)
      if (lock === undefined || !isHeld(lock) || timeoutMs <= 0) return
      await woken(lock.waiters, Math.min(timeoutMs, lock.leaseEndsAtMs - nowMs()))
    },
    sweep() {
      for (const [key, lock] of locks) if (!isHeld(lock)) locks.delete(key)
    },
  }
}

function woken(waiters: Set<() => void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer)
      waiters.delete(wake)
      resolve()
    }
    const timer = setTimeout(wake, timeoutMs)
    waiters.add(wake)
  })
}
