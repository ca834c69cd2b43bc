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
    lineDropped: () => meters.droppedLines.inc(),
    contentType: registry.contentType,
    render: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
  }
}

type OtherEvent = Exclude<GatewayEvent, RequestFinished>

/** The closed table of what each event adds to. */
const COUNT: {
  readonly [T in OtherEvent['type']]: (
    meters: Meters,
    event: Extract<OtherEvent, { type: T }>,
  ) => void
} = {
  login_started: ({ logins }) => logins.inc({ outcome: 'started' }),
  login_succeeded: ({ logins }) => logins.inc({ outcome: 'succeeded' }),
  login_failed: ({ logins }) => logins.inc({ outcome: 'failed' }),
  refresh_succeeded: ({ refreshes, refreshDuration }, { durationMs }) => {
    refreshDuration.observe(durationMs / 1_000)
    refreshes.inc({ outcome: 'succeeded' })
  },
  refresh_rejected: ({ refreshes }) => refreshes.inc({ outcome: 'rejected' }),
  refresh_failed: ({ refreshes }) => refreshes.inc({ outcome: 'failed' }),
  token_obtained: ({ routeTokens }, { via }) => routeTokens.inc({ via, outcome: 'obtained' }),
  token_failed: ({ routeTokens }, { via }) => routeTokens.inc({ via, outcome: 'failed' }),
  logout: ({ logouts }, { kind }) => logouts.inc({ kind }),
  logout_refused: () => undefined, // counted with the refusals of its endpoint
  session_ended: ({ ended }, { reason }) => ended.inc({ reason }),
  revocation_succeeded: ({ revocations }) => revocations.inc({ outcome: 'succeeded' }),
  revocation_failed: ({ revocations }) => revocations.inc({ outcome: 'failed' }),
  cross_site_blocked: ({ crossSite }, { reason }) => crossSite.inc({ reason }),
  header_stripped: ({ strippedHeaders }) => strippedHeaders.inc(),
  provider_ready: () => undefined, // a gauge: it asks
  provider_unavailable: ({ providerFailures }) => providerFailures.inc({ kind: 'unavailable' }),
  provider_refused_client: ({ providerFailures }) =>
    providerFailures.inc({ kind: 'client_refused' }),
  store_failed: ({ storeFailures }) => storeFailures.inc(),
  internal_error: ({ internalErrors }) => internalErrors.inc(),
  warning: ({ warnings }) => warnings.inc(),
}
