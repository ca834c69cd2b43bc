import type { Emit } from './events.ts'
import { createIdleSlide } from './idle-slide.ts'
import type { LiveSession } from './live-session.ts'
import { createLoginBar } from './login-bar.ts'
import { createProviderLogout, type ProviderLogout } from './provider-logout.ts'
import { SHORTEST_LEASE_MS } from './refresh-lease.ts'
import { createRefreshListeners } from './refresh-listeners.ts'
import type { SessionTokenWish } from './route-token.ts'
import { createSessionCap } from './session-cap.ts'
import { createSessionCache } from './session-cache.ts'
import { createSessionEndListeners } from './session-end-listeners.ts'
import { createSessionEnding } from './session-ending.ts'
import { createSessionLookup, type SessionLookup } from './session-lookup.ts'
import { createSessionReader } from './session-reader.ts'
import type { SessionEnd, SessionRecord, Ticket } from './session-record.ts'
import { createSessionRefresh } from './session-refresh.ts'
import { createSessionStart } from './session-start.ts'
import type { SessionStore } from './session-store.ts'
import { createSessionTokens, type SessionTokens } from './session-tokens.ts'
import { createStoreAbsence } from './store-absence.ts'
import { createStoreVigil } from './store-vigil.ts'
import type { Vault } from './session-vault.ts'
import type { GrantAnswer, SignIn } from './sign-in.ts'
import { afterTimeout, type After } from './timer.ts'
import { createTokenErrands } from './token-errand.ts'
import { createUnsavedTokens } from './unsaved-tokens.ts'

export type { LiveSession } from './live-session.ts'

/** The one place that knows which sessions live, and that keeps their tokens fresh. */
export interface SessionEngine extends SessionLookup, SessionTokens {
  /**
   * A new session under a new ticket; the one it replaces ends first (SE-9).
   *
   * @throws GatewayError session_revoked: the provider signed it out while the login was under way (LO-11)
   * @throws GatewayError store_unavailable
   */
  create(signIn: SignIn, replaces: Ticket | undefined): Promise<Ticket>
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
  /** Waits (bounded) for refreshes under way, so that no rotated token is lost. The store stays open. */
  close(): Promise<void>
}

export interface SessionEngineOptions {
  readonly store: SessionStore
  readonly vault: Vault
  /** Whose sessions count: those of a provider that is not configured any more count as absent. */
  readonly issuers: ReadonlySet<string>
  /** Must settle within a deadline of its own; `refresh_rejected` ends the session, anything else keeps it. */
  readonly refreshTokenGrant: (record: SessionRecord) => Promise<GrantAnswer>
  /** Likewise; `token_refused` and `token_unusable` say that this wish has no answer. */
  readonly routeTokenGrant: (record: SessionRecord, wish: SessionTokenWish) => Promise<GrantAnswer>
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

/** Puts the parts together; each of them is one sentence of docs/architecture.md. */
export function createSessionEngine(options: SessionEngineOptions): SessionEngine {
  const { vault, emit } = options
  const { after = afterTimeout, wallClockMs = options.nowMs } = options
  const absence = createStoreAbsence({ ...options, shortestLeaseMs: SHORTEST_LEASE_MS })
  const { store } = absence
  const shared = { ...options, store, after, wallClockMs }
  const cache = createSessionCache(options.cacheEntries, () => store.watchIsLive())
  const listeners = createSessionEndListeners({
    ...shared,
    look: (session) => lookup.find(session.ticket, 'passive'),
    watchIsLive: () => store.watchIsLive(),
  })
  const ending = createSessionEnding({ store, cache, ...listeners, emit })
  const read = createSessionReader({ ...shared, ending })
  const unsaved = createUnsavedTokens({ ...shared, cache, read })
  const lookup = createSessionLookup({
    ...{ ...shared, cache, read, unsaved },
    slide: createIdleSlide({ ...shared, cache }),
  })
  const errands = createTokenErrands(shared)
  const vigil = createStoreVigil(shared)
  const refreshes = createSessionRefresh({
    ...{ ...shared, cache, read, unsaved, ending, absence, errands, vigil },
  })
  const tokens = createSessionTokens({ ...shared, cache, unsaved, ending, refreshes })
  const bar = createLoginBar(shared)
  const endSuperseded = createSessionCap({ ...shared, ending })
  const start = createSessionStart({ ...shared, cache, ending, bar, endSuperseded })
  const refreshListeners = createRefreshListeners()
  const unwatch = store.watch((change) => {
    absence.heard(change)
    ending.heard(change)
    if (change.kind === 'replaced') refreshListeners.notify(change.key)
    if (change.kind === 'missed') refreshListeners.notifyAll()
  })

  async function end(ticket: Ticket, reason: SessionEnd): Promise<SessionRecord | undefined> {
    const found = await lookup.find(ticket, 'passive')
    if (found !== undefined && 'ended' in found) return undefined
    await ending.end(vault.storeKey(ticket.id), reason, found?.record) // even one that cannot be opened
    return found?.record
  }

  return {
    ...lookup,
    ...tokens,
    end,
    async create(signIn, replaces) {
      if (replaces !== undefined) await end(replaces, 'session_revoked')
      return start(signIn)
    },
    endBySid: (issuer, sid) =>
      ending.endByIndex(vault.indexKey('sid', issuer, sid), 'session_revoked', { issuer, sid }),
    endBySubject: (issuer, subject) =>
      ending.endByIndex(vault.indexKey('sub', issuer, subject), 'session_revoked', {
        issuer,
        subject,
      }),
    endByProvider: createProviderLogout({ ...shared, ending, bar }),
    consumeTransaction: (state) =>
      store.consumeOnce(vault.transactionKey(state), TRANSACTION_REMEMBERED_MS),
    onEnd: listeners.add,
    onRefresh: ({ key }, listener) => refreshListeners.add(key, listener),
    async close() {
      listeners.close()
      await atMost(LONGEST_CLOSE_MS, refreshes.idle(), after)
      unsaved.close()
      unwatch()
    },
  }
}

async function atMost(limitMs: number, work: Promise<void>, after: After): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = after(limitMs, resolve)
    void work.finally(cancel).then(resolve)
  })
}
