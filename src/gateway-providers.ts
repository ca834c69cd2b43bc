import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig, ProviderConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import { GatewayError } from './domain/gateway-error.ts'
import type { Route } from './domain/route.ts'
import { createServiceTokens, type ServiceTokens } from './domain/service-tokens.ts'
import type { SessionEngineOptions } from './domain/session-engine.ts'
import { createBearerTokens, type BearerTokens } from './oidc/bearer-tokens.ts'
import { clientCredentialsGrant } from './oidc/client-credentials-grant.ts'
import { createProvider, type Provider } from './oidc/provider.ts'
import { refreshTokenGrant } from './oidc/refresh-token-grant.ts'
import { routeRefreshGrant } from './oidc/route-refresh-grant.ts'
import { tokenExchangeGrant } from './oidc/token-exchange-grant.ts'

/** What lives as long as the gateway for one of its providers. */
export interface ProviderParts {
  readonly config: ProviderConfig
  readonly provider: Provider
  /** Some route has tokens introspected. */
  readonly introspection: boolean
  readonly serviceTokens: ServiceTokens
  readonly bearerTokens: BearerTokens
  /** Tells of what happens there, and that it happens there. */
  readonly emit: Emit
}

export interface ProviderPartsOptions {
  readonly cooldownMs: number
  readonly nowMs: () => number
  readonly emit: Emit
  /** Those among them that are wanted as they are stay: what they know, and what they are busy with. */
  readonly running?: readonly ProviderParts[]
}

const SESSION_TOKEN_GRANTS = { refresh: routeRefreshGrant, exchange: tokenExchangeGrant }

/** Starts to look for every provider in the background. */
export function createProviders(
  { providers, routes }: Pick<GatewayConfig, 'providers' | 'routes'>,
  { cooldownMs, nowMs, emit: toAll, running = [] }: ProviderPartsOptions,
): readonly ProviderParts[] {
  return providers.map((config) => {
    const { name } = config
    const emit: Emit = name === '' ? toAll : (event) => toAll({ ...event, provider: name })
    const introspection = routes.some((route) => asksAboutTokens(route, name))
    const same = running.find(
      (one) => one.introspection === introspection && isDeepStrictEqual(one.config, config),
    )
    if (same !== undefined) return same
    const provider = createProvider({ ...config, introspection }, emit)
    return {
      config,
      provider,
      introspection,
      serviceTokens: createServiceTokens({
        clientCredentialsGrant: (wish) => clientCredentialsGrant(provider, wish),
        cooldownMs,
        nowMs,
        wallClockMs: Date.now,
        emit,
      }),
      bearerTokens: createBearerTokens(provider, Date.now),
      emit,
    }
  })
}

function asksAboutTokens({ credentials: { bearer }, providers }: Route, name: string): boolean {
  return providers.includes(name) && bearer !== undefined && bearer.check !== 'keys'
}

/** What sessions need of their providers, whichever those are at the moment. */
export interface SessionGrants extends Pick<
  SessionEngineOptions,
  'issuers' | 'refreshTokenGrant' | 'routeTokenGrant'
> {
  /** From now on it is these. */
  take(providers: readonly ProviderParts[]): void
}

/** Grants for sessions, each by the provider that the session came from and by no other. */
export function sessionGrants(providers: readonly ProviderParts[]): SessionGrants {
  const known = new Map<string, Provider>()
  const issuers = new Set<string>()
  function take(current: readonly ProviderParts[]): void {
    known.clear()
    issuers.clear()
    for (const { provider } of current) {
      known.set(provider.options.issuer, provider)
      issuers.add(provider.options.issuer)
    }
  }
  function providerOf(issuer: string): Provider {
    const provider = known.get(issuer)
    if (provider !== undefined) return provider
    throw new GatewayError('provider_unavailable', 'the provider of a session is not configured')
  }
  take(providers)
  return {
    issuers,
    take,
    refreshTokenGrant: async (record) => refreshTokenGrant(providerOf(record.issuer), record),
    routeTokenGrant: async (record, wish) =>
      SESSION_TOKEN_GRANTS[wish.via](providerOf(record.issuer), record, wish),
  }
}

/** Says of everything that names an issuer which provider that is; a sole one needs no saying. */
export function namingProviders(providers: readonly ProviderConfig[], emit: Emit): Emit {
  if (providers.every(({ name }) => name === '')) return emit
  const names = new Map(providers.map(({ issuer, name }) => [issuer, name]))
  return (event) => {
    const provider = 'issuer' in event ? names.get(event.issuer ?? '') : undefined
    emit(provider === undefined ? event : { ...event, provider })
  }
}
