import type { LiveSession } from '../domain/session-engine.ts'
import type { AccessToken, SessionRecord } from '../domain/session-record.ts'
import {
  loginToken,
  nextAutoRefreshAtMs,
  refreshCooldownEndsAtMs,
} from '../domain/token-freshness.ts'
import type { Site } from '../http/entrance.ts'
import { loginAtParameter, loginHref } from '../http/login-href.ts'
import type { ProviderEntries } from '../http/provider-entry.ts'

export interface SessionAnswerOptions {
  /** Claims shown beside `sub`. */
  readonly claims: readonly string[]
  readonly refreshCooldownMs: number
  readonly entries: ProviderEntries
  readonly site: Site
}

/** What a page may know of its user's session: times and a few claims, no token (STANDARDS SE-18, SE-20). */
export function sessionAnswer(
  session: LiveSession,
  nowMs: number,
  { claims, refreshCooldownMs, entries, site }: SessionAnswerOptions,
): Record<string, unknown> {
  const { record } = session
  const provider = providerOf(record, entries)
  return {
    ...(provider === '' ? {} : { provider }),
    session: {
      created_at: timestamp(record.createdAtMs),
      ends_at: timestamp(record.endsAtMs),
      timeout_at: timestamp(session.idleEndsAtMs),
      ends_in_seconds: secondsUntil(record.endsAtMs, nowMs),
      active: nowMs < Math.min(record.endsAtMs, session.idleEndsAtMs),
      timeout_in_seconds: secondsUntil(session.idleEndsAtMs, nowMs),
    },
    tokens: tokenTimes(loginToken(record), record, nowMs, refreshCooldownMs),
    user: userOf(record, claims),
    ...(record.acr === undefined ? {} : { acr: record.acr }),
    ...(record.authTimeMs === undefined ? {} : { auth_time: Math.floor(record.authTimeMs / 1000) }),
    login_url: loginUrlAt(provider, site),
    logout_url: site.logoutUrl,
  }
}

/** The name of the provider that a session is of; '' where there is only one. */
export function providerOf({ issuer }: SessionRecord, entries: ProviderEntries): string {
  return entries.find((entry) => entry.issuer === issuer)?.name ?? ''
}

/** Where the same person signs in again. */
export function loginUrlAt(provider: string | undefined, { publicUrl }: Site): string {
  return publicUrl.origin + loginHref('/', loginAtParameter(provider))
}

function tokenTimes(
  token: AccessToken,
  record: SessionRecord,
  nowMs: number,
  cooldownMs: number,
): Record<string, unknown> {
  const cooldownSeconds = secondsUntil(refreshCooldownEndsAtMs(token, cooldownMs), nowMs)
  const refreshes = record.refreshToken !== undefined
  return {
    expire_at: timestamp(token.expiresAtMs),
    refreshed_at: timestamp(token.obtainedAtMs),
    expire_in_seconds: secondsUntil(token.expiresAtMs, nowMs),
    next_auto_refresh_in_seconds: refreshes
      ? secondsUntil(nextAutoRefreshAtMs(token), nowMs)
      : null,
    refresh_cooldown: cooldownSeconds > 0,
    refresh_cooldown_seconds: cooldownSeconds,
  }
}

function userOf({ claims, subject }: SessionRecord, shown: readonly string[]): object {
  const known = shown.filter((name) => Object.hasOwn(claims, name))
  return { ...Object.fromEntries(known.map((name) => [name, claims[name]])), sub: subject }
}

/** ISO 8601 in UTC. */
export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** Whole seconds, rounded up so that 0 means "over"; never negative. */
export function secondsUntil(epochMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((epochMs - nowMs) / 1000))
}
