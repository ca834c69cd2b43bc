import { accepted, refused, type Parsed } from './parsed.ts'

/**
 * Request headers that the gateway itself decides or that frame the message: a route may neither
 * set nor remove them (RFC 9110 §7.6.1, STANDARDS FW-2, HX).
 */
const RESERVED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'max-forwards',
  'origin',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-request-id',
])

/** A header a route may set or remove, in lower case. */
export function parseHeaderName(text: string): Parsed<string> {
  const name = text.toLowerCase()
  if (/^[a-z0-9-]*_[a-z0-9_-]*$/.test(name)) {
    return refused(
      'has an underscore: many servers read X_User and X-User as the same header; write it with -',
    )
  }
  if (!/^[a-z0-9!#$%&'*+.^`|~-]+$/.test(name))
    return refused('is not a header name (RFC 9110 §5.1)')
  if (RESERVED.has(name) || /^(?:sec-|proxy(?:-|$))/.test(name)) {
    return refused(
      'is a header that the gateway itself sets or that frames or describes the message',
    )
  }
  return accepted(name)
}

/** Any header's name, in lower case; no wildcard. */
export function parseFieldName(text: string): Parsed<string> {
  const name = text.toLowerCase()
  return /^[a-z0-9!#$%&'+.^_`|~-]+$/.test(name)
    ? accepted(name)
    : refused('is not a header name (RFC 9110 §5.1); * is not allowed')
}

/** Literal text of a header value, as its only part: visible ASCII, spaces and tabs (RFC 9110 §5.5). */
export function parseHeaderText(text: string): Parsed<readonly string[]> {
  if (text === '') return refused('is empty: a header without value is not sent')
  if (!/^[\t\u0020-\u007e]*$/.test(text)) {
    return refused(
      'has a character that headers cannot carry: allowed is visible ASCII, space and tab',
    )
  }
  return accepted([text])
}

/** A method as requests name it (RFC 9110 §9.1); upper case, and none that a proxy must not pass. */
export function parseMethod(text: string): Parsed<string> {
  if (/[a-z]/.test(text))
    return refused(`must be upper case: methods are case-sensitive (RFC 9110 §9.1)`)
  if (!/^[A-Z][A-Z-]{0,31}$/.test(text)) return refused('is not a method such as GET or POST')
  if (text === 'CONNECT' || text === 'TRACE') return refused('is never forwarded')
  return accepted(text)
}
