import type { GatewayEvent, RequestFinished } from '../domain/events.ts'
import { evidence, stackOf } from './evidence.ts'
import { printable } from './printable.ts'

type OtherEvent = Exclude<GatewayEvent, RequestFinished>
type Level = 'debug' | 'info' | 'warn' | 'error'

/** The closed table of what each event is worth. `audit` lines are what a review asks for (OB-3). */
const LINES: Record<OtherEvent['type'], { level: Level; text: string; audit?: true }> = {
  login_started: { level: 'info', text: 'login started', audit: true },
  login_succeeded: { level: 'info', text: 'login succeeded', audit: true },
  login_failed: { level: 'warn', text: 'login failed', audit: true },
  cross_site_blocked: { level: 'warn', text: 'cross-site request blocked', audit: true },
  header_stripped: { level: 'info', text: 'reserved request header removed', audit: true },
  logout: { level: 'info', text: 'signed out', audit: true },
  logout_refused: { level: 'warn', text: 'logout token refused', audit: true },
  session_ended: { level: 'info', text: 'session ended', audit: true },
  refresh_succeeded: { level: 'info', text: 'tokens refreshed', audit: true },
  refresh_rejected: {
    level: 'warn',
    text: 'refresh refused for good by the provider',
    audit: true,
  },
  refresh_failed: { level: 'warn', text: 'refresh failed, session kept', audit: true },
  token_obtained: { level: 'info', text: 'token for a route obtained', audit: true },
  token_failed: { level: 'warn', text: 'no token for a route', audit: true },
  revocation_succeeded: { level: 'info', text: 'refresh token revoked', audit: true },
  revocation_failed: { level: 'warn', text: 'refresh token not revoked', audit: true },
  provider_ready: { level: 'info', text: 'provider ready' },
  provider_unavailable: { level: 'warn', text: 'provider unavailable' },
  provider_refused_client: {
    level: 'error',
    text: 'the provider refuses this client: check clientId and its secret or key',
  },
  config_reloaded: { level: 'info', text: 'configuration reloaded', audit: true },
  config_unchanged: {
    level: 'info',
    text: 'configuration not reloaded: nothing in it has changed',
    audit: true,
  },
  config_refused: {
    level: 'error',
    text: 'configuration not reloaded: the old one stays',
    audit: true,
  },
  store_failed: { level: 'error', text: 'session store failed' },
  warning: { level: 'warn', text: 'warning' },
  internal_error: { level: 'error', text: 'internal error' },
}

/**
 * Events that strangers cause at will, and how many lines a second each may write: their lines are
 * sampled, their counters are not (AT-22). A gateway in front of us may send identity headers with
 * every request.
 */
export const SAMPLED_EVENTS: ReadonlyMap<GatewayEvent['type'], number> = new Map([
  ['login_started', 100],
  ['login_failed', 100],
  ['cross_site_blocked', 100],
  ['header_stripped', 5],
  ['logout_refused', 5],
  ['warning', 5], // a claim that is too long for its header is one with every request
])

/** How each field of an event is written; what is not listed here is not written at all. */
const FIELD_NAMES = {
  requestId: 'request_id',
  clientAddress: 'client_address',
  issuer: 'issuer',
  provider: 'provider',
  reason: 'reason',
  kind: 'kind',
  sessionCount: 'session_count',
  routeId: 'route',
  routeCount: 'routes',
  problemCount: 'problems',
  providerError: 'provider_error',
  name: 'name',
  operation: 'operation',
  step: 'step',
  code: 'code',
  rotated: 'rotated',
  via: 'via',
  audience: 'audience',
  resource: 'resource',
  scope: 'scope',
  durationMs: 'duration_ms',
  retryInMs: 'retry_in_ms',
} as const

const MAX_FIELD = 200

/** The line of everything that is not a request: level, message and fields, free of secrets. */
export function eventLine(event: OtherEvent, pseudonym: (identity: string) => string) {
  const { level, text, audit } = LINES[event.type]
  const fields: Record<string, unknown> = { event: event.type, ...(audit ? { audit } : {}) }
  const given = event as unknown as Readonly<Record<string, unknown>>
  for (const [field, name] of Object.entries(FIELD_NAMES)) {
    if (given[field] !== undefined) fields[name] = writable(given[field])
  }
  if (typeof given.subject === 'string') fields.sub_hash = pseudonym(given.subject)
  if (typeof given.sid === 'string') fields.sid_hash = pseudonym(given.sid)
  if (given.cause !== undefined) fields.cause = evidence(given.cause)
  if (event.type === 'internal_error') fields.stack = stackOf(event.cause)
  return { level, fields, text: event.type === 'warning' ? printable(event.message, 500) : text }
}

function writable(value: unknown): unknown {
  return typeof value === 'string' ? printable(value, MAX_FIELD) : value
}
