import type { RequestFinished } from '../domain/events.ts'
import { evidence } from './evidence.ts'
import { printable } from './printable.ts'

const MAX_PATH = 1_024
const LONGEST_READ = MAX_PATH + 1 // of strangers' words no more than is shown: masking takes the square of their length
const MAX_FIELD = 256
// A path segment may carry secrets too: `/download;token=…`.
const MATRIX_SECRET =
  /;([^=;/]*(?:code|state|token|password|secret|session|sid|key)[^=;/]*)=[^;/]*/gi
/** Printable ASCII less `"` and `\`: stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]*$/
/** The same less `?`, `#` and `;`: nothing to cut or to mask either. */
const PLAIN_PATH = /^[ !$-:<->@-[\]-~]*$/

/**
 * The fields of the one line each request gets, as JSON members: `"request_id":"…",…`. Texts from outside are escaped and
 * cut (OB-5).
 *
 * Written by hand, since it runs for every request: making an object for the logger and having it serialised cost twice
 * as much. Nearly all texts are plain; every other one goes through JSON.stringify.
 */
export function accessLine(
  event: RequestFinished,
  pseudonym: (identity: string) => string,
): string {
  let line = `"request_id":${shown(event.requestId)},"client_address":${shown(event.clientAddress)}`
  line += `,"method":${shown(event.method)},"path":${pathForLog(event.path)}`
  if (event.host !== undefined) line += `,"host":${shown(event.host)}`
  if (event.routeId !== undefined) line += `,"route":${quoted(event.routeId)}`
  line += `,"status":${event.status},"duration_ms":${inMs(event.durationMs)}`
  if (event.upstreamMs !== undefined) line += `,"upstream_ms":${inMs(event.upstreamMs)}`
  if (event.reason !== undefined) line += `,"reason":${quoted(event.reason)}`
  if (event.provider !== undefined) line += `,"provider":${quoted(event.provider)}`
  if (event.subject !== undefined) line += `,"sub_hash":${quoted(pseudonym(event.subject))}`
  if (event.clientLeft === true) line += ',"client_left":true'
  if (isDenial(event)) line += ',"audit":true'
  if (event.cause !== undefined) line += `,"cause":${JSON.stringify(evidence(event.cause))}`
  return line
}

function shown(text: string): string {
  if (text.length <= MAX_FIELD && PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(printable(text, MAX_FIELD))
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** The path without its query, whoever forgot to cut it, and without named secrets (OB-4). */
function pathForLog(path: string): string {
  if (path.length <= MAX_PATH && PLAIN_PATH.test(path)) return `"${path}"`
  const end = path.search(/[?#]/)
  const bare = path.slice(0, end === -1 ? LONGEST_READ : Math.min(end, LONGEST_READ))
  const masked = bare.includes(';') ? bare.replace(MATRIX_SECRET, ';$1=[masked]') : bare
  return JSON.stringify(printable(masked, MAX_PATH))
}

function isDenial(event: RequestFinished): boolean {
  return event.reason !== undefined && (event.status === 401 || event.status === 403)
}

/** With microseconds, from two whole numbers: writing a fraction takes ten times as long. */
function inMs(durationMs: number): string {
  const microseconds = Math.round(durationMs * 1_000)
  const whole = Math.trunc(microseconds / 1_000)
  return `${whole}.${String(1_000 + microseconds - whole * 1_000).slice(1)}`
}
