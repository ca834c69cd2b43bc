import { withToken } from './route-token.ts'
import type { SessionEnd, SessionRecord } from './session-record.ts'
import type { RefreshAnswer, SignIn } from './sign-in.ts'

/** The two ends of a session, epoch milliseconds; the idle end never lies past the other. */
export interface SessionLimits {
  readonly idleEndsAtMs: number
  readonly endsAtMs: number
}

/** The record a completed sign-in starts with. */
export function newRecord(signIn: SignIn, nowMs: number, lifetimeMs: number): SessionRecord {
  const { accessToken, startedAtMs: _, ...identity } = signIn
  return {
    formatVersion: 1,
    ...identity,
    createdAtMs: nowMs,
    endsAtMs: nowMs + lifetimeMs,
    accessTokens: [accessToken],
  }
}

/** The record after a refresh: what the answer leaves out stays (RT-3), claims are replaced as a whole (RT-17). */
export function refreshedRecord(record: SessionRecord, answer: RefreshAnswer): SessionRecord {
  const { accessToken, ...rest } = answer
  return { ...record, ...rest, accessTokens: withToken(record.accessTokens, accessToken) }
}

/** False when the refreshed claims speak of somebody else (RT-6, OpenID Connect Core §12.2). */
export function isSameSubject(record: SessionRecord, answer: RefreshAnswer): boolean {
  const { sub, iss } = answer.claims ?? {}
  return (sub ?? record.subject) === record.subject && (iss ?? record.issuer) === record.issuer
}

/** Which limit is over, if one is (SE-8). */
export function limitReached(limits: SessionLimits, nowMs: number): SessionEnd | undefined {
  if (nowMs < limits.idleEndsAtMs && nowMs < limits.endsAtMs) return undefined
  return limits.idleEndsAtMs < limits.endsAtMs ? 'session_idle' : 'session_expired'
}

/** The idle end after a use at `nowMs`: sliding never moves it past the absolute end (SE-8). */
export function slidIdleEnd(endsAtMs: number, nowMs: number, idleTimeoutMs: number): number {
  return Math.min(nowMs + idleTimeoutMs, endsAtMs)
}

/**
 * How far the idle end must move before it is worth a write: a tenth of the timeout, at most a
 * minute. A session may therefore end that much before its idle timeout, never after it.
 */
export function touchIntervalMs(idleTimeoutMs: number): number {
  return Math.min(60_000, idleTimeoutMs / 10)
}
