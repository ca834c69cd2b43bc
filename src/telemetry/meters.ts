import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const DURATION_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Everything that is counted: one prefix, base units (OB-6). */
export function createMeters(registry: Registry) {
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
    logins: counter('logins_total', 'Logins by outcome.', ['outcome', 'provider']),
    refreshes: counter('refreshes_total', 'Token refreshes by outcome.', ['outcome', 'provider']),
    refreshDuration: seconds('refresh_duration_seconds', 'Time of a successful token refresh.'),
    routeTokens: counter('route_tokens_total', 'Tokens asked for by routes, by outcome.', [
      'via',
      'outcome',
      'provider',
    ]),
    logouts: counter('logouts_total', 'Sign-outs by kind.', ['kind', 'provider']),
    ended: counter('sessions_ended_total', 'Sessions ended, by reason.', ['reason']),
    revocations: counter('revocations_total', 'Refresh token revocations by outcome.', [
      'outcome',
      'provider',
    ]),
    crossSite: counter('cross_site_blocked_total', 'Cross-site requests refused, by reason.', [
      'reason',
    ]),
    strippedHeaders: counter('headers_stripped_total', 'Reserved request headers removed.'),
    providerFailures: counter('provider_failures_total', 'Failures to speak to the provider.', [
      'kind',
      'provider',
    ]),
    configReloads: counter('config_reloads_total', 'Reloads of the configuration by outcome.', [
      'outcome',
    ]),
    storeFailures: counter('store_failures_total', 'Failures of the session store.'),
    internalErrors: counter('internal_errors_total', 'Failures nobody foresaw.'),
    warnings: counter('warnings_total', 'Warnings logged.'),
    droppedLines: counter('log_lines_dropped_total', 'Log lines lost because nobody reads them.'),
    build: new Gauge({
      name: 'bearergate_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      aggregator: 'first',
      registers,
    }),
  }
}

export type Meters = ReturnType<typeof createMeters>
