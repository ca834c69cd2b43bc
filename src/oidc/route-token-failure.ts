import { ResponseBodyError } from 'openid-client'
import type { Reason } from '../domain/reason.ts'
import { ProviderError } from './provider-error.ts'
import type { Provider } from './provider.ts'
import {
  reportRefusedClient,
  tokenEndpointFailure,
  type TokenEndpointFailure,
} from './token-endpoint-failure.ts'

/**
 * What a failed request for the token of one route means. The provider's refusal of a resource, a scope or a grant type is
 * about this route (RFC 8707 §2, RFC 8693 §2.2.2): it never ends the session.
 */
export function routeTokenFailure(
  provider: Provider,
  grant: string,
  cause: unknown,
): ProviderError {
  if (cause instanceof ProviderError) return cause
  const failure = tokenEndpointFailure(cause)
  reportRefusedClient(provider, grant, failure, cause)
  const { providerError } = failure
  const message = `no token for this route: ${providerError}`
  return new ProviderError(reasonOf(failure, cause), message, { providerError, cause })
}

function reasonOf({ kind }: TokenEndpointFailure, cause: unknown): Reason {
  if (kind === 'unavailable') return 'provider_unavailable'
  if (kind === 'client_refused') return 'token_unusable'
  return cause instanceof ResponseBodyError ? 'token_refused' : 'token_unusable'
}
