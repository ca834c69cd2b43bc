import type { GatewayError } from './gateway-error.ts'

/** Remembers refreshes that the provider failed, so that a queue of requests does not repeat them one by one. */
export interface RefreshBackoff {
  /** The failure to answer with for now; `undefined` when it is time to try (again). */
  failure(key: string): GatewayError | undefined
  failed(key: string, error: GatewayError): void
  /** The provider has given tokens: this is over, and for others it will be soon. */
  succeeded(key: string): void
  forget(key: string): void
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000 // while a provider is down; a user waits no longer than this after it is back
const LONGEST_PAUSE_OF_ONE_MS = 2_000 // while others are given tokens

interface Failure {
  readonly error: GatewayError
  readonly pauseMs: number
  readonly failedAtMs: number
}

/**
 * At most `limit` sessions are remembered; the pause of each doubles with every failure of the provider in a row. The
 * store is not meant: it fails within its own deadline, for all who ask at the same time, and is asked again at once.
 */
export function createRefreshBackoff(limit: number, nowMs: () => number): RefreshBackoff {
  const failures = new Map<string, Failure>()
  let succeededAtMs = -Infinity

  function retryAtMs({ error, failedAtMs, pauseMs }: Failure): number {
    const isBack = error.reason === 'provider_unavailable' && succeededAtMs > failedAtMs
    return failedAtMs + (isBack ? Math.min(pauseMs, LONGEST_PAUSE_OF_ONE_MS) : pauseMs)
  }

  return {
    failure(key) {
      const failure = failures.get(key)
      return failure !== undefined && nowMs() < retryAtMs(failure) ? failure.error : undefined
    },
    failed(key, error) {
      if (error.reason === 'store_unavailable') return
      const before = failures.get(key)?.pauseMs ?? FIRST_PAUSE_MS / 2
      const pauseMs = Math.min(2 * before, LONGEST_PAUSE_MS)
      failures.delete(key)
      failures.set(key, { error, pauseMs, failedAtMs: nowMs() })
      if (failures.size > limit) failures.delete(failures.keys().next().value as string)
    },
    succeeded(key) {
      failures.delete(key)
      succeededAtMs = nowMs()
    },
    forget: (key) => void failures.delete(key),
  }
}
