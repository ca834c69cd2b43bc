import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import { createIdleSlide } from './idle-slide.ts'
import type { LiveSession } from './live-session.ts'
import { createLoginBar } from './login-bar.ts'
import { createProviderLogout, type ProviderLogout } from './provider-logout.ts'
import { SHORTEST_LEASE_MS } from './refresh-lease.ts'
import { createRefreshListeners } from './refresh-listeners.ts'
import { tokenFor, type SessionTokenWish } from './route-token.ts'
import { createSessionCap } from './session-cap.ts'
import { createSessionCache, type HeldSession, type Outcome } from './session-cache.ts'
import { createSessionEndListeners } from './session-end-listeners.ts'
import { createSessionEnding } from './session-ending.ts'
import { newRecord, slidIdleEnd } from './session-lifecycle.ts'
import { createSessionReader } from './session-reader.ts'
import type { AccessToken, SessionEnd, SessionRecord, Ticket } from './session-record.ts'
import { createSessionRefresh, type TokenErrand } from './session-refresh.ts'
import type { EndedSession, SessionStore } from './session-store.ts'
import { createStoreAbsence } from './store-absence.ts'
import type { Vault } from './session-vault.ts'
import type { RefreshAnswer, RouteTokenAnswer, SignIn } from './sign-in.ts'
import { afterTimeout, type After } from './timer.ts'
import {
  freshness,
  loginToken,
  mayReplaceRefused,
  refreshCooldownEndsAtMs,
} from './token-freshness.ts'

export type { LiveSession } from './live-session.ts'

export interface SessionEngine {
  /**
   * A new session under a new ticket; the one it replaces ends first (SE-9).
   *
   * @throws GatewayError session_revoked: the provider signed it out while the login was under way (LO-11)
   * @throws GatewayError store_unavailable
   */
  create(signIn: SignIn, replaces: Ticket | undefined): Promise<Ticket>
  /** From the local cache, without I/O, sliding the idle timeout; `undefined` when it must be asked for with `find`. */
  peek(ticket: Ticket): LiveSession | undefined
  /** Slides the idle timeout unless `passive` (SE-18). @throws GatewayError store_unavailable */
  find(ticket: Ticket, use?: 'active' | 'passive'): Promise<LiveSession | EndedSession | undefined>
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
  /**
   * Ends it here first; answers the last record (for revocation and the logout hint), `undefined`
   * if there was none. @throws GatewayError store_unavailable: it may live on elsewhere
   */
  end(ticket: Ticket, reason: SessionEnd): Promise<SessionRecord | undefined>
  /** Ends every session of the provider's session id; answers how many. @throws GatewayError store_unavailable */
  endBySid(issuer: string, sid: string): Promise<number>
  /** Ends every session of the subject; answers how many. @throws GatewayError store_unavailable */
  endBySubject(issuer: string, subject: string): Promise<number>
  /** Ends what a logout token names, also what is not alive yet (LO-9, LO-11). */
  readonly endByProvider: ProviderLogout
  /** True exactly once per state (login transaction). @throws GatewayError store_unavailable */
  consumeTransaction(state: string): Promise<boolean>
  /** Hears of the end of one session (WebSockets, event streams). Returns the unsubscribe function. */
  onEnd(session: LiveSession, listener: (reason: SessionEnd) => void): () => void
  /** Hears that one session has, or may have, new tokens. Returns the unsubscribe function. */
  onRefresh(session: LiveSession, listener: () => void): () => void
  /** What the store knows of it now: past the local copy, and not as a use. @throws GatewayError store_unavailable */
  reread(session: LiveSession): Promise<LiveSession | EndedSession | undefined>
  /** Waits (bounded) for refreshes under way, so that no rotated token is lost. The store stays open. */
  close(): Promise<void>
}

