import type { GatewayEvent } from '../../src/domain/events.ts'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { LoginTransaction } from '../../src/domain/login-transaction.ts'
import type { SessionRecord } from '../../src/domain/session-record.ts'
import type { RefreshAnswer, SignIn } from '../../src/domain/sign-in.ts'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import type { Provider } from '../../src/oidc/provider.ts'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import type { ScriptedProvider, ScriptedProviderOptions } from '../support/scripted-provider.ts'

export interface Owner {
  teardown(close: () => unknown): unknown
}

export function providerOptions(
  issuer: string,
  more: Partial<ProviderOptions> = {},
): ProviderOptions {
  return {
    issuer,
    endpoints: {},
    clientId: 'gateway-client',
    clientSecret: 'p@ss:w+rd/-_.~ 0123456789',
    clientAuthentication: 'client_secret_basic',
    scope: 'openid profile offline_access read:orders',
    resource: [],
    authorizationParameters: {},
    redirectUri: 'https://app.example.com/oauth2/callback',
    postLogoutRedirectUri: 'https://app.example.com/oauth2/logout/callback',
    allowInsecureHttp: true,
    allowedOrigins: [],
    idTokenSigningAlgorithms: ['RS256'],
    clockToleranceMs: 30_000,
    trustedAudiences: [],
    organizations: [],
    acrValues: [],
    userinfo: false,
    timeoutMs: 5_000,
    defaultAccessTokenLifetimeMs: 300_000,
    ...more,
  }
}

export interface LoginBed {
  readonly scripted: ScriptedProvider
  readonly provider: Provider
  readonly events: GatewayEvent[]
  /** Authorization request and its answer, unchecked. */
  begin(
    parameters?: Record<string, string>,
  ): Promise<{ transaction: LoginTransaction; callback: URLSearchParams; url: URL }>
  /** A whole login. */
  login(parameters?: Record<string, string>): Promise<SignIn>
  eventsOf<T extends GatewayEvent['type']>(type: T): Extract<GatewayEvent, { type: T }>[]
}

/** A scripted provider and the oidc room speaking to it. */
export async function startLoginBed(
  t: Owner,
  options: Partial<ProviderOptions> = {},
  scriptedOptions: ScriptedProviderOptions = {},
): Promise<LoginBed> {
  return connectTo(t, await startScriptedProvider(t, scriptedOptions), options)
}

/** The oidc room, speaking to a scripted provider that is there already. */
export function connectTo(
  t: Owner,
  scripted: ScriptedProvider,
  options: Partial<ProviderOptions> = {},
): LoginBed {
  const events: GatewayEvent[] = []
  const provider = createProvider(providerOptions(scripted.issuer, options), (event) => {
    events.push(event)
  })
  t.teardown(() => provider.close())
  const begin = async (parameters: Record<string, string> = {}) => {
    const wish = { returnTo: '/home', attempt: 0, parameters }
    const { url, transaction } = await authorizationRequest(provider, wish, Date.now())
    const callback = (await scripted.authorize(url)).searchParams
    return { transaction, callback, url: new URL(url) }
  }
  return {
    scripted,
    provider,
    events,
    begin,
    login: async (parameters) => {
      const { callback, transaction } = await begin(parameters)
      return authorizationCodeGrant(provider, callback, transaction)
    },
    eventsOf: (type) =>
      events.filter(
        (one): one is Extract<GatewayEvent, { type: typeof type }> => one.type === type,
      ),
  }
}

/** `signed_in`, or the reason (and the provider's error) that somebody outside would see. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'signed_in'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return error.reason
  }
}

export async function failure(
  work: Promise<unknown>,
): Promise<GatewayError & { providerError?: string; interactionRequired?: boolean }> {
  try {
    await work
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** The tokens of a refresh that came to some. @throws GatewayError why it came to none */
export async function refreshed(provider: Provider, record: SessionRecord): Promise<RefreshAnswer> {
  const answer = await refreshTokenGrant(provider, record)
  if ('refused' in answer) throw answer.refused
  return answer
}

export function recordOf(signIn: SignIn): SessionRecord {
  const { accessToken, ...rest } = signIn
  return {
    ...rest,
    formatVersion: 1,
    createdAtMs: Date.now(),
    endsAtMs: Date.now() + 3_600_000,
    accessTokens: [accessToken],
  }
}

/** Resolves when the condition holds; polls, bounded. */
export async function eventually(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > endMs) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
