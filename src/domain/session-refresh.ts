import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import type { LiveSession } from './live-session.ts'
import { createRefreshBackoff } from './refresh-backoff.ts'
import { takeRefreshLease, type RefreshLease } from './refresh-lease.ts'
import { writeRefreshedSession } from './refreshed-session-write.ts'
import type { HeldSession, Outcome, SessionCache } from './session-cache.ts'
import type { SessionEnding } from './session-ending.ts'
import { told, tokenFor, type SessionTokenWish } from './route-token.ts'
import { createSessionLane } from './session-lane.ts'
import { isSameSubject, refreshedRecord } from './session-lifecycle.ts'
import type { SessionReader } from './session-reader.ts'
import type { SessionRecord } from './session-record.ts'
import type { EndedSession, SessionStore } from './session-store.ts'
import type { StoreAbsence } from './store-absence.ts'
import type { Vault } from './session-vault.ts'
import type { RefreshAnswer, RouteTokenAnswer } from './sign-in.ts'
import { pause, type After } from './timer.ts'
import { freshness, loginToken } from './token-freshness.ts'

/** Which token of a session is to be fetched: the login's own, unless there is a wish. */
export interface TokenErrand {
  readonly wish?: SessionTokenWish
  /** Because an upstream refused the one there is. */
  readonly forced?: boolean
}

export interface SessionRefresh {
  /**
   * Joins the errand under way for this token or starts one.
   *
   * @throws GatewayError provider_unavailable, store_unavailable
   * @throws GatewayError token_refused, token_unusable: the provider gives none for this wish
   */
  now(session: LiveSession, errand: TokenErrand): Promise<Outcome>
  /** Starts one unless there is one, or one has just failed. Never throws. */
  inBackground(session: LiveSession, errand: TokenErrand): void
  /** The session as refreshed here while the store could not be told; otherwise what was found. */
  overlay<Found extends LiveSession | EndedSession | undefined>(found: Found): Found | HeldSession
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
  /** Gives up on what the store still does not take. */
  close(): void
}

export interface SessionRefreshParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly cache: SessionCache
  readonly ending: SessionEnding
  readonly read: SessionReader
  readonly absence: StoreAbsence
  readonly refreshTokenGrant: (record: SessionRecord) => Promise<RefreshAnswer>
  readonly routeTokenGrant: (
    record: SessionRecord,
    wish: SessionTokenWish,
  ) => Promise<RouteTokenAnswer>
  readonly cacheEntries: number
  readonly nowMs: () => number
  readonly wallClockMs: () => number
  readonly randomToken: () => string
  readonly after: After
  readonly emit: Emit
}

const KEEP_WRITING_MS = 5 * 60_000 // longer than a store's restart or failover
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 1_000 // another process soon believes the spent token in the store (store-absence.ts)

/**
 * One grant per session at a time, whichever token it is for, as all of them share one refresh token (RT-2, RT-8);
 * detached from whoever asked for it (RT-15): lock, read again, grant, write, unlock. Only a definite refusal of the
 * refresh token ends the session (RT-5).
 */
