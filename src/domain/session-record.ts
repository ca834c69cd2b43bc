/** What a session knows. Sealed under the ticket's key wherever it is stored. */
export interface SessionRecord {
  readonly formatVersion: 1
  readonly issuer: string
  readonly subject: string
  /** The provider's session id (OpenID Connect Back-Channel Logout §2.1). */
  readonly sid?: string
  /** The claims of the newest ID token (and userinfo, where asked). */
  readonly claims: Readonly<Record<string, unknown>>
  readonly acr?: string
  readonly authTimeMs?: number
  readonly createdAtMs: number
  /** Absolute end of the session, whatever happens. */
  readonly endsAtMs: number
  readonly refreshToken?: string
  /** When neither the refresh token nor the access token that came with it is good any more, where the provider tells (RT-11). */
  readonly renewableUntilMs?: number
  /** Kept for the hint at logout (OpenID Connect RP-Initiated Logout §2). */
  readonly idToken?: string
  /** The login's nonce: a refreshed ID token that carries one must repeat it (OpenID Connect Core §12.2). */
  readonly nonce?: string
  /** One per token target: the login's, and those of routes that want one of their own. */
  readonly accessTokens: readonly AccessToken[]
}

export interface AccessToken {
  /** Which (audience, resource, scope) it was asked for; '' is the login's own. */
  readonly target: string
  readonly value: string
  /** As granted, not as asked (RFC 6749 §5.1). */
  readonly scope?: string
  readonly obtainedAtMs: number
  readonly expiresAtMs: number
  /** Fetched because an upstream had refused the one before (RT-9). */
  readonly forced?: true
}

/** What the browser's cookie carries: both halves 256 random bits, base64url. The store sees neither. */
export interface Ticket {
  readonly id: string
  readonly key: string
}

/** Why a session is over; spoken to the browser as the reason of its 401. */
export type SessionEnd = (typeof SESSION_ENDS)[number]

/** Every reason for the end of a session, in one place for whoever reads them back. */
export const SESSION_ENDS = [
  'session_expired',
  'session_idle',
  'session_revoked',
  'session_superseded',
  'refresh_rejected',
] as const
