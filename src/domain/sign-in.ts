import type { GatewayError } from './gateway-error.ts'
import type { AccessToken } from './session-record.ts'

/** A completed, fully checked authorization code grant: everything a new session is made of. */
export interface SignIn {
  readonly issuer: string
  readonly subject: string
  readonly sid?: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly acr?: string
  readonly authTimeMs?: number
  readonly nonce?: string
  readonly idToken?: string
  readonly refreshToken?: string
  /** How long the refresh token is good for, where the provider tells. */
  readonly refreshTokenLifetimeMs?: number
  readonly accessToken: AccessToken
  /** When the login began, epoch milliseconds; absent: only now. */
  readonly startedAtMs?: number
}

/** What a grant with the tokens of a session came to. */
export type GrantAnswer = RefreshAnswer | RefusedGrant

/** No token, and yet the refresh token may have been rotated: it must not be lost with the answer. */
export interface RefusedGrant {
  readonly refused: GatewayError
  readonly refreshToken?: string
}

/** What a refresh answered: what is absent stays as it was. */
export interface RefreshAnswer {
  readonly accessToken: AccessToken
  readonly refreshToken?: string
  readonly refreshTokenLifetimeMs?: number
  readonly idToken?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly acr?: string
  readonly authTimeMs?: number
}
