import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import { hasUpstream } from './domain/route.ts'
import { createSessionEngine, type SessionEngine } from './domain/session-engine.ts'
import type { SessionStore } from './domain/session-store.ts'
import { afterTimeout } from './domain/timer.ts'
import {
  createProviders,
  namingProviders,
  sessionGrants,
  type ProviderParts,
} from './gateway-providers.ts'
import { createStore } from './gateway-store.ts'
import {
  createSessionEventStreams,
  type SessionEventStreams,
} from './endpoints/session-event-streams.ts'
import { createIdentityTokens, type IdentityTokens } from './oidc/identity-tokens.ts'
import { createLiveTransfers, type LiveTransfers } from './proxy/live-transfers.ts'
import { createLoadGauge, type LoadGauge } from './proxy/load-gauge.ts'
import { createUpstreamPools, type UpstreamPools } from './proxy/upstream-pool.ts'
import { vault } from './session-store/vault.ts'
import { createSteadyClock } from './steady-clock.ts'

/** What lives as long as the gateway and has to be closed with it. */
export interface GatewayParts {
  readonly providers: readonly ProviderParts[]
  readonly store: SessionStore
  readonly sessions: SessionEngine
  /** `undefined`: no route wants signed identities. */
  readonly identityTokens: IdentityTokens | undefined
  readonly pools: UpstreamPools
  readonly transfers: LiveTransfers
  readonly load: LoadGauge
  readonly eventStreams: SessionEventStreams
  readonly refreshCooldownMs: number
  readonly nowMs: () => number
  readonly emit: Emit
  /** What lives on from one configuration to the next asks these providers from now on. */
  readonly follow: (config: GatewayConfig, providers: readonly ProviderParts[]) => void
}

const REFRESH_COOLDOWN_MS = 60_000 // a page that asks for a refresh in a loop costs the provider one call a minute
const LONGEST_WARNING_MS = 120_000 // time to read a notice and to act on it (WCAG 2.2.1 asks for 20 s)
const CACHED_SESSIONS = 10_000 // some 5 KB each with real tokens: 50 MB at most

/** Starts everything that a gateway is made of; nothing listens yet. The providers are sought in the background. */
export async function createParts(
  config: GatewayConfig,
  emitAll: Emit,
  nowMs: () => number = createSteadyClock(),
): Promise<GatewayParts> {
  const { maxPerSubject } = config.session
  let emitNamed = namingProviders(config.providers, emitAll)
  const emit: Emit = (event) => emitNamed(event)
  const store = await createStore(config.session, nowMs, emit)
  const refreshCooldownMs = REFRESH_COOLDOWN_MS
  const providers = createProviders(config, { cooldownMs: refreshCooldownMs, nowMs, emit })
  const grants = sessionGrants(providers)
  const sessions = createSessionEngine({
    store,
    vault,
    issuers: grants.issuers,
    refreshTokenGrant: grants.refreshTokenGrant,
    routeTokenGrant: grants.routeTokenGrant,
    idleTimeoutMs: config.session.idleTimeoutMs,
    lifetimeMs: config.session.lifetimeMs,
    refreshCooldownMs,
    ...(maxPerSubject === undefined ? {} : { maxPerSubject }),
    cacheEntries: CACHED_SESSIONS,
    nowMs,
    wallClockMs: Date.now,
    randomToken: () => randomBytes(32).toString('base64url'),
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
  return {
    providers,
    store,
    sessions,
    identityTokens: config.identity && (await createIdentityTokens(config.identity, Date.now)),
    pools,
    transfers,
    load: createLoadGauge(),
    eventStreams,
    refreshCooldownMs,
    nowMs,
    emit,
    follow: (wanted, current) => {
      emitNamed = namingProviders(wanted.providers, emitAll)
      grants.take(current)
    },
  }
}

/**
 * The parts for another configuration of the same process: sessions and everything under way are the same, and so is every
 * provider and upstream whose settings are. Nothing that runs notices yet.
 */
export async function partsForReload(
  parts: GatewayParts,
  running: GatewayConfig,
  config: GatewayConfig,
): Promise<GatewayParts> {
  const { refreshCooldownMs: cooldownMs, nowMs, emit } = parts
  const identityTokens = isDeepStrictEqual(running.identity, config.identity)
    ? parts.identityTokens
    : config.identity && (await createIdentityTokens(config.identity, Date.now))
  const providers = createProviders(config, { cooldownMs, nowMs, emit, running: parts.providers })
  const pools = parts.pools.withRoutes(config.routes.filter(hasUpstream))
  return { ...parts, identityTokens, providers, pools }
}

/** What the first has and the second does not. */
export function partsLeftOver(parts: GatewayParts, others: GatewayParts) {
  return {
    providers: parts.providers.filter((one) => !others.providers.includes(one)),
    pools: parts.pools.all.filter((pool) => !others.pools.all.includes(pool)),
  }
}

/** Event streams and WebSockets that are open, proxied ones and our own. */
export function openStreams({ transfers, eventStreams }: GatewayParts): number {
  return transfers.streamCount() + eventStreams.count()
}

/** Closes in the order of need: a refresh under way still wants its provider and the store. */
export async function closeParts(parts: GatewayParts): Promise<void> {
  parts.load.close()
  await parts.sessions.close()
  await Promise.all([
    ...parts.providers.map(({ provider }) => provider.close()),
    parts.pools.close(),
  ])
  await parts.store.close()
}
