import type { BearerToken } from '../domain/bearer-credential.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'

/** What a caller proved himself with: one of the two, or neither. */
interface Authority {
  readonly session: LiveSession | undefined
  readonly bearer?: BearerToken | undefined
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * Calls when what a caller came with ends, the session or the token: what stays open on its authority ends with it (LO-15). Returns the way to stop waiting; `undefined` for callers with neither.
 */
export function onCallerEnd(
  { sessions }: { readonly sessions: SessionEngine },
  { session, bearer }: Authority,
  listener: () => void,
): (() => void) | undefined {
  if (session !== undefined) return sessions.onEnd(session, listener)
  return bearer === undefined ? undefined : onBearerEnd(bearer, listener)
}

function onBearerEnd({ expiresAtMs }: BearerToken, listener: () => void): () => void {
  const leftMs = expiresAtMs - Date.now()
  if (leftMs > LONGEST_TIMER_MS) return () => undefined
  const timer = setTimeout(listener, Math.max(0, leftMs)).unref()
  return () => clearTimeout(timer)
}
