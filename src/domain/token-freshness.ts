import type { AccessToken, SessionRecord } from './session-record.ts'

/** `stale`: still good to send, but it is time to ask for the next one. */
export type Freshness = 'fresh' | 'stale' | 'expired'

const REFRESH_LEEWAY_MS = 30_000 // a slow provider answer (10 s) plus clock skew (15 s), rounded up
const SHORTEST_PAUSE_MS = 1_000 // a provider whose tokens are born expired is asked once a second, not per call
const CLOCK_STEP_MS = 60_000 // a token from further in the future means that our clock was set back

/** Tells whether a token can be sent, and whether it is time for the next one (RT-1). */
export function freshness(token: AccessToken, nowMs: number): Freshness {
  if (nowMs >= expiryMs(token)) return 'expired'
  if (nowMs >= nextAutoRefreshAtMs(token)) return 'stale'
  return token.obtainedAtMs > nowMs + CLOCK_STEP_MS ? 'stale' : 'fresh'
}

/**
 * When the token is refreshed ahead of its expiry by the next request: past three quarters of its
 * life, or 30 s before its end where that leaves it at least half of its life; never sooner than a
 * second after it was obtained. Epoch milliseconds.
 */
export function nextAutoRefreshAtMs(token: AccessToken): number {
  const lifeMs = Math.max(0, token.expiresAtMs - token.obtainedAtMs)
  const leewayMs = lifeMs >= 2 * REFRESH_LEEWAY_MS ? REFRESH_LEEWAY_MS : 0
  const dueMs = lifeMs - Math.max(lifeMs / 4, leewayMs)
  return token.obtainedAtMs + Math.max(dueMs, SHORTEST_PAUSE_MS)
}

/**
 * Until when a forced refresh answers with the token there is: the cooldown, but never longer than
 * until the token is due anyway. Epoch milliseconds.
 */
export function refreshCooldownEndsAtMs(token: AccessToken, cooldownMs: number): number {
  return Math.min(token.obtainedAtMs + cooldownMs, nextAutoRefreshAtMs(token))
}

/**
 * Whether a token that an upstream refused is worth another: once at any age, but one that was itself fetched for this
 * reason only after the cooldown. An upstream that refuses every token costs a refresh a minute, not one per request.
 */
export function mayReplaceRefused(token: AccessToken, nowMs: number, cooldownMs: number): boolean {
  return token.forced !== true || nowMs >= refreshCooldownEndsAtMs(token, cooldownMs)
}

/** The access token of the login itself. */
export function loginToken(record: SessionRecord): AccessToken {
  return record.accessTokens.find(isLoginToken) ?? NO_TOKEN
}

function isLoginToken(token: AccessToken): boolean {
  return token.target === ''
}

// A record without one needs a refresh, like one whose token has expired.
const NO_TOKEN: AccessToken = { target: '', value: '', obtainedAtMs: 0, expiresAtMs: 0 }

// A token that was born expired (`expires_in: 0`) serves the calls that waited for it (TK-8).
function expiryMs(token: AccessToken): number {
  return Math.max(token.expiresAtMs, token.obtainedAtMs + SHORTEST_PAUSE_MS)
}
