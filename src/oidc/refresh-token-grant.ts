import { ClientError, refreshTokenGrant as askForTokens } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import type { SessionRecord } from '../domain/session-record.ts'
import type { RefreshAnswer } from '../domain/sign-in.ts'
import { identityOf, userClaims } from './id-token-claims.ts'
import type { Claims } from './id-token-claims.ts'
import { NOT_FOR_US, verifyIdToken } from './id-token.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { ProviderError } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { accessTokenOf } from './token-answer.ts'
import { reportRefusedClient, tokenEndpointFailure } from './token-endpoint-failure.ts'
import { tokenResource } from './token-resource.ts'
import { userinfoClaims } from './userinfo.ts'

/**
 * New tokens for a session (RFC 6749 §6, OpenID Connect Core §12). What the answer leaves out is
 * absent here too: the old one stays.
 *
 * @throws GatewayError refresh_rejected: the provider refused for good, or answered for somebody else
 * @throws GatewayError provider_unavailable: no usable answer; nothing is proven, the session lives on
 */
export async function refreshTokenGrant(
  provider: Provider,
  record: SessionRecord,
): Promise<RefreshAnswer> {
  const connection = await provider.connection()
  const requestedAtMs = Date.now()
  const answer = await tokenAnswer(provider, connection, record)
  try {
    return await refreshAnswer(provider, connection, { record, answer, requestedAtMs })
  } catch (cause) {
    if (cause instanceof ProviderError && cause.reason === 'refresh_rejected') throw cause
    if (cause instanceof ProviderError && cause.providerError === NOT_FOR_US) {
      throw rejected('the ID token is not for this client', NOT_FOR_US, cause)
    }
    throw new ProviderError('provider_unavailable', 'the refreshed tokens cannot be used', {
      providerError: 'unusable_answer',
      cause,
    })
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
  const claims = await newClaims(provider, connection, tokens, record)
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken }),
    ...claims,
  }
}

interface NewTokens {
  readonly idToken: string | undefined
  readonly accessToken: string
}

/** Claims of the new ID token, if there is one; beside them userinfo's, the old ones when that fails. */
async function newClaims(
  provider: Provider,
  connection: ProviderConnection,
  { idToken, accessToken }: NewTokens,
  record: SessionRecord,
): Promise<Pick<RefreshAnswer, 'claims' | 'acr' | 'authTimeMs'>> {
  const own =
    idToken === undefined
      ? undefined
      : await verifyIdToken(connection, provider.options, { idToken, accessToken })
  if (own !== undefined) checkSameLogin(own, record)
  const further = await furtherClaims(provider, connection, accessToken, record.subject)
  if (own === undefined) {
    return further === undefined ? {} : { claims: { ...record.claims, ...further } }
  }
  const { sid: _, ...identity } = identityOf(own)
  const beside = further ?? (provider.options.userinfo ? record.claims : {})
  return { ...identity, claims: { ...beside, ...userClaims(own) } }
}

/** A failing userinfo never costs a session anything but fresh claims (STACK §4). */
async function furtherClaims(
  provider: Provider,
  connection: ProviderConnection,
  accessToken: string,
  subject: string,
): Promise<Claims | undefined> {
  try {
    return await userinfoClaims(provider, connection, accessToken, subject)
  } catch {
    provider.warnOnce('userinfo_sub', 'userinfo answered for another user: its claims are not used')
    return undefined
  }
}

async function tokenAnswer(
  provider: Provider,
  { configuration }: ProviderConnection,
  { refreshToken }: SessionRecord,
): Promise<TokenEndpointResponse> {
  if (refreshToken === undefined)
    throw rejected('there is no refresh token', 'refresh_token_missing')
  try {
    return await askForTokens(configuration, refreshToken, tokenResource(provider.options))
  } catch (cause) {
    throw refreshFailure(provider, cause)
  }
}

function refreshFailure(provider: Provider, cause: unknown): ProviderError {
  if (isOtherIssuerOrAudience(cause))
    return rejected('the ID token is not for this login', 'id_token', cause)
  const failure = tokenEndpointFailure(cause)
  reportRefusedClient(provider, 'refresh_token', failure, cause)
  const { kind, providerError } = failure
  if (kind === 'grant_refused' || kind === 'grant_refused_oddly') {
    return rejected('the provider refused the refresh token', providerError, cause)
  }
  return new ProviderError('provider_unavailable', `no usable answer: ${providerError}`, {
    providerError,
    cause,
  })
}

function isOtherIssuerOrAudience(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'OAUTH_JWT_CLAIM_COMPARISON_FAILED'
}

/** The same user, the same login: who the session belongs to never changes (STANDARDS RT-6, STACK O2). */
function checkSameLogin(claims: Claims, record: SessionRecord): void {
  const { sub, nonce } = claims
  if (sub !== record.subject) throw rejected('the ID token has another sub', 'id_token_sub')
  if (nonce !== undefined && nonce !== record.nonce) {
    throw rejected('the ID token has another nonce', 'id_token_nonce')
  }
}

function rejected(message: string, providerError: string, cause?: unknown): ProviderError {
  return new ProviderError('refresh_rejected', message, { providerError, cause })
}
