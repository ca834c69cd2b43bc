/** Locks that were asked for, and nobody knows whether they were taken. */
export interface UnheardLocks {
  remember(owner: string, key: string): void
  forget(owner: string): void
  close(): void
}

const GIVE_BACK_EVERY_MS = 1_000
const MOST_UNHEARD = 1_000 // the rest are waited for: one lease

/**
 * A store that was frozen takes a lock when it thaws, for somebody who has gone away; in Redis the
 * lease begins only then. However long that takes, it is given back.
 *
 * @param unlock must reject while the store gives no answer
 */
export function createUnheardLocks(
  unlock: (key: string, owner: string) => Promise<void>,
): UnheardLocks {
  const unheard = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined

  async function giveBack(): Promise<void> {
    await Promise.all([...unheard].map(([owner, key]) => giveBackOne(owner, key)))
    if (timer === undefined) return // closed
    timer = undefined
    if (unheard.size > 0) later()
  }

  async function giveBackOne(owner: string, key: string): Promise<void> {
    try {
      await unlock(key, owner)
      unheard.delete(owner)
    } catch {
      // Next time; whoever else asks the same server reports the same trouble.
    }
  }

  function later(): void {
    timer = setTimeout(() => void giveBack(), GIVE_BACK_EVERY_MS).unref()
  }

  return {
    remember(owner, key) {
      unheard.set(owner, key)
      if (unheard.size > MOST_UNHEARD) unheard.delete(unheard.keys().next().value as string)
      if (timer === undefined) later()
    },
    forget: (owner) => void unheard.delete(owner),
    close() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
