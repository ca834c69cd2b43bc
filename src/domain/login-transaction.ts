import type { StepUp } from './step-up.ts'

/**
 * What we keep between the authorization request and its callback: sealed in a cookie of the
 * browser that started it, never on the server.
 */
export interface LoginTransaction {
  /** 256 random bits, base64url (RFC 6749 §10.12). */
  readonly state: string
  /** 256 random bits, base64url (OpenID Connect Core §15.5.2). */
  readonly nonce: string
  /** RFC 7636 §4.1. */
  readonly codeVerifier: string
  /** A local path, checked when made and again when used. */
  readonly returnTo: string
  readonly startedAtMs: number
  /** How many automatic restarts led here: the guard against loops. */
  readonly attempt: number
  /** What the answer must live up to. */
  readonly asked: {
    readonly maxAgeSeconds?: number
    readonly acrValues?: readonly string[]
    readonly organization?: string
    readonly prompt?: string
  }
  /** Where it began, by name; absent: at the only provider there is. An answer of another one is refused (RFC 9700 §4.4). */
  readonly provider?: string
  /** Of a login for somebody who is signed in, but not well enough: which demand on which page. */
  readonly stepUpMark?: string
}

/** What a login link or a route asks of the provider. */
export interface LoginWish {
  readonly returnTo: string
  readonly attempt: number
  /** Allow-listed parameters of the login link; every name at most once. */
  readonly parameters: Readonly<Record<string, string>>
  /** What the login must live up to; asked for over what is configured. */
  readonly stepUp?: StepUp
}
