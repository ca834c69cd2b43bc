import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginTransaction } from '../domain/login-transaction.ts'
import { ProviderError, errorCode } from './provider-error.ts'
import type { ProviderMetadata } from './provider-metadata.ts'
import type { ProviderOptions } from './provider-options.ts'
import { isClientRefusal } from './token-endpoint-failure.ts'

/** Parameters that decide something: each at most once (RFC 6749 §3.1). */
const SINGLE = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri']
/** Answers to other flows than ours (STANDARDS CB-16). */
const FOREIGN = ['response', 'id_token', 'access_token', 'token']

const SILENT_LOGIN_FAILED = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])
const PASSING = new Set(['server_error', 'temporarily_unavailable'])
const OUR_REQUEST = new Set([
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unsupported_response_type',
])

type ExpectedIssuer = Pick<ProviderMetadata, 'issuer' | 'announcesIss'> &
  Pick<ProviderOptions, 'sharesCallback'>

/**
 * Checks what the browser brought back, before its code is used (RFC 6749 §4.1.2, RFC 9207 §2.4).
 * Returns when there is a code to exchange. Parameters we do not know are ignored.
 *
 * @throws GatewayError parameter_refused: repeated, contradictory or foreign parameters
 * @throws GatewayError login_state_unknown: not the state of this transaction
 * @throws GatewayError login_refused: another issuer answered, or none where it must name itself
 * @throws GatewayError login_issuer_missing: an answer of one of several providers that does not say of which
 * @throws ProviderError login_refused, provider_unavailable, provider_error: the provider's own error
 */
export function checkAuthorizationResponse(
  parameters: URLSearchParams,
  transaction: LoginTransaction,
  { issuer, announcesIss, sharesCallback = false }: ExpectedIssuer,
): void {
  checkShape(parameters)
  if (parameters.get('state') !== transaction.state) {
    throw new GatewayError('login_state_unknown', 'the state is not the one of this login')
  }
  const named = parameters.get('iss')
  if (named === null ? announcesIss : named !== issuer) {
    throw new GatewayError('login_refused', 'the answer does not come from the issuer (RFC 9207)')
  }
  if (named === null && sharesCallback) {
    throw new GatewayError(
      'login_issuer_missing',
      'the answer has no iss and several providers share this callback: set ownCallback: true',
    )
  }
  const error = parameters.get('error')
  const { prompt } = transaction.asked
  if (error !== null) throw loginRefusal(errorCode(error), { prompt })
}

function checkShape(parameters: URLSearchParams): void {
  const repeated = SINGLE.find((name) => parameters.getAll(name).length > 1)
  if (repeated !== undefined) throw refused(`"${repeated}" is repeated`)
  const foreign = FOREIGN.find((name) => parameters.has(name))
  if (foreign !== undefined) throw refused(`"${foreign}" answers another flow`)
  const given = ['code', 'error'].filter((name) => parameters.get(name))
  if (given.length !== 1) throw refused('it has to have either a code or an error')
}

function refused(why: string): GatewayError {
  return new GatewayError('parameter_refused', `the callback is refused: ${why}`)
}

/** What becomes of a login that the provider answers with this error code, in the browser or to a pushed request. */
export function loginRefusal(
  providerError: string,
  { prompt, cause }: { readonly prompt?: string | undefined; readonly cause?: unknown },
): ProviderError {
  const message = `the provider refused the login: ${providerError}`
  if (PASSING.has(providerError)) {
    return new ProviderError('provider_unavailable', message, { providerError, cause })
  }
  if (isClientRefusal(providerError) || OUR_REQUEST.has(providerError)) {
    return new ProviderError('provider_error', message, { providerError, cause })
  }
  const silent = prompt?.split(' ').includes('none') === true
  const interactionRequired = silent && SILENT_LOGIN_FAILED.has(providerError)
  return new ProviderError('login_refused', message, { providerError, interactionRequired, cause })
}
