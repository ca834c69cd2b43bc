import type { GatewayError } from './gateway-error.ts'

/** Remembers failed refreshes, so that a queue of requests does not repeat them one by one. */
export interface RefreshBackoff {
  /** The failure to answer with for now; `undefined` when it is time to try (again). */
  failure(key: string): GatewayError | undefined
  failed(key: string, error: GatewayError): void
  forget(key: string): void
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000 // while a provider is down; a user waits no longer than this after it is back

interface Failure {
  readonly error: GatewayError
  readonly pauseMs: number
  readonly retryAtMs: number
}

/**
 * At most `limit` sessions are remembered; the pause of each doubles with every failure of the
 * provider in a row. A store is back within seconds, and nobody shall wait longer for it.
 */
export function createRefreshBackoff(limit: number, nowMs: () => number): RefreshBackoff {
  const failures = new Map<string, Failure>()
  return {
    failure(key) {
      const failure = failures.get(key)
      return failure !== undefined && nowMs() < failure.retryAtMs ? failure.error : undefined
    },
    failed(key, error) {
      const before = failures.get(key)?.pauseMs ?? FIRST_PAUSE_MS / 2
      const isStore = error.reason === 'store_unavailable'
      const pauseMs = isStore ? FIRST_PAUSE_MS : Math.min(2 * before, LONGEST_PAUSE_MS)
      failures.delete(key)
      failures.set(key, { error, pauseMs, retryAtMs: nowMs() + pauseMs })
      if (failures.size > limit) failures.delete(failures.keys().next().value as string)
    },
    forget: (key) => void failures.delete(key),
  }
}
