import { randomBytes } from 'node:crypto'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import { hasUpstream } from './domain/route.ts'
import { createServiceTokens, type ServiceTokens } from './domain/service-tokens.ts'
import { createSessionEngine, type SessionEngine } from './domain/session-engine.ts'
import type { Route } from './domain/route.ts'
import type { SessionStore } from './domain/session-store.ts'
import { afterTimeout } from './domain/timer.ts'
import { createStore } from './gateway-store.ts'
import {
  createSessionEventStreams,
  type SessionEventStreams,
} from './endpoints/session-event-streams.ts'
import { clientCredentialsGrant } from './oidc/client-credentials-grant.ts'
import { createBearerTokens, type BearerTokens } from './oidc/bearer-tokens.ts'
import { createIdentityTokens, type IdentityTokens } from './oidc/identity-tokens.ts'
import { createProvider, type Provider } from './oidc/provider.ts'
import { refreshTokenGrant } from './oidc/refresh-token-grant.ts'
import { routeRefreshGrant } from './oidc/route-refresh-grant.ts'
import { tokenExchangeGrant } from './oidc/token-exchange-grant.ts'
import { createLiveTransfers, type LiveTransfers } from './proxy/live-transfers.ts'
import { createLoadGauge, type LoadGauge } from './proxy/load-gauge.ts'
import { createUpstreamPools, type UpstreamPools } from './proxy/upstream-pool.ts'
import { vault } from './session-store/vault.ts'
import { createSteadyClock } from './steady-clock.ts'

/** What lives as long as the gateway and has to be closed with it. */
export interface GatewayParts {
  readonly provider: Provider
  readonly store: SessionStore
  readonly sessions: SessionEngine
  readonly serviceTokens: ServiceTokens
  readonly bearerTokens: BearerTokens
  /** `undefined`: no route wants signed identities. */
  readonly identityTokens: IdentityTokens | undefined
  readonly pools: UpstreamPools
  readonly transfers: LiveTransfers
  readonly load: LoadGauge
  readonly eventStreams: SessionEventStreams
  readonly refreshCooldownMs: number
  readonly nowMs: () => number
  readonly emit: Emit
}

const REFRESH_COOLDOWN_MS = 60_000 // a page that asks for a refresh in a loop costs the provider one call a minute
const LONGEST_WARNING_MS = 120_000 // time to read a notice and to act on it (WCAG 2.2.1 asks for 20 s)
const CACHED_SESSIONS = 10_000 // some 5 KB each with real tokens: 50 MB at most
const SESSION_TOKEN_GRANTS = { refresh: routeRefreshGrant, exchange: tokenExchangeGrant }

/** Starts everything that a gateway is made of; nothing listens yet. The provider is sought in the background. */
export async function createParts(
  config: GatewayConfig,
  emit: Emit,
  nowMs: () => number = createSteadyClock(),
): Promise<GatewayParts> {
  const { maxPerSubject } = config.session
  const store = await createStore(config.session, nowMs, emit)
  const introspection = config.routes.some(asksAboutTokens)
  const provider = createProvider({ ...config.provider, introspection }, emit)
  const sessions = createSessionEngine({
    store,
    vault,
    refreshTokenGrant: (record) => refreshTokenGrant(provider, record),
    routeTokenGrant: (record, wish) => SESSION_TOKEN_GRANTS[wish.via](provider, record, wish),
    idleTimeoutMs: config.session.idleTimeoutMs,
    lifetimeMs: config.session.lifetimeMs,
    refreshCooldownMs: REFRESH_COOLDOWN_MS,
    ...(maxPerSubject === undefined ? {} : { maxPerSubject }),
    cacheEntries: CACHED_SESSIONS,
    nowMs,
    wallClockMs: Date.now,
    randomToken: () => randomBytes(32).toString('base64url'),
    emit,
  })
  const serviceTokens = createServiceTokens({
    clientCredentialsGrant: (wish) => clientCredentialsGrant(provider, wish),
    cooldownMs: REFRESH_COOLDOWN_MS,
    nowMs,
    wallClockMs: Date.now,
    emit,
  })
  const pools = createUpstreamPools(config.routes.filter(hasUpstream))
  const transfers = createLiveTransfers()
  const warningMs = Math.min(LONGEST_WARNING_MS, config.session.idleTimeoutMs / 4)
  const eventStreams = createSessionEventStreams({
    sessions,
    warningMs,
    nowMs,
    after: afterTimeout,
  })
  const refreshCooldownMs = REFRESH_COOLDOWN_MS
  return {
    provider,
    store,
    sessions,
    serviceTokens,
    bearerTokens: createBearerTokens(provider, Date.now),
    identityTokens: config.identity && (await createIdentityTokens(config.identity, Date.now)),
    pools,
    transfers,
    load: createLoadGauge(),
    eventStreams,
    refreshCooldownMs,
    nowMs,
    emit,
  }
}

function asksAboutTokens({ credentials: { bearer } }: Route): boolean {
  return bearer !== undefined && bearer.check !== 'keys'
}

/** Event streams and WebSockets that are open, proxied ones and our own. */
export function openStreams({ transfers, eventStreams }: GatewayParts): number {
  return transfers.streamCount() + eventStreams.count()
}

/** Closes in the order of need: a refresh under way still wants the provider and the store. */
export async function closeParts(parts: GatewayParts): Promise<void> {
  parts.load.close()
  await parts.sessions.close()
  await Promise.all([parts.provider.close(), parts.pools.close()])
  await parts.store.close()
}
