import { authorizationCodeGrant as exchangeCode } from 'openid-client'
import type { TokenEndpointResponse } from 'openid-client'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginTransaction } from '../domain/login-transaction.ts'
import type { SignIn } from '../domain/sign-in.ts'
import { checkAuthorizationResponse } from './authorization-response.ts'
import { identityOf, loginShortfall, userClaims } from './id-token-claims.ts'
import type { Claims } from './id-token-claims.ts'
import { verifyIdToken } from './id-token.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { ProviderError } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { accessTokenOf, refreshTokenLifetime } from './token-answer.ts'
import {
  isClientRefusal,
  reportRefusedClient,
  tokenEndpointFailure,
} from './token-endpoint-failure.ts'
import type { TokenEndpointFailureKind } from './token-endpoint-failure.ts'
import { tokenResource } from './token-resource.ts'
import { userinfoClaims } from './userinfo.ts'

/**
 * Turns the callback of a login into a sign-in: checks the answer, exchanges the code once, verifies
 * the ID token, and what was asked of the login (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3).
 *
 * @throws GatewayError parameter_refused, login_state_unknown: the callback is not one of this login
 * @throws GatewayError login_refused: the provider or our own demands say no; `ProviderError` tells its code
 * @throws GatewayError provider_error: an answer that cannot be used
 * @throws GatewayError provider_unavailable: no answer
 */
export async function authorizationCodeGrant(
  provider: Provider,
  callbackParameters: URLSearchParams,
  transaction: LoginTransaction,
): Promise<SignIn> {
  const connection = await provider.connection()
  checkResponse(provider, connection, callbackParameters, transaction)
  const { options } = provider
  const requestedAtMs = Date.now()
  const answer = await tokenAnswer(provider, connection, callbackParameters, transaction)
  const accessToken = accessTokenOf(answer, {
    requestedAtMs,
    defaultLifetimeMs: options.defaultAccessTokenLifetimeMs,
    askedScope: options.scope,
  })
  const idToken = answer.id_token ?? ''
  const claims = await verifyIdToken(connection, options, {
    idToken,
    accessToken: accessToken.value,
  })
  checkLogin(claims, transaction, provider)
  warnWithoutRefreshToken(provider, answer)
  return {
    ...identityOf(claims),
    issuer: options.issuer,
    subject: String(claims['sub']),
    claims: {
      ...(await userinfoClaims(provider, connection, accessToken.value, String(claims['sub']))),
      ...userClaims(claims),
    },
    nonce: transaction.nonce,
    idToken,
    ...(answer.refresh_token === undefined
      ? {}
      : { refreshToken: answer.refresh_token, ...refreshTokenLifetime(answer) }),
    accessToken,
    startedAtMs: transaction.startedAtMs,
  }
}

function checkResponse(
  provider: Provider,
  { metadata }: ProviderConnection,
  callbackParameters: URLSearchParams,
  transaction: LoginTransaction,
): void {
  try {
    const { sharesCallback = false } = provider.options
    checkAuthorizationResponse(callbackParameters, transaction, { ...metadata, sharesCallback })
  } catch (cause) {
    const providerError = cause instanceof ProviderError ? cause.providerError : ''
    if (isClientRefusal(providerError)) {
      reportRefusedClient(
        provider,
        'authorization',
        { kind: 'client_refused', providerError },
        cause,
      )
    }
    throw cause
  }
}

async function tokenAnswer(
  provider: Provider,
  { configuration }: ProviderConnection,
  callbackParameters: URLSearchParams,
  transaction: LoginTransaction,
): Promise<TokenEndpointResponse> {
  const { options } = provider
  const callbackUrl = new URL(options.redirectUri)
  callbackUrl.search = callbackParameters.toString()
  try {
    return await exchangeCode(
      configuration,
      callbackUrl,
      {
        expectedState: transaction.state,
        expectedNonce: transaction.nonce,
        pkceCodeVerifier: transaction.codeVerifier,
        idTokenExpected: true,
      },
      tokenResource(options),
    )
  } catch (cause) {
    const failure = tokenEndpointFailure(cause)
    reportRefusedClient(provider, 'authorization_code', failure, cause)
    const { kind, providerError } = failure
    const message = `the provider did not take the code, it says ${providerError}`
    throw new ProviderError(REASON[kind], message, { providerError, cause })
  }
}

const REASON = {
  grant_refused: 'login_refused', // too late, or used before: starting again helps
  grant_refused_oddly: 'provider_error',
  client_refused: 'provider_error',
  unavailable: 'provider_unavailable',
  nonsense: 'provider_error',
} as const satisfies Record<TokenEndpointFailureKind, string>

function checkLogin(claims: Claims, { asked }: LoginTransaction, provider: Provider): void {
  const { organizations, clockToleranceMs } = provider.options
  const shortfall = loginShortfall(claims, asked, organizations, Date.now() - clockToleranceMs)
  if (shortfall !== undefined) {
    throw new GatewayError('login_refused', `the login is refused: ${shortfall}`)
  }
}

function warnWithoutRefreshToken(provider: Provider, answer: TokenEndpointResponse): void {
  const asked = provider.options.scope.split(' ').includes('offline_access')
  if (!asked || answer.refresh_token !== undefined) return
  provider.warnOnce(
    'refresh_token_missing',
    'offline_access was asked for, but the provider gives no refresh token: sessions end with their access token',
  )
}
