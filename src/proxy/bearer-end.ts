import type { BearerToken } from '../domain/bearer-credential.ts'

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Calls when a caller's token ends: what stays open on its authority ends with it. Returns the way to stop waiting. */
export function onBearerEnd({ expiresAtMs }: BearerToken, listener: () => void): () => void {
  const leftMs = expiresAtMs - Date.now()
  if (leftMs > LONGEST_TIMER_MS) return () => undefined
  const timer = setTimeout(listener, Math.max(0, leftMs)).unref()
  return () => clearTimeout(timer)
}
