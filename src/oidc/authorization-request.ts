import { createHash, randomBytes } from 'node:crypto'
import type { LoginTransaction, LoginWish } from '../domain/login-transaction.ts'
import type { ProviderOptions } from './provider-options.ts'
import type { Provider } from './provider.ts'
import { authorizationUrl } from './pushed-authorization-request.ts'
import { sentParameters } from './signed-authorization-request.ts'

/** Where to send the browser, and what to remember until it comes back. */
export interface AuthorizationRequest {
  readonly url: string
  readonly transaction: LoginTransaction
}

/** Ours alone, whoever asks (STANDARDS AZ-9). */
const PROTOCOL_PARAMETERS = new Set([
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
  'resource',
  'dpop_jkt',
])

/** The operator may fix these; a login link may not. */
const OPERATOR_PARAMETERS = new Set([
  'audience',
  'authorization_details',
  'claims',
  'id_token_hint',
  'registration',
])

/**
 * An authorization request for one login: code flow, always with PKCE, state and nonce
 * (RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core §3.1.2.1).
 *
 * @throws GatewayError provider_unavailable: the provider is not known yet, or does not take the pushed request now
 * @throws GatewayError provider_error, login_refused, overloaded: nor later, or not from us (`ProviderError` tells its code)
 */
export async function authorizationRequest(
  provider: Provider,
  wish: LoginWish,
  nowMs: number,
): Promise<AuthorizationRequest> {
  const connection = await provider.connection()
  const { options } = provider
  const hints = loginHints(options, wish)
  const state = secret()
  const nonce = secret()
  const codeVerifier = secret()
  const parameters = new URLSearchParams({
    ...hints,
    response_type: 'code',
    client_id: options.clientId,
    redirect_uri: options.redirectUri,
    scope: options.scope,
    state,
    nonce,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const { resource: own, routeResources = [] } = options
  for (const resource of [...own, ...routeResources]) parameters.append('resource', resource)
  const { returnTo, attempt } = wish
  const sent = await sentParameters(options, connection.metadata, parameters)
  return {
    url: await authorizationUrl(provider, connection, sent),
    transaction: {
      state,
      nonce,
      codeVerifier,
      returnTo,
      startedAtMs: nowMs,
      attempt,
      asked: asked(hints),
    },
  }
}

/** Static parameters, the link's on top of them, and on top of both what the operator, or the route, demands. */
function loginHints(
  options: ProviderOptions,
  { parameters, stepUp = {} }: LoginWish,
): Record<string, string> {
  const { authorizationParameters, audience } = options
  const { acrValues = options.acrValues } = stepUp
  const maxAgeSeconds = least(options.maxAgeSeconds, stepUp.maxAgeSeconds)
  return {
    ...without(PROTOCOL_PARAMETERS, authorizationParameters),
    ...without(PROTOCOL_PARAMETERS, without(OPERATOR_PARAMETERS, parameters)),
    ...(audience === undefined ? {} : { audience }),
    ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
    ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
  }
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}

function without(
  names: ReadonlySet<string>,
  parameters: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => !names.has(name)))
}

function asked(hints: Readonly<Record<string, string>>): LoginTransaction['asked'] {
  const { max_age: maxAge, acr_values: acrValues, organization, prompt } = hints
  return {
    ...(maxAge !== undefined && /^\d{1,9}$/.test(maxAge) ? { maxAgeSeconds: Number(maxAge) } : {}),
    ...(acrValues === undefined ? {} : { acrValues: acrValues.split(' ').filter(Boolean) }),
    ...(organization === undefined ? {} : { organization }),
    ...(prompt === undefined ? {} : { prompt }),
  }
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}
