import t from 'tap'
import type { GatewayEvent, RequestFinished } from '../../src/domain/events.ts'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { processorMs } from '../support/patience.ts'

const REQUEST: RequestFinished = {
  type: 'request_finished',
  requestId: 'r-1',
  clientAddress: '192.0.2.1',
  method: 'GET',
  path: '/api/orders',
  host: 'app.example.com',
  routeId: '/api/*',
  status: 200,
  durationMs: 1.23456,
}
const ACTOR = { requestId: 'r-2', clientAddress: '192.0.2.2' }

function recording(level: 'trace' | 'info' = 'info') {
  const texts: string[] = []
  const clock = { nowMs: 1_000_000 }
  const metrics = createMetrics({ version: '0', routeIds: ['/api/*'] })
  const telemetry = createTelemetry({
    level,
    destination: { write: (line) => texts.push(line), flush: () => undefined },
    metrics,
    pseudonymKey: new Uint8Array(32).fill(7),
    nowMs: () => clock.nowMs,
  })
  const lines = () => texts.map((text) => JSON.parse(text) as Record<string, unknown>)
  return { ...telemetry, metrics, texts, lines, clock }
}

t.test('each request is one line of JSON with a UTC time', async (t) => {
  const { emit, texts, lines } = recording()
  emit({ ...REQUEST, upstreamMs: 0.9, subject: 'alice' })
  t.equal(texts.length, 1)
  t.match(lines()[0], {
    level: 'info',
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    msg: 'request',
    request_id: 'r-1',
    client_address: '192.0.2.1',
    method: 'GET',
    path: '/api/orders',
    host: 'app.example.com',
    route: '/api/*',
    status: 200,
    duration_ms: 1.235,
    upstream_ms: 0.9,
    sub_hash: /^[\w-]{22}$/,
  })
  t.notMatch(texts[0], 'alice')
})

t.test('OB-5 nothing a client sends can forge or break a line', async (t) => {
  const forgery = '/x\n{"level":"info","msg":"forged"}\u001b[31m\u0085\u2028\u202e\u007f'
  const { emit, texts, lines } = recording()
  emit({ ...REQUEST, path: forgery, host: forgery, method: forgery, clientAddress: forgery })
  emit({ type: 'login_failed', reason: 'login_refused', providerError: forgery, ...ACTOR })
  emit({ type: 'header_stripped', name: forgery, ...ACTOR })
  emit({ type: 'internal_error', cause: new Error(forgery) })
  t.equal(texts.length, 4)
  for (const text of texts) t.equal(text.trimEnd().includes('\n'), false)
  // Also what a reader of the JSON sees after unescaping is free of control characters.
  // oxlint-disable-next-line no-control-regex -- the characters in question
  for (const line of lines()) t.notMatch(flat(line), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
})

t.test('OB-4 a query never reaches the log, nor a named secret in the path', async (t) => {
  const { emit, texts } = recording()
  emit({ ...REQUEST, path: '/oauth2/callback?code=SECRET1&state=SECRET2' })
  emit({ ...REQUEST, path: '/files;access_token=SECRET3/x#SECRET4' })
  t.notMatch(texts.join(''), /SECRET/)
})

t.test('OB-4 RL-7 masking a long path costs no time', async (t) => {
  const { emit, texts } = recording()
  for (const word of ['code', 'secret', 'a', 'keytoken']) {
    const tookMs = processorMs(() => {
      for (let times = 0; times < 20; times++)
        emit({ ...REQUEST, path: `/;${word.repeat(8_190 / word.length)}` })
    })
    t.ok(tookMs < 1_000, `${word}: what takes the square takes seconds`)
  }
  emit({ ...REQUEST, path: `/${'x'.repeat(990)};token=SECRET${'y'.repeat(2_000)}` })
  t.notMatch(texts.join(''), /SECRET/)
})

t.test('TK-16 the evidence of a failure carries codes, never secrets', async (t) => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlMDEyMzQ1Njc4OUFCQ0RFRg'
  const cause = Object.assign(
    new Error(`refused: Bearer ${jwt} at https://op.example/token?code=CODE1`),
    {
      code: 'OAUTH_RESPONSE_BODY_ERROR',
      error: 'invalid_grant',
      error_description: `token n7hJ2k9QpXv4Lw8RzT5yUaBcDeFgHiJk3 is dead\nsecond line ${'x'.repeat(500)}`,
      status: 400,
      response: { headers: { authorization: `Bearer ${jwt}` }, body: jwt },
      cause: { status: 400, body: jwt, parameters: new URLSearchParams({ code: 'CODE1' }) },
    },
  )
  const failure = new GatewayError('refresh_rejected', 'state=STATE1 code: CODE2', { cause })
  const { emit, texts, lines } = recording('trace')
  emit({
    type: 'refresh_rejected',
    issuer: 'https://op.example',
    subject: 'alice',
    providerError: 'invalid_grant',
    cause: failure,
  })
  t.notMatch(texts[0], /eyJ|CODE1|CODE2|STATE1|n7hJ2k9QpXv4Lw8RzT5yUaBcDeFgHiJk3|alice/)
  t.match(lines()[0], {
    audit: true,
    event: 'refresh_rejected',
    provider_error: 'invalid_grant',
    cause: [
      { name: 'GatewayError' },
      { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_grant', status: 400 },
      { status: 400 },
    ],
  })
  const [, link] = lines()[0]?.['cause'] as { error_description: string }[]
  t.ok((link?.error_description.length ?? 0) <= 201)
})

t.test('a chain of causes that bites its own tail ends', async (t) => {
  const circle = new Error('round')
  circle.cause = circle
  const { emit, lines } = recording()
  emit({ type: 'store_failed', operation: 'read', cause: circle })
  t.ok((lines()[0]?.['cause'] as unknown[]).length < 10)
})

t.test('operators see which address refused', async (t) => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:80'), {
    code: 'ECONNREFUSED',
  })
  const cause = new TypeError('fetch failed', { cause: new AggregateError([refused], '') })
  const { emit, texts } = recording()
  emit({ type: 'provider_unavailable', issuer: 'https://op.example', retryInMs: 500, cause })
  t.match(texts[0], 'ECONNREFUSED 10.0.0.5:80')
})

