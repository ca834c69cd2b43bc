import { withToken } from './route-token.ts'
import type { AccessToken, SessionEnd, SessionRecord } from './session-record.ts'
import type { RefreshAnswer, SignIn } from './sign-in.ts'

/** The two ends of a session, epoch milliseconds; the idle end never lies past the other. */
export interface SessionLimits {
  readonly idleEndsAtMs: number
  readonly endsAtMs: number
}

/** The record a completed sign-in starts with. */
export function newRecord(signIn: SignIn, nowMs: number, lifetimeMs: number): SessionRecord {
  const { accessToken, refreshTokenLifetimeMs, startedAtMs: _, ...identity } = signIn
  return {
    formatVersion: 1,
    ...identity,
    ...renewable(refreshTokenLifetimeMs, accessToken, nowMs),
    createdAtMs: nowMs,
    endsAtMs: nowMs + lifetimeMs,
    accessTokens: [accessToken],
  }
}

/** The record after a refresh: what the answer leaves out stays (RT-3), claims are replaced as a whole (RT-17). */
export function refreshedRecord(
  record: SessionRecord,
  answer: RefreshAnswer,
  nowMs: number,
): SessionRecord {
  const { accessToken, refreshTokenLifetimeMs, ...rest } = answer
  const { renewableUntilMs: _, ...kept } = record
  const isTold = refreshTokenLifetimeMs !== undefined || rest.refreshToken !== undefined
  return {
    ...(isTold ? kept : record),
    ...rest,
    ...renewable(refreshTokenLifetimeMs, accessToken, nowMs),
    accessTokens: withToken(record.accessTokens, accessToken),
  }
}

/** Counted by the clock of the session, from now: the provider's own may be set otherwise. */
function renewable(
  lifetimeMs: number | undefined,
  { obtainedAtMs, expiresAtMs }: AccessToken,
  nowMs: number,
): Pick<SessionRecord, 'renewableUntilMs'> {
  if (lifetimeMs === undefined) return {}
  return { renewableUntilMs: nowMs + Math.max(lifetimeMs, expiresAtMs - obtainedAtMs) }
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

/**
 * The idle end after a use at `nowMs`: sliding never moves it past the absolute end (SE-8), nor past what the tokens can do:
 * who does nothing for so long finds a session that no refresh would bring back (RT-11).
 */
export function slidIdleEnd(
  { endsAtMs, renewableUntilMs = endsAtMs }: Pick<SessionRecord, 'endsAtMs' | 'renewableUntilMs'>,
  nowMs: number,
  idleTimeoutMs: number,
): number {
  return Math.min(nowMs + idleTimeoutMs, endsAtMs, renewableUntilMs)
}

/**
 * How far the idle end must move before it is worth a write: a tenth of the timeout, at most a
 * minute. A session may therefore end that much before its idle timeout, never after it.
 */
export function touchIntervalMs(idleTimeoutMs: number): number {
  return Math.min(60_000, idleTimeoutMs / 10)
}
