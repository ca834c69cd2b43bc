import type { SessionConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import type { SessionStore } from './domain/session-store.ts'

const TOLD_EVERY_MS = 30_000 // an outage is one line now and then, not one for each attempt to connect

/**
 * The store that the configuration names; Redis connects in the background. Only what it needs is loaded: the libraries of
 * the others take 25 MiB and a quarter of the time to start.
 *
 * @throws SessionFileError the session file cannot be used as it is
 */
export async function createStore(
  config: SessionConfig,
  nowMs: () => number,
  emit: Emit,
): Promise<SessionStore> {
  const { maxSessions, file, redis } = config
  if (redis !== undefined) {
    const { createRedisSessionStore } = await import('./session-store/redis-session-store.ts')
    return createRedisSessionStore({
      ...redis,
      nowMs,
      onTrouble: nowAndThen('connect', nowMs, emit),
      onEviction: (policy) =>
        emit({
          type: 'warning',
          code: 'redis_evicts',
          message: `Redis may evict sessions (maxmemory-policy ${policy}), which signs users out: set noeviction`,
        }),
    })
  }
  if (file !== undefined) {
    const { createFileSessionStore } = await import('./session-store/file-session-store.ts')
    const onTrouble = nowAndThen('sweep', nowMs, emit)
    return createFileSessionStore({ ...file, maxSessions, nowMs, onTrouble })
  }
  const { createMemorySessionStore } = await import('./session-store/memory-session-store.ts')
  return createMemorySessionStore({ maxSessions, nowMs })
}

function nowAndThen(operation: string, nowMs: () => number, emit: Emit): (cause: unknown) => void {
  let toldAtMs = -Infinity
  return (cause) => {
    if (nowMs() - toldAtMs < TOLD_EVERY_MS) return
    toldAtMs = nowMs()
    emit({ type: 'store_failed', operation, cause })
  }
}
