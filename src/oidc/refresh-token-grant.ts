import { ClientError, refreshTokenGrant as askForTokens } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import type { SessionRecord } from '../domain/session-record.ts'
import type { RefreshAnswer, GrantAnswer } from '../domain/sign-in.ts'
import { NOT_FOR_US } from './id-token.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { ProviderError, refreshRejected } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { refreshedClaims } from './refreshed-claims.ts'
import { accessTokenOf, refreshTokenLifetime } from './token-answer.ts'
import { reportRefusedClient, tokenEndpointFailure } from './token-endpoint-failure.ts'
import { tokenResource } from './token-resource.ts'

/**
 * New tokens for a session (RFC 6749 §6, OpenID Connect Core §12). What the answer leaves out is
 * absent here too: the old one stays. An answer that cannot be used may still have rotated the refresh
 * token, which must not be lost with it (RT-3).
 *
 * @throws GatewayError refresh_rejected: the provider refused for good, or answered for somebody else
 * @throws GatewayError provider_unavailable: no usable answer; nothing is proven, the session lives on
 */
export async function refreshTokenGrant(
  provider: Provider,
  record: SessionRecord,
): Promise<GrantAnswer> {
  const connection = await provider.connection()
  const requestedAtMs = Date.now()
  const answer = await tokenAnswer(provider, connection, record)
  try {
    return await refreshAnswer(provider, connection, { record, answer, requestedAtMs })
  } catch (cause) {
    if (cause instanceof ProviderError && cause.reason === 'refresh_rejected') throw cause
    if (cause instanceof ProviderError && cause.providerError === NOT_FOR_US) {
      throw refreshRejected('the ID token is not of this login', NOT_FOR_US, cause)
    }
    const { refresh_token: refreshToken } = answer
    const refused = new ProviderError(
      'provider_unavailable',
      'the refreshed tokens cannot be used',
      { providerError: 'unusable_answer', cause },
    )
    return { refused, ...(refreshToken === undefined ? {} : { refreshToken }) }
  }
}

interface Refreshed {
  readonly record: SessionRecord
  readonly answer: TokenEndpointResponse
  readonly requestedAtMs: number
}

async function refreshAnswer(
  provider: Provider,
  connection: ProviderConnection,
  { record, answer, requestedAtMs }: Refreshed,
): Promise<RefreshAnswer> {
  const { options } = provider
  const { refresh_token: refreshToken, id_token: idToken } = answer
  const accessToken = accessTokenOf(answer, {
    requestedAtMs,
    defaultLifetimeMs: options.defaultAccessTokenLifetimeMs,
    askedScope: record.accessTokens[0]?.scope,
  })
  const tokens = { idToken, accessToken: accessToken.value }
  const claims = await refreshedClaims(provider, connection, tokens, record)
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...refreshTokenLifetime(answer),
    ...claims,
  }
}

async function tokenAnswer(
  provider: Provider,
  { configuration }: ProviderConnection,
  { refreshToken }: SessionRecord,
): Promise<TokenEndpointResponse> {
  if (refreshToken === undefined)
    throw refreshRejected('there is no refresh token', 'no_refresh_token')
  try {
    return await askForTokens(configuration, refreshToken, tokenResource(provider.options))
  } catch (cause) {
    throw refreshFailure(provider, cause)
  }
}

function refreshFailure(provider: Provider, cause: unknown): ProviderError {
  if (isOtherIssuerOrAudience(cause)) {
    return refreshRejected('the ID token is not of this login', NOT_FOR_US, cause)
  }
  const failure = tokenEndpointFailure(cause)
  reportRefusedClient(provider, 'refresh_token', failure, cause)
  const { kind, providerError } = failure
  if (kind === 'grant_refused' || kind === 'grant_refused_oddly') {
    return refreshRejected('the provider refused the refresh token', providerError, cause)
  }
  return new ProviderError('provider_unavailable', `no usable answer: ${providerError}`, {
    providerError,
    cause,
  })
}

function isOtherIssuerOrAudience(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'
}
