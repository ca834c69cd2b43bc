/** What a request says in `Authorization`, as far as bearer tokens go. */
export type BearerCredential =
  | { readonly kind: 'absent' }
  /** There, but not as RFC 6750 §2.1 has it. */
  | { readonly kind: 'unreadable' }
  /** Two of them: nobody may choose (HX-22). */
  | { readonly kind: 'several' }
  | { readonly kind: 'token'; readonly token: string }

const ABSENT: BearerCredential = { kind: 'absent' }
const SCHEME = /^bearer(?: |$)/i // RFC 9110 §11.1: schemes are case-insensitive
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i
const MAX_LENGTH = 16_384 // characters: more than that, many servers refuse the header

/**
 * The bearer token of a request. Only the header counts: a token in the query or in a form is none (RS-3). Other schemes are
 * as absent as no header.
 */
export function bearerCredential(rawHeaders: readonly string[]): BearerCredential {
  let value: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (value !== undefined) return { kind: 'several' }
    value = rawHeaders[at + 1]!
  }
  if (value === undefined || !SCHEME.test(value)) return ABSENT
  const token = value.length > MAX_LENGTH ? undefined : CREDENTIALS.exec(value)?.[1]
  return token === undefined ? { kind: 'unreadable' } : { kind: 'token', token }
}

/** A token that was found good for a route. */
export interface BearerToken {
  readonly value: string
  /** Of the token, or of what the provider says about it. */
  readonly claims: Readonly<Record<string, unknown>>
  readonly scope: string | undefined
  readonly subject: string | undefined
  /** The provider that issued it. */
  readonly issuer: string
  /** Epoch milliseconds, by the provider's clock. */
  readonly expiresAtMs: number
}

/** Which tokens a route takes. */
export interface BearerRule {
  /** One of these must be in `aud` (RFC 9700 §2.3). */
  readonly audience: readonly string[]
  /** Signature algorithms of JWTs, all asymmetric. */
  readonly algorithms: readonly string[]
  /** By the provider's keys, by asking the provider, or as the form of the token says. */
  readonly check: 'auto' | 'keys' | 'introspection'
}
