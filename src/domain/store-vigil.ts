import type { SessionStore } from './session-store.ts'
import type { After } from './timer.ts'

/** Keeps those who wait for something from waiting on while the store is down (SE-17). */
export interface StoreVigil {
  /**
   * What the work on a session comes to, while its store answers. When it does not, whoever asked is told within a
   * second, and the work goes on without him.
   *
   * @throws GatewayError store_unavailable
   */
  whileAnswering<Result>(key: string, work: Promise<Result>): Promise<Result>
}

export interface StoreVigilParts {
  readonly store: Pick<SessionStore, 'waitForUnlock'>
  readonly nowMs: () => number
  readonly after: After
}

const LOOK_EVERY_MS = 250
// One that refuses is asked again: a connection that broke is back by then. One that is frozen takes as long for a single answer.
const GIVE_UP_AFTER_MS = 450

interface Watched {
  readonly giveUp: Set<(cause: unknown) => void>
  failingSinceMs: number | undefined
  cancel: () => void
}

/**
 * A slow provider may be waited for, and so may another replica: neither tells of a store that froze meanwhile. So the
 * store is asked, in the slot of the session, four times a second, whoever and how many are waiting for it.
 */
export function createStoreVigil({ store, nowMs, after }: StoreVigilParts): StoreVigil {
  const watched = new Map<string, Watched>()

  function watch(key: string): Watched {
    const entry: Watched = { giveUp: new Set(), failingSinceMs: undefined, cancel: () => {} }
    watched.set(key, entry)
    lookLater(key, entry)
    return entry
  }

  function lookLater(key: string, entry: Watched): void {
    entry.cancel = after(LOOK_EVERY_MS, () => void look(key, entry))
  }

  async function look(key: string, entry: Watched): Promise<void> {
    const startedAtMs = nowMs()
    try {
      await store.waitForUnlock(key, 0) // the smallest question there is
      entry.failingSinceMs = undefined
    } catch (cause) {
      entry.failingSinceMs ??= startedAtMs
      if (nowMs() - entry.failingSinceMs >= GIVE_UP_AFTER_MS) {
        for (const giveUp of entry.giveUp) giveUp(cause)
      }
    }
    if (entry.giveUp.size > 0) lookLater(key, entry)
  }

  return {
    async whileAnswering(key, work) {
      const entry = watched.get(key) ?? watch(key)
      let giveUp: (cause: unknown) => void = () => {}
      const down = new Promise<never>((_resolve, reject) => {
        giveUp = (cause) => {
          leave()
          reject(cause)
        }
      })
      entry.giveUp.add(giveUp)
      const leave = (): void => {
        entry.giveUp.delete(giveUp)
        if (entry.giveUp.size > 0) return
        entry.cancel()
        if (watched.get(key) === entry) watched.delete(key)
      }
      return Promise.race([work, down]).finally(leave)
    },
  }
}
