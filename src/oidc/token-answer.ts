import type { AccessToken } from '../domain/session-record.ts'
import { GatewayError } from '../domain/gateway-error.ts'

/** The fields of a successful token answer that make an access token (RFC 6749 §5.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: string
  /** Seconds; a finite number that is not negative, as openid-client checks. */
  readonly expires_in?: number | undefined
  readonly scope?: string | undefined
}

export interface TokenTerms {
  /** When the request was sent: life is counted from here, so that it never ends too late. */
  readonly requestedAtMs: number
  readonly defaultLifetimeMs: number
  /** What an answer without `scope` grants: what was asked for. */
  readonly askedScope: string | undefined
}

const VISIBLE_ASCII = /^[\x21-\x7e]+$/
const MAX_TOKEN_LENGTH = 16_384 // characters; more than that, many servers refuse the header
const MAX_LIFETIME_MS = 366 * 86_400_000 // longer is a slip of the provider; also keeps 1e300 a date

/**
 * The access token of an answer, fit for an Authorization header.
 *
 * @throws GatewayError provider_error: not a bearer token, characters or a length that no header may have
 */
export function accessTokenOf(answer: TokenAnswer, terms: TokenTerms): AccessToken {
  const { access_token: value, token_type: type, expires_in: seconds } = answer
  const { requestedAtMs, defaultLifetimeMs } = terms
  if (type.toLowerCase() !== 'bearer') throw unusable('a token that is not a bearer token')
  if (!VISIBLE_ASCII.test(value)) throw unusable('an access token with characters beyond ASCII')
  if (value.length > MAX_TOKEN_LENGTH)
    throw unusable(`an access token of ${value.length} characters`)
  const lifetimeMs = seconds === undefined ? defaultLifetimeMs : seconds * 1000
  const scope = answer.scope ?? terms.askedScope
  return {
    target: '',
    value,
    ...(scope === undefined ? {} : { scope }),
    obtainedAtMs: requestedAtMs,
    expiresAtMs: requestedAtMs + Math.round(Math.min(lifetimeMs, MAX_LIFETIME_MS)),
  }
}

/**
 * How long the refresh token of an answer is good for, where it tells: no standard has a name for it, two are in use. Keycloak
 * says 0 for one that does not expire.
 */
export function refreshTokenLifetime(
  answer: Readonly<Record<string, unknown>>,
): { readonly refreshTokenLifetimeMs: number } | undefined {
  const seconds = Number(answer['refresh_expires_in'] ?? answer['refresh_token_expires_in'] ?? 0)
  if (!(seconds > 0)) return undefined
  return { refreshTokenLifetimeMs: Math.min(seconds * 1000, MAX_LIFETIME_MS) }
}

function unusable(what: string): GatewayError {
  return new GatewayError('provider_error', `the provider granted ${what}`)
}