t.test(
  'OB-3 every security event is an audit line with the same pseudonym for the same person',
  async (t) => {
    const { emit, lines } = recording()
    const person = { issuer: 'https://op.example', subject: 'alice', sid: 'provider-session-1' }
    const events: GatewayEvent[] = [
      { type: 'login_started', ...ACTOR },
      { type: 'login_succeeded', ...person, ...ACTOR },
      { type: 'login_failed', reason: 'login_refused', ...ACTOR },
      { type: 'cross_site_blocked', reason: 'cross_site_refused', routeId: '/api/*', ...ACTOR },
      { type: 'header_stripped', name: 'x-user', ...ACTOR },
      { type: 'refresh_succeeded', durationMs: 5, issuer: 'i', subject: 'alice', rotated: true },
      { type: 'refresh_rejected', issuer: 'i', subject: 'alice', providerError: 'invalid_grant' },
      { type: 'session_ended', reason: 'session_idle', ...person },
      { type: 'logout', kind: 'user', ...person, ...ACTOR },
      { type: 'logout_refused', reason: 'logout_token_invalid', ...ACTOR },
      { ...REQUEST, status: 403, reason: 'cross_site_refused' },
    ]
    for (const event of events) emit(event)
    t.equal(lines().filter(({ audit }) => audit === true).length, events.length)
    t.equal(
      new Set(
        lines()
          .map(({ sub_hash }) => sub_hash)
          .filter(Boolean),
      ).size,
      1,
    )
    t.match(lines()[1], {
      issuer: 'https://op.example',
      request_id: 'r-2',
      client_address: '192.0.2.2',
      sid_hash: /^[\w-]{22}$/,
    })
  },
)

t.test('AT-22 a flood of failed logins is sampled in the log and counted in full', async (t) => {
  const { emit, texts, lines, clock, metrics } = recording()
  for (let i = 0; i < 1_000; i++)
    emit({ type: 'login_failed', reason: 'login_state_unknown', ...ACTOR })
  t.ok(texts.length <= 100)
  clock.nowMs += 1_000
  emit({ type: 'login_failed', reason: 'login_state_unknown', ...ACTOR })
  t.equal(lines().at(-1)?.['suppressed'], 900)
  t.match(await metrics.render(), 'bearergate_logins_total{outcome="failed"} 1001')
})

t.test('OB-6 random paths, hosts, methods and statuses add no series', async (t) => {
  const { emit, metrics } = recording()
  emit({ ...REQUEST, routeId: undefined, status: 404, reason: 'route_not_found' })
  emit({ ...REQUEST, routeId: undefined, status: 404, reason: 'route_not_found', method: 'BREW' })
  const before = seriesOf(await metrics.render())
  for (let i = 0; i < 2_000; i++) {
    emit({
      ...REQUEST,
      path: `/${i}`,
      host: `h${i}`,
      routeId: `/made-up/${i}`,
      method: `M${i}`,
      status: 404,
      reason: 'route_not_found',
      subject: `s${i}`,
    })
  }
  t.same(seriesOf(await metrics.render()), before)
})

t.test('requests, refusals, upstream waits and refreshes are counted', async (t) => {
  const { emit, metrics } = recording()
  metrics.probe({
    sessions: async () => 3,
    sessionBytes: async () => 4096,
    providers: () => new Map([['', true]]),
    inFlight: () => 4,
    streams: () => 2,
  })
  emit({ ...REQUEST, upstreamMs: 20 })
  emit({ ...REQUEST, status: 401, reason: 'no_session' })
  emit({ ...REQUEST, status: 0, clientLeft: true })
  emit({ type: 'refresh_failed', issuer: 'i', subject: 's', reason: 'provider_unavailable' })
  const text = await metrics.render()
  for (const line of [
    'bearergate_requests_total{route="/api/*",method="GET",status_class="2xx"} 1',
    'bearergate_requests_total{route="/api/*",method="GET",status_class="client_left"} 1',
    'bearergate_refusals_total{route="/api/*",reason="no_session"} 1',
    'bearergate_upstream_duration_seconds_count{route="/api/*"} 1',
    'bearergate_refreshes_total{outcome="failed"} 1',
    'bearergate_sessions 3',
    'bearergate_session_store_bytes 4096',
    'bearergate_requests_in_flight 4',
    'bearergate_streams 2',
    'bearergate_provider_ready 1',
  ]) {
    t.ok(text.split('\n').includes(line), line)
  }
})

t.test('a failing probe spoils no scrape', async (t) => {
  const { metrics } = recording()
  const sessions = async () => Promise.reject(new Error('store gone'))
  const none = () => 0
  const probes = { providers: () => new Map([['', false]]), inFlight: none, streams: none }
  metrics.probe({ ...probes, sessions, sessionBytes: async () => undefined })
  t.match(await metrics.render(), 'bearergate_provider_ready 0')
})

function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.values(value).map(flat).join(' ')
}

function seriesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.startsWith('bearergate_'))
  return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).sort()
}
