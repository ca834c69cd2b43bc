import { setTimeout as delay } from 'node:timers/promises'
import type { SessionStore } from '../domain/session-store.ts'

const ASK_AGAIN_MS = 50

/** Waits until the store serves: stores connect in the background, and fail at once until they have. Answers why it does not. */
export async function storeTrouble(store: SessionStore, withinMs: number): Promise<unknown> {
  const giveUpAtMs = performance.now() + withinMs
  for (;;) {
    const failure = await store.ping().then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (failure === undefined || performance.now() >= giveUpAtMs) return failure
    await delay(ASK_AGAIN_MS)
  }
}
