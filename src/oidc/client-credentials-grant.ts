import { clientCredentialsGrant as askForToken } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import type { ServiceTokenWish } from '../domain/route-token.ts'
import type { AccessToken } from '../domain/session-record.ts'
import type { Provider } from './provider.ts'
import { routeAccessToken, wishParameters } from './route-token-answer.ts'
import { routeTokenFailure } from './route-token-failure.ts'

/**
 * The gateway's own token for an upstream (RFC 6749 §4.4).
 *
 * @throws GatewayError token_refused, token_unusable: none for this wish
 * @throws GatewayError provider_unavailable: no answer
 */
export async function clientCredentialsGrant(
  provider: Provider,
  wish: ServiceTokenWish,
): Promise<AccessToken> {
  const { configuration } = await provider.connection()
  const requestedAtMs = Date.now()
  let answer: TokenEndpointResponse
  try {
    answer = await askForToken(configuration, wishParameters(wish))
  } catch (cause) {
    throw routeTokenFailure(provider, 'client_credentials', cause)
  }
  return routeAccessToken(provider.options, answer, { wish, requestedAtMs })
}
