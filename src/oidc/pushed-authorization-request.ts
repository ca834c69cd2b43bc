import {
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  ResponseBodyError,
} from 'openid-client'
import { GatewayError } from '../domain/gateway-error.ts'
import { loginRefusal } from './authorization-response.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { ProviderError } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { reportRefusedClient, tokenEndpointFailure } from './token-endpoint-failure.ts'

/**
 * Where to send the browser with this authorization request. Where requests are pushed, the provider has got it by
 * then, and the address has only `client_id` and a `request_uri` for this one time (RFC 9126 §2.1, §4).
 *
 * @throws ProviderError provider_unavailable, provider_error, login_refused: the provider did not take it
 * @throws GatewayError overloaded: too many logins are being begun
 */
export async function authorizationUrl(
  provider: Provider,
  { configuration, metadata }: ProviderConnection,
  parameters: URLSearchParams,
): Promise<string> {
  if (metadata.endpoints.pushed_authorization_request_endpoint === undefined)
    return buildAuthorizationUrl(configuration, parameters).href
  try {
    return (await buildAuthorizationUrlWithPAR(configuration, parameters)).href
  } catch (cause) {
    throw pushFailure(provider, cause)
  }
}

function pushFailure(provider: Provider, cause: unknown): GatewayError {
  if (isOverload(cause)) return cause.cause
  const failure = tokenEndpointFailure(cause)
  reportRefusedClient(provider, 'pushed_authorization_request', failure, cause)
  const { kind, providerError } = failure
  if (kind !== 'unavailable' && kind !== 'client_refused' && cause instanceof ResponseBodyError)
    return loginRefusal(providerError, { cause })
  const message = `the provider did not take the authorization request: ${providerError}`
  const reason = kind === 'unavailable' ? 'provider_unavailable' : 'provider_error'
  return new ProviderError(reason, message, { providerError, cause })
}

/** Our own bound, as the library hands it on. */
function isOverload(error: unknown): error is { readonly cause: GatewayError } {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof GatewayError && cause.reason === 'overloaded'
}
