import type { Test } from 'tap'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { until } from '../support/redis-servers.ts'

const LIFE_MS = 60_000

/** Stores a session under each key. */
export async function createSessions(store: SessionStore, keys: readonly string[]): Promise<void> {
  const endsAtMs = Date.now() + LIFE_MS
  const sealed = Buffer.from('sealed')
  for (const key of keys)
    await store.create({ key, sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] })
}

/** Waits until the store serves and hears of changes again; comments how long that took. */
export async function untilServing(t: Test, store: SessionStore, key: string): Promise<void> {
  const startedAtMs = performance.now()
  const asked: number[] = []
  await until(async () => {
    const askedAtMs = performance.now()
    const moved = await store.touch(key, Date.now() + LIFE_MS).catch(() => false)
    asked.push(performance.now() - askedAtMs)
    return moved
  }, 30_000)
  const servingMs = performance.now() - startedAtMs
  await until(() => store.watchIsLive(), 30_000)
  const liveMs = performance.now() - startedAtMs
  t.comment(
    `writes again after ${servingMs.toFixed(0)} ms, hears again after ${liveMs.toFixed(0)} ms`,
  )
  t.ok(Math.max(...asked) < 1_000, 'no call took a second')
}

/** Both stores hear what the other one does. */
export async function hearEachOther(
  t: Test,
  key: string,
  [store, other]: readonly [SessionStore, SessionStore],
): Promise<unknown> {
  const heard = new Promise<void>((resolve) => {
    other.watch(({ kind }) => kind === 'replaced' && resolve())
  })
  const found = await store.read(key)
  if (found === undefined || 'ended' in found) return t.fail('the session is gone')
  t.equal(await store.compareAndSet(key, found.version, Buffer.from('newer')), true)
  await heard
}
