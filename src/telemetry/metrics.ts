import { collectDefaultMetrics, Registry } from 'prom-client'
import type { GatewayEvent, RequestFinished } from '../domain/events.ts'
import { OWN_ENDPOINTS } from '../http/own-endpoint-table.ts'
import { addGauges, type Probes } from './gauges.ts'
import { createMeters, type Meters } from './meters.ts'
import { createRequestMeters } from './request-meters.ts'

export interface Metrics {
  readonly observe: (event: GatewayEvent) => void
  /** Tells where the gauges get their values; the last one told counts, `undefined`: nowhere any more. */
  readonly probe: (probes: Probes | undefined) => void
  /** Routes that a reload brought; the series of earlier ones stay. */
  readonly addRoutes: (ids: readonly string[]) => void
  readonly lineDropped: () => void
  readonly contentType: string
  /** The exposition text of everything. */
  readonly render: () => Promise<string>
  /** Everything as data: for a process that adds up those of several. */
  readonly snapshot: () => Promise<MetricsSnapshot>
}

/** What can be sent to another process. */
export type MetricsSnapshot = readonly object[]

export interface MetricsOptions {
  readonly version: string
  /** The ids of the configured routes. Labels are drawn from these and our own endpoints only (OB-6). */
  readonly routeIds: readonly string[]
}

/** Counts events. Label values come from closed lists: nothing a client sends can add a series (OB-6). */
export function createMetrics({ version, routeIds }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  let probes: Probes | undefined
  const observeRequest = createRequestMeters(registry)
  const meters = createMeters(registry)
  addGauges(registry, () => probes)
  meters.build.set({ version, node: process.version }, 1)
  const known = new Set([...routeIds, ...OWN_ENDPOINTS.keys()])
  const routeLabel = (id: string | undefined) => (id !== undefined && known.has(id) ? id : 'none')
  return {
    observe: (event) => {
      if (event.type === 'request_finished') observeRequest(event, routeLabel(event.routeId))
      else COUNT[event.type](meters, event as never)
    },
    probe: (next) => {
      probes = next
    },
    addRoutes: (ids) => ids.forEach((id) => known.add(id)),
    lineDropped: () => meters.droppedLines.inc(),
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  }
}

type OtherEvent = Exclude<GatewayEvent, RequestFinished>

/** Of several providers each has its own series. */
function at({ provider }: { readonly provider?: string }): { readonly provider?: string } {
  return provider === undefined ? {} : { provider }
}

/** The closed table of what each event adds to. */
const COUNT: {
  readonly [T in OtherEvent['type']]: (
    meters: Meters,
    event: Extract<OtherEvent, { type: T }>,
  ) => void
} = {
  login_started: ({ logins }, event) => logins.inc({ outcome: 'started', ...at(event) }),
  login_succeeded: ({ logins }, event) => logins.inc({ outcome: 'succeeded', ...at(event) }),
  login_failed: ({ logins }, event) => logins.inc({ outcome: 'failed', ...at(event) }),
  refresh_succeeded: ({ refreshes, refreshDuration }, event) => {
    refreshDuration.observe(event.durationMs / 1_000)
    refreshes.inc({ outcome: 'succeeded', ...at(event) })
  },
  refresh_rejected: ({ refreshes }, event) => refreshes.inc({ outcome: 'rejected', ...at(event) }),
  refresh_failed: ({ refreshes }, event) => refreshes.inc({ outcome: 'failed', ...at(event) }),
  token_obtained: ({ routeTokens }, event) =>
    routeTokens.inc({ via: event.via, outcome: 'obtained', ...at(event) }),
  token_failed: ({ routeTokens }, event) =>
    routeTokens.inc({ via: event.via, outcome: 'failed', ...at(event) }),
  logout: ({ logouts }, event) => logouts.inc({ kind: event.kind, ...at(event) }),
  logout_refused: () => undefined, // counted with the refusals of its endpoint
  session_ended: ({ ended }, { reason }) => ended.inc({ reason }),
  revocation_succeeded: ({ revocations }, event) =>
    revocations.inc({ outcome: 'succeeded', ...at(event) }),
  revocation_failed: ({ revocations }, event) =>
    revocations.inc({ outcome: 'failed', ...at(event) }),
  cross_site_blocked: ({ crossSite }, { reason }) => crossSite.inc({ reason }),
  header_stripped: ({ strippedHeaders }) => strippedHeaders.inc(),
  provider_ready: () => undefined, // a gauge: it asks
  provider_unavailable: ({ providerFailures }, event) =>
    providerFailures.inc({ kind: 'unavailable', ...at(event) }),
  provider_refused_client: ({ providerFailures }, event) =>
    providerFailures.inc({ kind: 'client_refused', ...at(event) }),
  config_reloaded: ({ configReloads }) => configReloads.inc({ outcome: 'applied' }),
  config_unchanged: ({ configReloads }) => configReloads.inc({ outcome: 'unchanged' }),
  config_refused: ({ configReloads }) => configReloads.inc({ outcome: 'refused' }),
  store_failed: ({ storeFailures }) => storeFailures.inc(),
  internal_error: ({ internalErrors }) => internalErrors.inc(),
  warning: ({ warnings }) => warnings.inc(),
}