export function createSessionRefresh(parts: SessionRefreshParts): SessionRefresh {
  const { cache, ending, read, nowMs, after, emit } = parts
  const flights = new Map<string, Promise<Outcome>>()
  const unsaved = new Map<string, HeldSession>()
  const unfinished = new Set<Promise<void>>()
  const backoff = createRefreshBackoff(parts.cacheEntries, nowMs)
  const inLane = createSessionLane()
  let isClosed = false

  function overlay<Found extends LiveSession | EndedSession | undefined>(
    found: Found,
  ): Found | HeldSession {
    if (found === undefined || 'ended' in found) return found
    const newer = unsaved.get(found.key)
    return newer === undefined || newer.version < found.version ? found : newer
  }

  function start(session: LiveSession, errand: TokenErrand): Promise<Outcome> {
    const name = flightName(session, errand)
    const flight = inLane(session.key, (failureBefore) =>
      fly(session, errand, failureBefore),
    ).finally(() => flights.delete(name))
    flights.set(name, flight)
    return flight
  }

  async function fly(
    session: LiveSession,
    errand: TokenErrand,
    failureBefore: unknown,
  ): Promise<Outcome> {
    const name = flightName(session, errand)
    try {
      if (isOutage(failureBefore)) throw failureBefore // one deadline for all who wait, not one each
      const outcome = await cache.arriving(session.key, async (arrival) =>
        arrival.settle(await refreshUnderLease(session, errand)),
      )
      backoff.forget(name)
      return outcome
    } catch (cause) {
      const error = gatewayError(cause)
      tellFailure(session.record, errand, error)
      backoff.failed(name, error)
      throw error
    }
  }

  async function refreshUnderLease(session: LiveSession, errand: TokenErrand): Promise<Outcome> {
    const lease = await takeRefreshLease(parts, session.key)
    try {
      const waitMs = parts.absence.waitMs()
      if (waitMs > 0) await pause(after, waitMs)
      // Read again under the lock: another replica may have refreshed while we waited.
      const found = overlay(await read(session.ticket, session.key))
      if (found === undefined) return { ended: 'session_revoked' }
      if ('ended' in found || isRefreshed(found, session, errand, lease)) return found
      return await grantAndSave(found, errand, lease)
    } finally {
      finish(lease.release())
    }
  }

  /** What we have waited for is as good for us as for who fetched it, even if it was slow or our clock is fast. */
  function isRefreshed(
    found: HeldSession,
    session: LiveSession,
    errand: TokenErrand,
    { hasWaited }: RefreshLease,
  ): boolean {
    const token = tokenFor(found.record, targetOf(errand))
    if (token === undefined) return false
    const isOther = token.value !== tokenFor(session.record, targetOf(errand))?.value
    return isOther && (hasWaited || freshness(token, parts.wallClockMs()) !== 'expired')
  }

  async function grantAndSave(
    session: HeldSession,
    errand: TokenErrand,
    lease: RefreshLease,
  ): Promise<Outcome> {
    try {
      const answer = await grant(session.record, errand)
      if (!('refused' in answer)) return await save(session, answer, lease)
      const { refused, refreshToken } = answer
      const accessToken = loginToken(session.record)
      if (refreshToken !== undefined) await save(session, { accessToken, refreshToken }, lease)
      throw refused
    } catch (cause) {
      if (cause instanceof GatewayError && cause.reason === 'refresh_rejected') {
        return rejected(session, cause)
      }
      throw cause
    }
  }

  async function grant(
    record: SessionRecord,
    { wish, forced }: TokenErrand,
  ): Promise<RouteTokenAnswer> {
    const startedAtMs = nowMs()
    const answer = await (wish === undefined
      ? parts.refreshTokenGrant(record)
      : parts.routeTokenGrant(record, wish))
    if ('refused' in answer) return answer
    if (!isSameSubject(record, answer)) {
      throw new GatewayError('refresh_rejected', 'the refresh answered for another subject')
    }
    tellSuccess(record, wish, answer, nowMs() - startedAtMs)
    const { accessToken } = answer
    return forced === true ? { ...answer, accessToken: { ...accessToken, forced } } : answer
  }

  function tellSuccess(
    { issuer, subject, refreshToken }: SessionRecord,
    wish: SessionTokenWish | undefined,
    answer: RefreshAnswer,
    durationMs: number,
  ): void {
    if (wish !== undefined) {
      emit({ type: 'token_obtained', durationMs, issuer, subject, ...told(wish) })
      return
    }
    const rotated = (answer.refreshToken ?? refreshToken) !== refreshToken
    emit({ type: 'refresh_succeeded', durationMs, issuer, subject, rotated })
  }

  function tellFailure(
    { issuer, subject }: SessionRecord,
    { wish }: TokenErrand,
    error: GatewayError,
  ): void {
    const { reason } = error
    if (wish === undefined) emit({ type: 'refresh_failed', issuer, subject, reason, cause: error })
    else emit({ type: 'token_failed', reason, issuer, subject, ...told(wish), cause: error })
  }

  async function rejected(session: HeldSession, cause: GatewayError): Promise<Outcome> {
    const found = await read(session.ticket, session.key)
    // Our lease ran out and somebody else has spent the token: theirs is the session's next version.
    if (found !== undefined && 'ticket' in found && found.version > session.version) return found
    const { issuer, subject } = session.record
    emit({ type: 'refresh_rejected', issuer, subject, providerError: providerError(cause), cause })
    await ending.end(session.key, 'refresh_rejected', session.record)
    return { ended: 'refresh_rejected' }
  }

  async function save(
    session: HeldSession,
    answer: RefreshAnswer,
    lease: RefreshLease,
  ): Promise<Outcome> {
    try {
      return await writeRefreshedSession(parts, session, answer)
    } catch (cause) {
      // The provider has rotated already: these tokens exist nowhere but here.
      emit({ type: 'store_failed', operation: 'save_refreshed_session', cause })
      const refreshed = { ...session, record: refreshedRecord(session.record, answer) }
      unsaved.set(session.key, refreshed)
      lease.holdFor(keepWriting(session, answer, refreshed))
      return refreshed
    }
  }

  async function keepWriting(
    session: HeldSession,
    answer: RefreshAnswer,
    refreshed: HeldSession,
  ): Promise<void> {
    const giveUpAtMs = nowMs() + KEEP_WRITING_MS
    let isWritten = false
    for (let pauseMs = FIRST_PAUSE_MS; !isWritten && mayGoOn(giveUpAtMs); pauseMs *= 2) {
      await pause(after, Math.min(pauseMs, LONGEST_PAUSE_MS))
      isWritten = await hasWritten(session, answer)
    }
    if (unsaved.get(session.key) === refreshed) unsaved.delete(session.key)
  }

  function mayGoOn(giveUpAtMs: number): boolean {
    return !isClosed && nowMs() < giveUpAtMs
  }

  async function hasWritten(session: HeldSession, answer: RefreshAnswer): Promise<boolean> {
    try {
      await cache.arriving(session.key, async (arrival) =>
        arrival.settle(await writeRefreshedSession(parts, session, answer)),
      )
      return true
    } catch (cause) {
      emit({ type: 'store_failed', operation: 'save_refreshed_session', cause })
      return false
    }
  }

  function finish(work: Promise<void>): void {
    const tracked = work.finally(() => unfinished.delete(tracked))
    unfinished.add(tracked)
  }

  return {
    overlay,
    now(session, errand) {
      const name = flightName(session, errand)
      const flight = flights.get(name)
      if (flight !== undefined) return flight
      const failure = backoff.failure(name)
      return failure === undefined ? start(session, errand) : Promise.reject(failure)
    },
    inBackground(session, errand) {
      const name = flightName(session, errand)
      if (flights.has(name) || backoff.failure(name) !== undefined) return
      start(session, errand).catch(() => {}) // reported by the flight; the token in use is still valid
    },
    async idle() {
      while (flights.size + unfinished.size > 0) {
        await Promise.allSettled([...flights.values(), ...unfinished])
      }
    },
    close() {
      isClosed = true
    },
  }
}

function targetOf({ wish }: TokenErrand): string {
  return wish === undefined ? '' : wish.target
}

function flightName({ key }: LiveSession, errand: TokenErrand): string {
  return `${key} ${targetOf(errand)}`
}

/** Nobody else who asks now will fare better. */
function isOutage(failure: unknown): failure is GatewayError {
  if (!(failure instanceof GatewayError)) return false
  return failure.reason === 'provider_unavailable' || failure.reason === 'store_unavailable'
}

function gatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('provider_unavailable', 'the refresh failed', { cause })
}

function providerError(error: GatewayError): string {
  const { providerError: word } = error as { providerError?: unknown }
  return typeof word === 'string' ? word : 'subject_changed'
}
