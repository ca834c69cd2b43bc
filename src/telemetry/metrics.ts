import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { GatewayEvent, RequestFinished } from '../domain/events.ts'

/** What the gateway can be asked at the moment of a scrape. */
export interface Probes {
  readonly sessions: () => Promise<number | undefined>
  readonly providerReady: () => boolean
  /** Requests at an upstream, streams included. */
  readonly inFlight: () => number
  /** Open WebSockets and event streams. */
  readonly streams: () => number
}

export interface Metrics {
  readonly observe: (event: GatewayEvent) => void
  /** Tells where the gauges get their values; the last one told counts. */
  readonly probe: (probes: Probes) => void
  readonly lineDropped: () => void
  readonly contentType: string
  /** The exposition text of everything. */
  readonly render: () => Promise<string>
}

export interface MetricsOptions {
  readonly version: string
  /** The ids of the configured routes. Labels are drawn from these and our own endpoints only (OB-6). */
  readonly routeIds: readonly string[]
}

const DURATION_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const OWN_ENDPOINTS = [
  '/oauth2/login',
  '/oauth2/callback',
  '/oauth2/logout',
  '/oauth2/logout/callback',
  '/oauth2/session',
  '/oauth2/session/refresh',
]

/** Counts events. Label values come from closed lists: nothing a client sends can add a series (OB-6). */
export function createMetrics({ version, routeIds }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  let probes: Probes | undefined
  const meters = createMeters(registry)
  addGauges(registry, () => probes)
  meters.build.set({ version, node: process.version }, 1)
  const known = new Set([...routeIds, ...OWN_ENDPOINTS])
  const routeLabel = (id: string | undefined) => (id !== undefined && known.has(id) ? id : 'none')
  return {
    observe: (event) => {
      if (event.type === 'request_finished')
        observeRequest(meters, event, routeLabel(event.routeId))
      else observeOther(meters, event)
    },
    probe: (next) => {
      probes = next
    },
    lineDropped: () => meters.droppedLines.inc(),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  }
}

type Meters = ReturnType<typeof createMeters>

function createMeters(registry: Registry) {
  const registers = [registry]
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter<T>({ name: `bearergate_${name}`, help, labelNames: [...labelNames], registers })
  const seconds = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Histogram<T>({
      name: `bearergate_${name}`,
      help,
      labelNames: [...labelNames],
      buckets: DURATION_SECONDS,
      registers,
    })
  return {
    requests: counter('requests_total', 'Requests answered.', ['route', 'method', 'status_class']),
    duration: seconds('request_duration_seconds', 'From the request line to the last byte.', [
      'route',
    ]),
    upstream: seconds('upstream_duration_seconds', 'Wait for upstream response headers.', [
      'route',
    ]),
    refusals: counter('refusals_total', 'Requests refused, by reason.', ['route', 'reason']),
    logins: counter('logins_total', 'Logins by outcome.', ['outcome']),
    refreshes: counter('refreshes_total', 'Token refreshes by outcome.', ['outcome']),
    refreshDuration: seconds('refresh_duration_seconds', 'Time of a successful token refresh.'),
    logouts: counter('logouts_total', 'Sign-outs by kind.', ['kind']),
    ended: counter('sessions_ended_total', 'Sessions ended, by reason.', ['reason']),
    revocations: counter('revocations_total', 'Refresh token revocations by outcome.', ['outcome']),
    crossSite: counter('cross_site_blocked_total', 'Cross-site requests refused, by reason.', [
      'reason',
    ]),
    strippedHeaders: counter('headers_stripped_total', 'Reserved request headers removed.'),
    providerFailures: counter('provider_failures_total', 'Failures to speak to the provider.', [
      'kind',
    ]),
    storeFailures: counter('store_failures_total', 'Failures of the session store.'),
    internalErrors: counter('internal_errors_total', 'Failures nobody foresaw.'),
    warnings: counter('warnings_total', 'Warnings logged.'),
    droppedLines: counter('log_lines_dropped_total', 'Log lines lost because nobody reads them.'),
    build: new Gauge({
      name: 'bearergate_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      registers,
    }),
  }
}

function addGauges(registry: Registry, probes: () => Probes | undefined): void {
  const gauge = (
    name: string,
    help: string,
    read: (from: Probes) => Promise<number | undefined>,
  ) => {
    const created: Gauge = new Gauge({
      name: `bearergate_${name}`,
      help,
      registers: [registry],
      collect: async () => {
        const from = probes()
        const value = from === undefined ? undefined : await read(from).catch(() => undefined)
        if (value !== undefined) created.set(value)
      },
    })
  }
  gauge('sessions', 'Sessions in the store.', (from) => from.sessions())
  gauge('requests_in_flight', 'Requests at an upstream, streams included.', async (from) =>
    from.inFlight(),
  )
  gauge('streams', 'Open WebSockets and event streams.', async (from) => from.streams())
  gauge('provider_ready', '1 when provider metadata is known.', async (from) =>
    Number(from.providerReady()),
  )
}

function observeRequest(meters: Meters, event: RequestFinished, route: string): void {
  const method = METHODS.has(event.method) ? event.method : '_OTHER'
  meters.requests.inc({ route, method, status_class: statusClass(event.status) })
  // A WebSocket lasts as long as its tab is open: that says nothing about speed.
  if (event.status !== 101) meters.duration.observe({ route }, event.durationMs / 1_000)
  if (event.upstreamMs !== undefined) meters.upstream.observe({ route }, event.upstreamMs / 1_000)
  if (event.reason !== undefined) meters.refusals.inc({ route, reason: event.reason })
}

function statusClass(status: number): string {
  return status === 0 ? 'client_left' : `${Math.trunc(status / 100)}xx`
}

function observeOther(meters: Meters, event: Exclude<GatewayEvent, RequestFinished>): void {
  switch (event.type) {
    case 'login_started':
      return meters.logins.inc({ outcome: 'started' })
    case 'login_succeeded':
      return meters.logins.inc({ outcome: 'succeeded' })
    case 'login_failed':
      return meters.logins.inc({ outcome: 'failed' })
    case 'refresh_succeeded':
      meters.refreshDuration.observe(event.durationMs / 1_000)
      return meters.refreshes.inc({ outcome: 'succeeded' })
    case 'refresh_rejected':
      return meters.refreshes.inc({ outcome: 'rejected' })
    case 'refresh_failed':
      return meters.refreshes.inc({ outcome: 'failed' })
    case 'logout':
      return meters.logouts.inc({ kind: 'user' })
    case 'session_ended':
      return meters.ended.inc({ reason: event.reason })
    case 'revocation_succeeded':
      return meters.revocations.inc({ outcome: 'succeeded' })
    case 'revocation_failed':
      return meters.revocations.inc({ outcome: 'failed' })
    case 'cross_site_blocked':
      return meters.crossSite.inc({ reason: event.reason })
    case 'header_stripped':
      return meters.strippedHeaders.inc()
    case 'provider_unavailable':
      return meters.providerFailures.inc({ kind: 'unavailable' })
    case 'provider_refused_client':
      return meters.providerFailures.inc({ kind: 'client_refused' })
    case 'store_failed':
      return meters.storeFailures.inc()
    case 'internal_error':
      return meters.internalErrors.inc()
    case 'warning':
      return meters.warnings.inc()
    case 'provider_ready':
  }
}
