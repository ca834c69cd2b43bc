import type { SessionConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import type { SessionStore } from './domain/session-store.ts'
import { createMemorySessionStore } from './session-store/memory-session-store.ts'
import { createRedisSessionStore } from './session-store/redis-session-store.ts'

const TOLD_EVERY_MS = 30_000 // an outage is one line now and then, not one for each attempt to connect

/** The store that the configuration names; it connects in the background. */
export function createStore(config: SessionConfig, nowMs: () => number, emit: Emit): SessionStore {
  if (config.redis === undefined) {
    return createMemorySessionStore({ maxSessions: config.maxSessions, nowMs })
  }
  return createRedisSessionStore({ ...config.redis, nowMs, onTrouble: nowAndThen(nowMs, emit) })
}

function nowAndThen(nowMs: () => number, emit: Emit): (cause: unknown) => void {
  let toldAtMs = -Infinity
  return (cause) => {
    if (nowMs() - toldAtMs < TOLD_EVERY_MS) return
    toldAtMs = nowMs()
    emit({ type: 'store_failed', operation: 'connect', cause })
  }
}
