import { setTimeout as pause } from 'node:timers/promises'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { createRedisSessionStore } from '../../src/session-store/redis-session-store.ts'
import { until, type RedisBed } from '../support/redis-servers.ts'
import type { StoreUnderTest } from './session-store-contract.ts'

interface Owner {
  teardown(close: () => unknown): unknown
}

/** Two stores of two processes on one Redis, both hearing every change. */
export async function twoStores(t: Owner, bed: RedisBed): Promise<StoreUnderTest> {
  const [store, other] = await Promise.all([openStore(t, bed), openStore(t, bed)])
  return { store, other, nowMs: Date.now, elapse: (ms) => pause(ms) }
}

/** A store that is connected and hears every change. */
export async function openStore(t: Owner, { options }: RedisBed): Promise<SessionStore> {
  const store = createRedisSessionStore({ ...options, nowMs: Date.now })
  t.teardown(() => store.close())
  await until(() => store.watchIsLive())
  return store
}

/** Forgets all keys, so that each test may use the same names. */
export async function emptied({ servers }: RedisBed): Promise<void> {
  for (const { admin } of servers) await admin.flushall().catch(() => {}) // replicas refuse
}
