/** Who waits in this process for something to be released, by its key. */
export interface Waiters {
  start(key: string): Waiter
  wake(key: string): void
  wakeAll(): void
}

export interface Waiter {
  /** Resolves when it was woken, also before this was asked, at the latest after the timeout. */
  woken(timeoutMs: number): Promise<void>
  leave(): void
}

export function createWaiters(): Waiters {
  const waiting = new Map<string, Set<() => void>>()

  function wake(key: string): void {
    for (const wakeOne of waiting.get(key) ?? []) wakeOne()
  }

  return {
    wake,
    wakeAll() {
      for (const key of waiting.keys()) wake(key)
    },
    start(key) {
      const others = waiting.get(key) ?? new Set()
      let resolve = (): void => {}
      const promise = new Promise<void>((settle) => (resolve = settle))
      waiting.set(key, others.add(resolve))
      return {
        async woken(timeoutMs) {
          const timer = setTimeout(resolve, timeoutMs)
          await promise
          clearTimeout(timer)
        },
        leave() {
          others.delete(resolve)
          if (others.size === 0 && waiting.get(key) === others) waiting.delete(key)
        },
      }
    },
  }
}
