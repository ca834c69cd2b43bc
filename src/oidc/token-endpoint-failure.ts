import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Provider } from './provider.ts'
import { errorCode } from './provider-error.ts'

/** What a failed call to the token endpoint says (STACK §3.4). */
export interface TokenEndpointFailure {
  readonly kind: TokenEndpointFailureKind
  /** The provider's error code, or what stood in its place: `http_503`, `network`, `timeout`. */
  readonly providerError: string
}

/**
 * `grant_refused`: the code or refresh token is dead. `grant_refused_oddly`: what two real servers say for
 * the same, and others for something else. `client_refused`: it does not accept us. `unavailable`: try
 * again later. `nonsense`: an answer that cannot be used.
 */
export type TokenEndpointFailureKind =
  'grant_refused' | 'grant_refused_oddly' | 'client_refused' | 'unavailable' | 'nonsense'

const CLIENT_REFUSED = new Set(['invalid_client', 'unauthorized_client'])
const PASSING_ERRORS = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** Is it us, the client, whom this error code refuses (RFC 6749 §4.1.2.1, §5.2)? */
export function isClientRefusal(providerError: string): boolean {
  return CLIENT_REFUSED.has(providerError)
}

/** Sorts what openid-client throws by class, field and status, never by text. */
export function tokenEndpointFailure(error: unknown): TokenEndpointFailure {
  if (error instanceof ResponseBodyError) return ofErrorBody(error)
  if (error instanceof WWWAuthenticateChallengeError) return ofStatus(error.status)
  if (error instanceof ClientError) return ofClientError(error)
  return { kind: 'unavailable', providerError: 'network' } // TypeError: fetch failed
}

/** Tells the operator when the provider does not accept us as its client (STANDARDS TK-15, S-3). */
export function reportRefusedClient(
  provider: Provider,
  step: string,
  { kind, providerError }: TokenEndpointFailure,
  cause: unknown,
): void {
  if (kind !== 'client_refused') return
  const { issuer } = provider.options
  provider.emit({ type: 'provider_refused_client', issuer, step, providerError, cause })
}

function ofErrorBody(error: ResponseBodyError): TokenEndpointFailure {
  const providerError = errorCode(error.error)
  const { status } = error
  if (providerError === 'invalid_grant') return { kind: 'grant_refused', providerError }
  if (status === 408 || status === 429 || PASSING_ERRORS.has(providerError)) {
    return { kind: 'unavailable', providerError }
  }
  if (status === 401 || isClientRefusal(providerError)) {
    return { kind: 'client_refused', providerError }
  }
  const odd = status === 400 && providerError === 'invalid_request'
  return { kind: odd ? 'grant_refused_oddly' : 'nonsense', providerError }
}

function ofClientError(error: ClientError): TokenEndpointFailure {
  const { cause, code = 'unknown_error' } = error
  if (cause instanceof GatewayError) return { kind: 'nonsense', providerError: cause.reason }
  if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') {
    return { kind: 'unavailable', providerError: 'timeout' }
  }
  const status = statusOf(cause)
  if (status === undefined) return { kind: 'nonsense', providerError: code }
  // Only our own fetch labels a body text/plain: it was not JSON, or not there.
  if (status === 400 && code === 'OAUTH_RESPONSE_IS_NOT_JSON') {
    return { kind: 'grant_refused_oddly', providerError: 'http_400' }
  }
  return ofStatus(status)
}

function ofStatus(status: number): TokenEndpointFailure {
  const providerError = `http_${status}`
  if (status === 401) return { kind: 'client_refused', providerError }
  const passing = status === 408 || status === 429 || status >= 500
  return { kind: passing ? 'unavailable' : 'nonsense', providerError }
}

function statusOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('status' in cause)) return undefined
  return typeof cause.status === 'number' ? cause.status : undefined
}
