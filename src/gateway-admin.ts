import type { Server } from 'node:http'
import type { GatewayConfig } from './config/gateway-config.ts'
import { createSessionOperations } from './domain/session-operations.ts'
import { openStreams, type GatewayParts } from './gateway-parts.ts'
import { createRequestIds } from './http/request-id.ts'
import { createAdminServer } from './server/admin-server.ts'
import { directPeer, passedOnPeer } from './server/operator-peer.ts'
import type { OperatorSessionsOptions } from './server/operator-sessions.ts'
import { readiness } from './server/readiness.ts'
import type { GatewayStatus } from './server/status-page.ts'
import { vault } from './session-store/vault.ts'
import type { Metrics } from './telemetry/metrics.ts'

export interface GatewayAdminOptions {
  readonly metrics: Metrics
  readonly version: string
  /** Set when it listens on a local socket, for the main process of several workers. */
  readonly adminSocket?: string
  /** Which of several workers it is. */
  readonly worker?: number
}

/** What runs now: a reload puts another configuration and its parts in place. */
export interface LiveState {
  readonly config: GatewayConfig
  readonly parts: GatewayParts
  readonly shuttingDown: boolean
}

/** The admin listener of a gateway: what it may be asked, and told. It does not listen yet. */
export function createAdmin(live: LiveState, options: GatewayAdminOptions): Server {
  const { store, transfers } = live.parts
  const { metrics } = options
  const providers = () => providersReady(live.parts)
  metrics.probe({
    sessions: () => store.count(),
    sessionBytes: () => store.storedBytes(),
    providers,
    inFlight: transfers.count,
    streams: () => openStreams(live.parts),
  })
  return createAdminServer({
    metrics,
    readiness: () =>
      readiness({
        pingStore: () => store.ping(),
        providers,
        shuttingDown: () => live.shuttingDown,
      }),
    status: createStatus(live, options),
    sessions: operatorSessions(live, options),
  })
}

/** By name: which providers' metadata and keys are known. */
function providersReady({ providers }: GatewayParts): ReadonlyMap<string, boolean> {
  return new Map(providers.map(({ config, provider }) => [config.name, provider.ready()]))
}

function createStatus(
  live: LiveState,
  { version, worker }: GatewayAdminOptions,
): () => Promise<GatewayStatus> {
  const startedAtMs = performance.now()
  return async () => ({
    version,
    ...(worker === undefined ? {} : { worker: `${worker} of ${live.config.workers}` }),
    uptimeMs: performance.now() - startedAtMs,
    publicUrl: live.config.publicUrl.origin,
    providers: live.config.providers.map(({ name, issuer, redirectUri }, at) => ({
      name,
      issuer,
      redirectUri,
      ready: live.parts.providers[at]?.provider.ready() === true,
    })),
    shuttingDown: live.shuttingDown,
    sessions: await live.parts.store.count(),
    inFlight: live.parts.transfers.count(),
    streams: openStreams(live.parts),
    routes: live.config.routes,
  })
}

function operatorSessions(
  live: LiveState,
  { adminSocket }: GatewayAdminOptions,
): OperatorSessionsOptions {
  const { admin, session } = live.config
  const { store, emit } = live.parts
  return {
    operations: createSessionOperations({ store, vault, lifetimeMs: session.lifetimeMs, emit }),
    issuers: () => live.config.providers.map(({ issuer }) => issuer),
    adminHost: admin.host,
    peerOf: adminSocket === undefined ? directPeer : passedOnPeer,
    randomId: createRequestIds(),
    emit,
  }
}
