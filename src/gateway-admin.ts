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

/** The admin listener of a gateway: what it may be asked, and told. It does not listen yet. */
export function createAdmin(
  config: GatewayConfig,
  parts: GatewayParts,
  state: { readonly shuttingDown: boolean },
  options: GatewayAdminOptions,
): Server {
  const { store, transfers } = parts
  const { metrics } = options
  const providers = () => providersReady(parts)
  metrics.probe({
    sessions: () => store.count(),
    sessionBytes: () => store.storedBytes(),
    providers,
    inFlight: transfers.count,
    streams: () => openStreams(parts),
  })
  return createAdminServer({
    metrics,
    readiness: () =>
      readiness({
        pingStore: () => store.ping(),
        providers,
        shuttingDown: () => state.shuttingDown,
      }),
    status: createStatus(config, parts, state, options),
    sessions: operatorSessions(config, parts, options),
  })
}

/** By name: which providers' metadata and keys are known. */
function providersReady({ providers }: GatewayParts): ReadonlyMap<string, boolean> {
  return new Map(providers.map(({ config, provider }) => [config.name, provider.ready()]))
}

function createStatus(
  config: GatewayConfig,
  parts: GatewayParts,
  state: { readonly shuttingDown: boolean },
  { version, worker }: GatewayAdminOptions,
): () => Promise<GatewayStatus> {
  const { store, transfers } = parts
  const startedAtMs = performance.now()
  return async () => ({
    version,
    ...(worker === undefined ? {} : { worker: `${worker} of ${config.workers}` }),
    uptimeMs: performance.now() - startedAtMs,
    publicUrl: config.publicUrl.origin,
    providers: config.providers.map(({ name, issuer, redirectUri }, at) => ({
      name,
      issuer,
      redirectUri,
      ready: parts.providers[at]?.provider.ready() === true,
    })),
    shuttingDown: state.shuttingDown,
    sessions: await store.count(),
    inFlight: transfers.count(),
    streams: openStreams(parts),
    routes: config.routes,
  })
}

function operatorSessions(
  { admin, providers, session }: GatewayConfig,
  { store, emit }: GatewayParts,
  { adminSocket }: GatewayAdminOptions,
): OperatorSessionsOptions {
  return {
    operations: createSessionOperations({ store, vault, lifetimeMs: session.lifetimeMs, emit }),
    issuers: providers.map(({ issuer }) => issuer),
    adminHost: admin.host,
    peerOf: adminSocket === undefined ? directPeer : passedOnPeer,
    randomId: createRequestIds(),
    emit,
  }
}
