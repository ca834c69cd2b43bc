import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import type { LiveSession } from './live-session.ts'
import { takeRefreshLease, type RefreshLease, type RefreshLeaseParts } from './refresh-lease.ts'
import { tokenFor } from './route-token.ts'
import type { HeldSession, Outcome } from './session-cache.ts'
import type { SessionEnding } from './session-ending.ts'
import type { SessionReader } from './session-reader.ts'
import type { StoreAbsence } from './store-absence.ts'
import { pause } from './timer.ts'
import { targetOf, type TokenErrand, type TokenErrands } from './token-errand.ts'
import { freshness, loginToken } from './token-freshness.ts'
import type { UnsavedTokens } from './unsaved-tokens.ts'

/**
 * One refresh, done by nobody else meanwhile: lock, read again, ask the provider, write, unlock. Only a definite refusal
 * of the refresh token ends the session (RT-5).
 *
 * @throws GatewayError provider_unavailable, store_unavailable
 * @throws GatewayError token_refused, token_unusable: the provider gives none for this wish
 */
export type LeasedRefresh = (session: LiveSession, errand: TokenErrand) => Promise<Outcome>

export interface LeasedRefreshParts extends RefreshLeaseParts {
  readonly absence: StoreAbsence
  readonly read: SessionReader
  readonly ending: SessionEnding
  readonly errands: TokenErrands
  readonly unsaved: UnsavedTokens
  /** Hears of what goes on when the answer is there: writes that are tried again, the lease given back. */
  readonly goesOn: (work: Promise<void>) => void
  readonly wallClockMs: () => number
  readonly emit: Emit
}

export function createLeasedRefresh(parts: LeasedRefreshParts): LeasedRefresh {
  const { absence, read, ending, errands, unsaved, goesOn, wallClockMs, after, emit } = parts

  async function fetchNow(
    session: HeldSession,
    errand: TokenErrand,
    lease: RefreshLease,
  ): Promise<Outcome> {
    try {
      const answer = await errands.run(session.record, errand)
      if (!('refused' in answer)) return await unsaved.save(session, answer, lease)
      const { refused, refreshToken } = answer
      const accessToken = loginToken(session.record)
      if (refreshToken !== undefined)
        await unsaved.save(session, { accessToken, refreshToken }, lease)
      throw refused
    } catch (cause) {
      if (cause instanceof GatewayError && cause.reason === 'refresh_rejected') {
        return rejected(session, cause)
      }
      throw cause
    }
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
    return isOther && (hasWaited || freshness(token, wallClockMs()) !== 'expired')
  }

  return async (session, errand) => {
    const lease = await takeRefreshLease(parts, session.key)
    try {
      const waitMs = absence.waitMs()
      if (waitMs > 0) await pause(after, waitMs)
      // Read again under the lock: another replica may have refreshed while we waited.
      const found = unsaved.overlay(await read(session.ticket, session.key))
      if (found === undefined) return { ended: 'session_revoked' }
      if ('ended' in found || isRefreshed(found, session, errand, lease)) return found
      return await fetchNow(found, errand, lease)
    } finally {
      goesOn(lease.release())
    }
  }
}

function providerError(error: GatewayError): string {
  const { providerError: word } = error as { providerError?: unknown }
  return typeof word === 'string' ? word : 'subject_changed'
}
