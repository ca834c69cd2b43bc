import type { AskRedis } from './redis-deadline.ts'
import type { RedisKeys } from './redis-keys.ts'

/** Which sessions are filed under an index key: kept apart from them, in a slot of its own. */
export interface RedisIndex {
  /** Keeps at most so many, and answers who had to give way: nobody could find them by this index any more. */
  add(indexKey: string, session: IndexedSession, atMost: number): Promise<readonly string[]>
  keys(indexKey: string): Promise<readonly string[]>
  remove(indexKey: string, keys: readonly string[]): Promise<void>
}

export interface IndexedSession {
  readonly key: string
  readonly endsAtMs: number
}

export interface RedisIndexOptions {
  readonly ask: AskRedis
  readonly keys: RedisKeys
  readonly nowMs: () => number
}

const CLOCKS_APART_MS = 10 * 60_000 // what another replica's clock calls over is not pruned before all agree

/**
 * Sorted by the absolute end of the sessions: who is over is pruned with each addition, and the
 * whole goes away with its last session. May name sessions that are gone, never misses one.
 */
export function createRedisIndex(options: RedisIndexOptions): RedisIndex {
  const { ask, keys, nowMs } = options
  return {
    add(indexKey, { key, endsAtMs }, atMost) {
      const now = nowMs()
      const ttlMs = Math.max(1, endsAtMs - now)
      const rest = [key, endsAtMs, now - CLOCKS_APART_MS, ttlMs, atMost]
      return ask((redis) => redis.bearergateFile(keys.index(indexKey), ...rest))
    },
    keys: (indexKey) => ask((redis) => redis.zrange(keys.index(indexKey), '0', '-1')),
    async remove(indexKey, gone) {
      if (gone.length > 0) await ask((redis) => redis.zrem(keys.index(indexKey), [...gone]))
    },
  }
}
