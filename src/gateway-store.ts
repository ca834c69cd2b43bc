import type { SessionConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import type { SessionStore } from './domain/session-store.ts'
import { createFileSessionStore } from './session-store/file-session-store.ts'
import { createMemorySessionStore } from './session-store/memory-session-store.ts'
import { createRedisSessionStore } from './session-store/redis-session-store.ts'

const TOLD_EVERY_MS = 30_000 // an outage is one line now and then, not one for each attempt to connect

/**
 * The store that the configuration names; Redis connects in the background.
 *
 * @throws SessionFileError the session file cannot be used as it is
 */
export function createStore(config: SessionConfig, nowMs: () => number, emit: Emit): SessionStore {
  const { maxSessions, file, redis } = config
  if (redis !== undefined) {
    return createRedisSessionStore({
      ...redis,
      nowMs,
      onTrouble: nowAndThen('connect', nowMs, emit),
    })
  }
  if (file !== undefined) {
    const onTrouble = nowAndThen('sweep', nowMs, emit)
    return createFileSessionStore({ ...file, maxSessions, nowMs, onTrouble })
  }
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
