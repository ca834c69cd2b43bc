import { readFileSync } from 'node:fs'
import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { CONNECTION_LIMITS } from '../../src/server/connection-limits.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createWorkerMetrics } from '../../src/telemetry/worker-metrics.ts'

const PAGE = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

/** Total, so that a new event does not compile until somebody thought of this page. */
const AUDITED: Record<Exclude<GatewayEvent['type'], 'request_finished'>, boolean> = {
  login_started: true,
  login_succeeded: true,
  login_failed: true,
  cross_site_blocked: true,
  header_stripped: true,
  logout: true,
  logout_refused: true,
  session_ended: true,
  refresh_succeeded: true,
  refresh_rejected: true,
  refresh_failed: true,
  token_obtained: true,
  token_failed: true,
  revocation_succeeded: true,
  revocation_failed: true,
  provider_ready: false,
  provider_unavailable: false,
  provider_refused_client: false,
  config_reloaded: true,
  config_unchanged: true,
  config_refused: true,
  store_failed: false,
  warning: false,
  internal_error: false,
}

t.test('OB-3 reviewers can look up every audit event', async (t) => {
  for (const [event, audited] of Object.entries(AUDITED)) {
    if (audited) t.ok(PAGE.includes(`\`${event}\``), event)
  }
})

t.test('operators can look up every metric, and find no other', async (t) => {
  const options = { version: '0', routeIds: [] }
  const worker = await createMetrics(options).snapshot()
  const text = await createWorkerMetrics(options).renderAll([worker])
  const names = [...text.matchAll(/^# TYPE (bearergate_\w+)/gm)].map(([, name]) => name)
  const documented = new Set(
    [...PAGE.matchAll(/`(bearergate_\w*[a-z])[`\s]/g)].map(([, name]) => name),
  )
  t.same(documented, new Set(names))
})

t.test('the documented limits are those of the code', async (t) => {
  const limits = CONNECTION_LIMITS
  for (const words of [
    `${limits.headerBytes / 1_024} KiB`,
    `${limits.headerCount} `,
    `${limits.headersTimeoutMs / 1_000} s`,
    `${limits.minBodyBytesPerSecond} bytes`,
    `${limits.readTimeoutMs / 1_000} s`,
    limits.connectionCount.toLocaleString('en'),
  ]) {
    t.ok(PAGE.includes(words), words)
  }
})
