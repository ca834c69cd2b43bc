import type { NewStoredSession } from '../../src/domain/session-store.ts'

export const RACED_SESSIONS = 100
export const COUNTED = 50
const HOUR_MS = 3_600_000

/** A session with some kilobytes, as real ones have. */
export function sealedSession(key: string): NewStoredSession {
  return {
    key,
    sealed: Buffer.alloc(3_000, key),
    idleEndsAtMs: Date.now() + HOUR_MS,
    endsAtMs: Date.now() + HOUR_MS,
    indexKeys: ['everybody', `sid ${key}`],
  }
}
