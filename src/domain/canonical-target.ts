import { percentDecodings } from './path-readings.ts'

/** The one string that decides and is forwarded, octet for octet (HX-10). */
export interface CanonicalTarget {
  /** Raw, as received; starts with one slash. */
  readonly path: string
  /** `''` or `?…`, raw. */
  readonly query: string
}

const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~:@,=-]+)*\/?$/
const NOT_IN_TARGET = /[^\u0021-\u007e\u0080-\u00ff]|#/
// oxlint-disable-next-line no-control-regex -- control bytes are what is looked for
const NOT_IN_PATH = /[\\\u0000-\u001f\u007f-\u009f]/
const HOST_LIKE = /^\/(?:;[^/]*)?\// // `//host/x`, with or without parameters to cut
const DOT_SEGMENT = /(?:^|[/;?#])\s*\.{1,2}\s*(?=[/;?#]|$)/

/**
 * The target split into path and query, or `undefined` when servers could disagree on what it means
 * (HX-34, AT-11): those are refused with `path_refused`, never repaired (D-10).
 *
 * Refused in the path, as received and after one and two decodes: backslash, control characters, `.` and
 * `..` segments (also before `;`, `?`, `#` or spaces, and with dots, slashes and backslashes of full width), a leading `//` (many servers read it as a host);
 * broken percent-encoding or UTF-8, more than two encodings, and a raw `#` anywhere.
 */
export function canonicalTarget(requestTarget: string): CanonicalTarget | undefined {
  if (!requestTarget.startsWith('/') || NOT_IN_TARGET.test(requestTarget)) return undefined
  const end = requestTarget.indexOf('?')
  const path = end < 0 ? requestTarget : requestTarget.slice(0, end)
  if (!PLAIN_PATH.test(path) && !hasOneMeaning(path)) return undefined
  return { path, query: end < 0 ? '' : requestTarget.slice(end) }
}

function hasOneMeaning(path: string): boolean {
  const readings = percentDecodings(path)
  return readings !== undefined && readings.every(isHarmless)
}

function isHarmless(reading: string): boolean {
  const plain = reading.normalize('NFKC')
  return !NOT_IN_PATH.test(plain) && !HOST_LIKE.test(reading) && !DOT_SEGMENT.test(plain)
}
