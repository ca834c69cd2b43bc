import { GatewayError } from './gateway-error.ts'
import type { LiveSession } from './live-session.ts'
import { tokenFor, type SessionTokenWish } from './route-token.ts'
import type { SessionCache } from './session-cache.ts'
import type { SessionEnding } from './session-ending.ts'
import type { AccessToken } from './session-record.ts'
import type { SessionRefresh } from './session-refresh.ts'
import type { EndedSession } from './session-store.ts'
import { targetOf, type TokenErrand } from './token-errand.ts'
import {
  freshness,
  loginToken,
  mayReplaceRefused,
  refreshCooldownEndsAtMs,
} from './token-freshness.ts'
import type { UnsavedTokens } from './unsaved-tokens.ts'

/** The tokens that requests of a session carry upstream. */
export interface SessionTokens {
  /**
   * The token to send upstream: at once when still valid (a stale one starts a background refresh),
   * a promise when it must be refreshed first.
   *
   * @throws GatewayError provider_unavailable, store_unavailable: by the promise; the session is kept
   */
  accessToken(session: LiveSession): AccessToken | Promise<AccessToken | EndedSession>
  /**
   * The same for a token that a route wants for itself (RS-13), on top of the login's: a route is served only while that
   * one is valid or can be renewed.
   *
   * @throws GatewayError token_refused, token_unusable: by the promise; the provider gives none, the session is kept
   * @throws GatewayError provider_unavailable, store_unavailable: by the promise; the session is kept
   */
  routeToken(
    session: LiveSession,
    wish: SessionTokenWish,
  ): AccessToken | Promise<AccessToken | EndedSession>
  /**
   * A token in place of one that an upstream refused (RT-9): the newer one there is, or else a forced refresh, once per
   * token. `undefined` when there is none to be had by now.
   *
   * @throws GatewayError as `accessToken` and `routeToken`
   */
  replaceToken(
    session: LiveSession,
    refused: string,
    wish?: SessionTokenWish,
  ): Promise<AccessToken | EndedSession | undefined>
  /**
   * A forced refresh, idempotent within the cooldown (SE-21).
   *
   * @throws GatewayError provider_unavailable, store_unavailable: the session is kept
   */
  refresh(session: LiveSession): Promise<LiveSession | EndedSession>
}

export interface SessionTokensParts {
  readonly cache: SessionCache
  readonly unsaved: UnsavedTokens
  readonly ending: SessionEnding
  readonly refreshes: SessionRefresh
  readonly refreshCooldownMs: number
  /** The clock that the times of tokens were taken from. */
  readonly wallClockMs: () => number
}

const LOGIN: TokenErrand = {}
const FORCED: TokenErrand = { forced: true }

export function createSessionTokens(parts: SessionTokensParts): SessionTokens {
  const { cache, unsaved, ending, refreshes, refreshCooldownMs, wallClockMs } = parts

  /** The newest version known here: a request may have held its own for a while. */
  function newest(session: LiveSession): LiveSession {
    return unsaved.overlay(cache.get(session.ticket) ?? session)
  }

  /** Without a refresh token the session is over with its access token (S-5). */
  async function outlived(session: LiveSession): Promise<EndedSession> {
    await ending.end(session.key, 'session_expired', session.record)
    return { ended: 'session_expired' }
  }

  async function refreshedToken(session: LiveSession): Promise<AccessToken | EndedSession> {
    if (session.record.refreshToken === undefined) return outlived(session)
    return fetched(session, LOGIN)
  }

  async function fetched(
    session: LiveSession,
    errand: TokenErrand,
  ): Promise<AccessToken | EndedSession> {
    const outcome = await refreshes.now(session, errand)
    if ('ended' in outcome) return outcome
    const token = tokenFor(outcome.record, targetOf(errand))
    if (token === undefined) throw new GatewayError('token_unusable', 'the token was not kept')
    return token
  }

  function tokenOf(session: LiveSession): AccessToken | Promise<AccessToken | EndedSession> {
    const token = loginToken(session.record)
    const state = freshness(token, wallClockMs())
    if (state === 'expired') return refreshedToken(session)
    if (state === 'stale' && session.record.refreshToken !== undefined)
      refreshes.inBackground(session, LOGIN)
    return token
  }

  function routeTokenOf(
    session: LiveSession,
    wish: SessionTokenWish,
  ): AccessToken | Promise<AccessToken | EndedSession> {
    const token = tokenFor(session.record, wish.target)
    const state = token === undefined ? 'expired' : freshness(token, wallClockMs())
    if (token === undefined || state === 'expired') return fetched(session, { wish })
    if (state === 'stale') refreshes.inBackground(session, { wish })
    return token
  }

  async function replaced(
    session: LiveSession,
    refused: string,
    wish: SessionTokenWish | undefined,
  ): Promise<AccessToken | EndedSession | undefined> {
    const token = tokenFor(session.record, wish?.target ?? '')
    if (token === undefined || token.value !== refused) {
      return wish === undefined ? tokenOf(session) : routeTokenOf(session, wish)
    }
    const isRenewable = wish?.via === 'exchange' || session.record.refreshToken !== undefined
    const isDue = mayReplaceRefused(token, wallClockMs(), refreshCooldownMs)
    if (!isRenewable || !isDue) return undefined
    const renewed = await fetched(session, wish === undefined ? FORCED : { wish, forced: true })
    return 'value' in renewed && renewed.value === refused ? undefined : renewed
  }

  return {
    accessToken(session) {
      const token = loginToken(session.record)
      return freshness(token, wallClockMs()) === 'fresh' ? token : tokenOf(newest(session))
    },
    routeToken(session, wish) {
      const token = tokenFor(session.record, wish.target)
      if (token !== undefined && freshness(token, wallClockMs()) === 'fresh') return token
      return routeTokenOf(newest(session), wish)
    },
    replaceToken: (session, refused, wish) => replaced(newest(session), refused, wish),
    async refresh(session) {
      const current = newest(session)
      const token = loginToken(current.record)
      if (wallClockMs() < refreshCooldownEndsAtMs(token, refreshCooldownMs)) return current
      if (current.record.refreshToken !== undefined) return refreshes.now(current, LOGIN)
      return freshness(token, wallClockMs()) === 'expired' ? outlived(current) : current
    },
  }
}
