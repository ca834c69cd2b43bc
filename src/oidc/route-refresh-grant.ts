import { decodeJwt } from 'jose'
import { refreshTokenGrant as askForTokens } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import type { SessionTokenWish } from '../domain/route-token.ts'
import type { SessionRecord } from '../domain/session-record.ts'
import type { GrantAnswer } from '../domain/sign-in.ts'
import { loginToken } from '../domain/token-freshness.ts'
import { ProviderError, refreshRejected } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { checkSameLogin } from './refreshed-claims.ts'
import { refreshTokenLifetime } from './token-answer.ts'
import { routeAccessToken, unusableToken, wishParameters } from './route-token-answer.ts'
import { routeTokenFailure } from './route-token-failure.ts'
import { tokenEndpointFailure } from './token-endpoint-failure.ts'

/**
 * A token for another audience from the session's refresh token (RFC 8707 §2.2, Auth0's multi-resource refresh
 * tokens). Claims stay those of the session's own refresh.
 *
 * @throws GatewayError refresh_rejected: the refresh token is dead, or the answer is of somebody else
 * @throws GatewayError token_refused, token_unusable: none for this wish
 * @throws GatewayError provider_unavailable: no answer
 */
export async function routeRefreshGrant(
  provider: Provider,
  record: SessionRecord,
  wish: SessionTokenWish,
): Promise<GrantAnswer> {
  if (record.refreshToken === undefined) {
    throw new ProviderError('token_refused', 'the session has no refresh token to get one with', {
      providerError: 'no_refresh_token',
    })
  }
  const { configuration } = await provider.connection()
  const requestedAtMs = Date.now()
  let answer: TokenEndpointResponse
  try {
    answer = await askForTokens(configuration, record.refreshToken, wishParameters(wish))
  } catch (cause) {
    throw failure(provider, cause)
  }
  if (answer.id_token !== undefined) checkIdToken(answer.id_token, record)
  const { value, scope } = loginToken(record) // RFC 6749 §6: without a scope asked for, that of the login
  const { refresh_token: refreshToken } = answer
  const rotated = refreshToken === undefined ? {} : { refreshToken }
  try {
    const terms = { wish, requestedAtMs, loginToken: value, scope }
    const accessToken = routeAccessToken(provider.options, answer, terms)
    return { accessToken, ...rotated, ...refreshTokenLifetime(answer) }
  } catch (error) {
    if (error instanceof ProviderError) return { refused: error, ...rotated }
    throw error
  }
}

function failure(provider: Provider, cause: unknown): ProviderError {
  const { kind, providerError } = tokenEndpointFailure(cause)
  if (kind === 'grant_refused') {
    return refreshRejected('the provider refused the refresh token', providerError, cause)
  }
  return routeTokenFailure(provider, 'refresh_token', cause)
}

/** @throws ProviderError refresh_rejected: of another user or login (RT-6) */
function checkIdToken(idToken: string, record: SessionRecord): void {
  let claims
  try {
    claims = decodeJwt(idToken)
  } catch (cause) {
    throw unusableToken('unusable_answer', cause)
  }
  checkSameLogin(claims, record)
}
