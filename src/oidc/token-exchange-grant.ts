import { genericGrantRequest } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import type { SessionTokenWish } from '../domain/route-token.ts'
import type { SessionRecord } from '../domain/session-record.ts'
import type { RefreshAnswer } from '../domain/sign-in.ts'
import { loginToken } from '../domain/token-freshness.ts'
import type { Provider } from './provider.ts'
import { routeAccessToken, unusableToken, wishParameters } from './route-token-answer.ts'
import { routeTokenFailure } from './route-token-failure.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/**
 * A token for another audience in exchange for the session's access token (RFC 8693 §2). A refresh token in the answer is
 * not kept: the session's own brings the next one.
 *
 * @throws GatewayError token_refused, token_unusable: none for this wish; the session is not in question
 * @throws GatewayError provider_unavailable: no answer
 */
export async function tokenExchangeGrant(
  provider: Provider,
  record: SessionRecord,
  wish: SessionTokenWish,
): Promise<RefreshAnswer> {
  const { configuration } = await provider.connection()
  const { value } = loginToken(record)
  const requestedAtMs = Date.now()
  let answer: TokenEndpointResponse
  try {
    answer = await genericGrantRequest(configuration, TOKEN_EXCHANGE, {
      subject_token: value,
      subject_token_type: ACCESS_TOKEN,
      requested_token_type: ACCESS_TOKEN,
      ...wishParameters(wish),
    })
  } catch (cause) {
    throw routeTokenFailure(provider, 'token_exchange', cause)
  }
  if (answer['issued_token_type'] !== ACCESS_TOKEN) throw unusableToken('issued_token_type')
  const terms = { wish, requestedAtMs, loginToken: value }
  return { accessToken: routeAccessToken(provider.options, answer, terms) }
}
