import type { Route } from './domain/route.ts'
import type { GatewayParts } from './gateway-parts.ts'
import type { ProviderParts } from './gateway-providers.ts'
import { createStartAtSeveral } from './http/start-at-several.ts'
import type { ProviderEntries, ProviderEntry } from './http/provider-entry.ts'
import { bearerTokensOfSeveral } from './oidc/bearer-tokens-of-several.ts'
import type { Guard } from './proxy/admission.ts'
import type { ProxyContext, ProxyOf, SharedContext } from './proxy/proxy-context.ts'

export interface ProxiesParts {
  readonly shared: SharedContext
  readonly entries: ProviderEntries
  readonly providers: GatewayParts['providers']
}

/** What each route is served with: one context for each set of providers that routes take. */
export function createProxies(parts: ProxiesParts): ProxyOf {
  const made = new Map<string, ProxyContext>()
  for (const { providers } of parts.shared.routes) {
    const key = providers.join(',')
    if (!made.has(key)) made.set(key, contextOf(providers, parts))
  }
  return ({ providers }: Route) => made.get(providers.join(','))!
}

interface Served {
  readonly entry: ProviderEntry
  readonly own: ProviderParts
}

function contextOf(names: readonly string[], parts: ProxiesParts): ProxyContext {
  const all = parts.entries.map((entry, at) => ({ entry, own: parts.providers[at]! }))
  const named = all.filter(({ entry }) => names.includes(entry.name))
  const served = named.length === 0 ? all : named // a route that needs no provider asks none of them
  const [first, ...others] = served
  if (first === undefined) throw new Error('a configuration has at least one provider')
  const one = contextAt(first, parts.shared)
  if (others.length === 0 || named.length === 0) return one
  return contextAtSeveral(one, served, parts.shared)
}

function contextAt({ entry, own }: Served, shared: SharedContext): ProxyContext {
  const { startLogin, startStepUp } = entry
  return { ...shared, ...guardOf({ entry, own }, shared), startLogin, startStepUp }
}

function guardOf({ entry, own }: Served, { publicUrl, identityTokens }: SharedContext): Guard {
  const { sessions, sessionCookie } = entry
  const { serviceTokens, bearerTokens, config } = own
  return {
    sessions,
    sessionCookie,
    serviceTokens,
    bearerTokens,
    identityTokens,
    trustedOrigins: [publicUrl.origin],
    wallClockMs: Date.now,
    clockToleranceMs: config.clockToleranceMs,
  }
}

function contextAtSeveral(
  first: ProxyContext,
  served: readonly Served[],
  shared: SharedContext,
): ProxyContext {
  const tolerances = served.map(({ own }) => own.config.clockToleranceMs)
  return {
    ...first,
    ...createStartAtSeveral(served.map(({ entry }) => entry)),
    guards: served.map((one) => guardOf(one, shared)),
    bearerTokens: bearerTokensOfSeveral(
      served.map(({ entry, own }) => [entry.issuer, own.bearerTokens]),
    ),
    clockToleranceMs: Math.min(...tolerances),
  }
}
