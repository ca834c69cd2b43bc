import type { RequestFinished } from '../domain/events.ts'
import { evidence } from './evidence.ts'
import { printable } from './printable.ts'

const MAX_PATH = 1_024
const MAX_FIELD = 256
// A path segment may carry secrets too: `/download;token=…`.
const MATRIX_SECRET =
  /;([^=;/]*(?:code|state|token|password|secret|session|sid|key)[^=;/]*)=[^;/]*/gi

/** The fields of the one line each request gets. Texts from outside are escaped and cut (OB-5). */
export function accessLine(
  event: RequestFinished,
  pseudonym: (identity: string) => string,
): Record<string, unknown> {
  return {
    request_id: printable(event.requestId, MAX_FIELD),
    client_address: printable(event.clientAddress, MAX_FIELD),
    method: printable(event.method, MAX_FIELD),
    path: pathForLog(event.path),
    host: event.host === undefined ? undefined : printable(event.host, MAX_FIELD),
    route: event.routeId,
    status: event.status,
    duration_ms: microseconds(event.durationMs),
    upstream_ms: event.upstreamMs === undefined ? undefined : microseconds(event.upstreamMs),
    reason: event.reason,
    sub_hash: event.subject === undefined ? undefined : pseudonym(event.subject),
    client_left: event.clientLeft === true ? true : undefined,
    audit: isDenial(event) ? true : undefined,
    cause: event.cause === undefined ? undefined : evidence(event.cause),
  }
}

/** The path without its query, whoever forgot to cut it, and without named secrets (OB-4). */
function pathForLog(path: string): string {
  const end = path.search(/[?#]/)
  const bare = end === -1 ? path : path.slice(0, end)
  const masked = bare.includes(';') ? bare.replace(MATRIX_SECRET, ';$1=[masked]') : bare
  return printable(masked, MAX_PATH)
}

function isDenial(event: RequestFinished): boolean {
  return event.reason !== undefined && (event.status === 401 || event.status === 403)
}

function microseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