export interface SessionEngineOptions {
  readonly store: SessionStore
  readonly vault: Vault
  /** Must settle within a deadline of its own; `refresh_rejected` ends the session, anything else keeps it. */
  readonly refreshTokenGrant: (record: SessionRecord) => Promise<RefreshAnswer>
  /** Likewise; `token_refused` and `token_unusable` say that this wish has no answer. */
  readonly routeTokenGrant: (
    record: SessionRecord,
    wish: SessionTokenWish,
  ) => Promise<RouteTokenAnswer>
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly refreshCooldownMs: number
  /** Most sessions of one subject, over all replicas; absent: any number. */
  readonly maxPerSubject?: number
  /** How many decrypted sessions are kept in memory. */
  readonly cacheEntries: number
  /** Best one that no correction of the wall clock moves: limits are counted on it (AT-42). */
  readonly nowMs: () => number
  /** The clock that the times of tokens were taken from; `nowMs` unless given. */
  readonly wallClockMs?: () => number
  /** 256 random bits, base64url. */
  readonly randomToken: () => string
  readonly emit: Emit
  /** The timer; the process's own unless given. */
  readonly after?: After
}

const TRANSACTION_REMEMBERED_MS = 20 * 60_000 // longer than the login cookie lives (15 min, SE-3)
const LONGEST_CLOSE_MS = 5_000
const LOGIN: TokenErrand = {}
const FORCED: TokenErrand = { forced: true }

