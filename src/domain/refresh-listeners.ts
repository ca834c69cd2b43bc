/** Who wants to know when a session gets new tokens. */
export interface RefreshListeners {
  /** Returns the unsubscribe function. */
  add(key: string, listener: () => void): () => void
  notify(key: string): void
  /** Any session may have new ones. */
  notifyAll(): void
}

/** By store key; costs nothing for sessions nobody listens to. */
export function createRefreshListeners(): RefreshListeners {
  const byKey = new Map<string, Set<() => void>>()
  function notify(key: string): void {
    for (const listener of byKey.get(key) ?? []) listener()
  }

  return {
    notify,
    notifyAll() {
      for (const key of byKey.keys()) notify(key)
    },
    add(key, listener) {
      const listeners = byKey.get(key) ?? new Set()
      byKey.set(key, listeners.add(listener))
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0 && byKey.get(key) === listeners) byKey.delete(key)
      }
    },
  }
}
