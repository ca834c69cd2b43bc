import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'

/** The provider said no, or something that cannot be used: the reason, and the error code it gave. */
export class ProviderError extends GatewayError {
  /** The provider's error code, safe to show and to log (RFC 6749 §4.1.2.1, §5.2). */
  readonly providerError: string
  /** A silent login (`prompt=none`) found nobody signed in: an interactive login is the way on. */
  readonly interactionRequired: boolean

  constructor(reason: Reason, message: string, details: ProviderErrorDetails) {
    super(reason, message, { cause: details.cause })
    this.providerError = details.providerError
    this.interactionRequired = details.interactionRequired ?? false
  }
}

export interface ProviderErrorDetails {
  readonly providerError: string
  readonly interactionRequired?: boolean
  readonly cause?: unknown
}

const ERROR_CODE = /^[\w.-]{1,64}$/

/** An error code from the wire, or `unknown_error`: it comes through the browser, and goes into pages and logs. */
export function errorCode(value: unknown): string {
  return typeof value === 'string' && ERROR_CODE.test(value) ? value : 'unknown_error'
}

/** The provider will give this session no more tokens: it is over. */
export function refreshRejected(
  message: string,
  providerError: string,
  cause?: unknown,
): ProviderError {
  return new ProviderError('refresh_rejected', message, { providerError, cause })
}
