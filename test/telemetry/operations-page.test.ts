import { readFileSync } from 'node:fs'
import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { CONNECTION_LIMITS } from '../../src/server/connection-limits.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const PAGE = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

/** Total, so that a new event does not compile until somebody thought of this page. */
const EVENTS: Record<Exclude<GatewayEvent['type'], 'request_finished'>, true> = {
  login_started: true,
  login_succeeded: true,
  login_failed: true,
  cross_site_blocked: true,
  header_stripped: true,
  logout: true,
  session_ended: true,
  refresh_succeeded: true,
  refresh_rejected: true,
  refresh_failed: true,
  revocation_succeeded: true,
  revocation_failed: true,
  provider_ready: true,
  provider_unavailable: true,
  provider_refused_client: true,
  store_failed: true,
  warning: true,
  internal_error: true,
}

t.test('operators can look up every event', async (t) => {
  for (const event of Object.keys(EVENTS)) t.ok(PAGE.includes(`\`${event}\``), event)
})

t.test('operators can look up every metric, and find no other', async (t) => {
  const text = await createMetrics({ version: '0', routeIds: [] }).render()
  const names = [...text.matchAll(/^# TYPE (bearergate_\w+)/gm)].map(([, name]) => name)
  const documented = [...PAGE.matchAll(/^\| `(bearergate_\w+)`/gm)].map(([, name]) => name)
  t.same(documented.sort(), names.sort())
})

t.test('the documented limits are those of the code', async (t) => {
  const { headerBytes, headerCount, headersTimeoutMs, keepAliveTimeoutMs } = CONNECTION_LIMITS
  t.match(PAGE, `| ${headerBytes / 1_024} KiB, ${headerCount} fields |`)
  t.match(PAGE, `| within ${headersTimeoutMs / 1_000} s |`)
  t.match(PAGE, `| ${keepAliveTimeoutMs / 1_000} s:`)
  const { minBodyBytesPerSecond, paceWindowMs, readTimeoutMs, connectionCount } = CONNECTION_LIMITS
  t.match(PAGE, `${minBodyBytesPerSecond} bytes a second on average over ${paceWindowMs / 1_000} s`)
  t.match(PAGE, `| ${readTimeoutMs / 1_000} s | connection closed |`)
  t.match(PAGE, `| ${connectionCount.toLocaleString('en')} |`)
})
