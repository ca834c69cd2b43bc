import type { Emit } from './events.ts'
import type { AccessToken, SessionEnd, SessionRecord, Ticket } from './session-record.ts'
import type { EndedSession, SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { RefreshAnswer, SignIn } from './sign-in.ts'

/** One session as a request sees it. */
export interface LiveSession {
  readonly ticket: Ticket
  /** Its name in the store: safe to log, useless to a thief. */
  readonly key: string
  readonly version: number
  readonly record: SessionRecord
  /** Epoch milliseconds; moves with use. */
  readonly idleEndsAtMs: number
}

export interface SessionEngine {
  /** A new session under a new ticket; the one it replaces ends first (SE-9). @throws GatewayError store_unavailable */
  create(signIn: SignIn, replaces: Ticket | undefined): Promise<Ticket>
  /** From the local cache, without I/O, sliding the idle timeout; `undefined` when it must be asked for with `find`. */
  peek(ticket: Ticket): LiveSession | undefined
  /** Slides the idle timeout unless `passive` (SE-18). @throws GatewayError store_unavailable */
  find(
    ticket: Ticket,
    use?: 'active' | 'passive',
  ): Promise<LiveSession | EndedSession | undefined>
  /**
   * The token to send upstream: at once when still valid (a stale one starts a background refresh),
   * a promise when it must be refreshed first.
   *
   * @throws GatewayError provider_unavailable, store_unavailable: by the promise; the session is kept
   */
  accessToken(session: LiveSession): AccessToken | Promise<AccessToken | EndedSession>
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
  /** True exactly once per state (login transaction). @throws GatewayError store_unavailable */
  consumeTransaction(state: string): Promise<boolean>
  /** Hears of the end of one session (WebSockets, event streams). Returns the unsubscribe function. */
  onEnd(session: LiveSession, listener: (reason: SessionEnd) => void): () => void
  /** Waits (bounded) for refreshes under way, so that no rotated token is lost. The store stays open. */
  close(): Promise<void>
}

export interface SessionEngineOptions {
  readonly store: SessionStore
  readonly vault: Vault
  /** Must settle within a deadline of its own; `refresh_rejected` ends the session, anything else keeps it. */
  readonly refreshTokenGrant: (record: SessionRecord) => Promise<RefreshAnswer>
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly refreshCooldownMs: number
  /** How many decrypted sessions are kept in memory. */
  readonly cacheEntries: number
  readonly nowMs: () => number
  /** 256 random bits, base64url. */
  readonly randomToken: () => string
  readonly emit: Emit
}

/** The one place that knows which sessions live, and that keeps their tokens fresh. */
export function createSessionEngine(_options: SessionEngineOptions): SessionEngine {
  throw new Error("under construction")
}