/** The one place that knows which sessions live, and that keeps their tokens fresh. */
export function createSessionEngine(options: SessionEngineOptions): SessionEngine {
  const { vault, nowMs, randomToken, emit, idleTimeoutMs } = options
  const { after = afterTimeout, wallClockMs = nowMs } = options
  const absence = createStoreAbsence({ ...options, shortestLeaseMs: SHORTEST_LEASE_MS })
  const { store } = absence
  const cache = createSessionCache(options.cacheEntries, () => store.watchIsLive())
  const listeners = createSessionEndListeners({
    look: (session) => find(session.ticket, 'passive'),
    watchIsLive: () => store.watchIsLive(),
    nowMs,
    after,
    emit,
  })
  const ending = createSessionEnding({ store, cache, ...listeners, emit })
  const read = createSessionReader({ store, vault, ending, nowMs, emit })
  const refreshParts = { ...options, wallClockMs, after, cache, ending, read, store, absence }
  const tokens = createSessionRefresh(refreshParts)
  const slide = createIdleSlide({ store, cache, nowMs, idleTimeoutMs, emit })
  const refreshListeners = createRefreshListeners()
  const bar = createLoginBar({ store, vault, nowMs })
  const endSuperseded = createSessionCap({ ...options, store, ending })
  const unwatch = store.watch((change) => {
    absence.heard(change)
    ending.heard(change)
    if (change.kind === 'replaced') refreshListeners.notify(change.key)
    if (change.kind === 'missed') refreshListeners.notifyAll()
  })

  function held(ticket: Ticket): HeldSession | undefined {
    const session = cache.get(ticket)
    if (session === undefined || isOver(session, nowMs())) return undefined
    return session
  }

  async function find(
    ticket: Ticket,
    use: 'active' | 'passive' = 'active',
  ): Promise<Outcome | undefined> {
    const found = held(ticket) ?? (await fetch(ticket))
    if (use === 'active' && found !== undefined && 'ticket' in found) slide(found)
    return found
  }

  function fetch(ticket: Ticket): Promise<Outcome | undefined> {
    const key = vault.storeKey(ticket.id)
    return cache.arriving(key, async (arrival) =>
      arrival.settle(tokens.overlay(await read(ticket, key))),
    )
  }

  /** The newest version known here: a request may have held its own for a while. */
  function newest(session: LiveSession): LiveSession {
    return tokens.overlay(cache.get(session.ticket) ?? session)
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
    const outcome = await tokens.now(session, errand)
    if ('ended' in outcome) return outcome
    const token = tokenFor(outcome.record, errand.wish?.target ?? '')
    if (token === undefined) throw new GatewayError('token_unusable', 'the token was not kept')
    return token
  }

  function tokenOf(session: LiveSession): AccessToken | Promise<AccessToken | EndedSession> {
    const token = loginToken(session.record)
    const state = freshness(token, wallClockMs())
    if (state === 'expired') return refreshedToken(session)
    if (state === 'stale' && session.record.refreshToken !== undefined)
      tokens.inBackground(session, LOGIN)
    return token
  }

  function routeTokenOf(
    session: LiveSession,
    wish: SessionTokenWish,
  ): AccessToken | Promise<AccessToken | EndedSession> {
    const token = tokenFor(session.record, wish.target)
    const state = token === undefined ? 'expired' : freshness(token, wallClockMs())
    if (token === undefined || state === 'expired') return fetched(session, { wish })
    if (state === 'stale') tokens.inBackground(session, { wish })
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
    const isDue = mayReplaceRefused(token, wallClockMs(), options.refreshCooldownMs)
    if (!isRenewable || !isDue) return undefined
    const renewed = await fetched(session, wish === undefined ? FORCED : { wish, forced: true })
    return 'value' in renewed && renewed.value === refused ? undefined : renewed
  }

  async function begin(signIn: SignIn): Promise<Ticket> {
    const ticket = { id: randomToken(), key: randomToken() }
    const key = vault.storeKey(ticket.id)
    const record = newRecord(signIn, nowMs(), options.lifetimeMs)
    const idleEndsAtMs = slidIdleEnd(record.endsAtMs, nowMs(), idleTimeoutMs)
    await cache.arriving(key, async (arrival) => {
      const { endsAtMs } = record
      const sealed = vault.seal(ticket, 1, record)
      await store.create({ key, sealed, idleEndsAtMs, endsAtMs, indexKeys: indexKeys(signIn) })
      arrival.settle({ ticket, key, version: 1, record, idleEndsAtMs })
    })
    if (await bar.stops(signIn)) {
      await ending.end(key, 'session_revoked', record)
      throw new GatewayError('session_revoked', 'the login was signed out before it was complete')
    }
    await endSuperseded(signIn, key)
    return ticket
  }

  function indexKeys({ issuer, subject, sid }: SignIn): string[] {
    const bySubject = vault.indexKey('sub', issuer, subject)
    return sid === undefined ? [bySubject] : [bySubject, vault.indexKey('sid', issuer, sid)]
  }

  async function end(ticket: Ticket, reason: SessionEnd): Promise<SessionRecord | undefined> {
    const found = await find(ticket, 'passive')
    if (found !== undefined && 'ended' in found) return undefined
    await ending.end(vault.storeKey(ticket.id), reason, found?.record) // even one that cannot be opened
    return found?.record
  }

  return {
    find,
    end,
    async create(signIn, replaces) {
      if (replaces !== undefined) await end(replaces, 'session_revoked')
      return begin(signIn)
    },
    peek(ticket) {
      const session = held(ticket)
      if (session !== undefined) slide(session)
      return session
    },
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
      if (wallClockMs() < refreshCooldownEndsAtMs(token, options.refreshCooldownMs)) return current
      if (current.record.refreshToken !== undefined) return tokens.now(current, LOGIN)
      return freshness(token, wallClockMs()) === 'expired' ? outlived(current) : current
    },
    endBySid: (issuer, sid) =>
      ending.endByIndex(vault.indexKey('sid', issuer, sid), 'session_revoked', { issuer, sid }),
    endBySubject: (issuer, subject) =>
      ending.endByIndex(vault.indexKey('sub', issuer, subject), 'session_revoked', {
        issuer,
        subject,
      }),
    endByProvider: createProviderLogout({ store, vault, ending, bar, wallClockMs }),
    consumeTransaction: (state) =>
      store.consumeOnce(vault.transactionKey(state), TRANSACTION_REMEMBERED_MS),
    onEnd: listeners.add,
    onRefresh: ({ key }, listener) => refreshListeners.add(key, listener),
    reread: ({ ticket }) => fetch(ticket),
    async close() {
      listeners.close()
      await atMost(LONGEST_CLOSE_MS, tokens.idle(), after)
      tokens.close()
      unwatch()
    },
  }
}

function isOver(session: LiveSession, nowMs: number): boolean {
  return nowMs >= session.idleEndsAtMs || nowMs >= session.record.endsAtMs
}

async function atMost(limitMs: number, work: Promise<void>, after: After): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = after(limitMs, resolve)
    void work.finally(cancel).then(resolve)
  })
}
