import type { Reason } from '../domain/reason.ts'

const TIMEOUTS = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])
const BROKEN_ANSWERS = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'ERR_INVALID_CHAR', // Node will not write what the upstream sent
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_STATUS_CODE',
])

/**
 * Which refusal a failed call to an upstream is (HX-14, HX-16, P12): no answer in time, an answer that is not
 * HTTP, or none at all. `answering`: bytes of an answer had arrived.
 */
export function upstreamFailure(error: unknown, answering: boolean): Reason {
  const code = codeOf(error)
  if (TIMEOUTS.has(code)) return 'upstream_timeout'
  if (answering || BROKEN_ANSWERS.has(code) || /^(?:HPE|ERR_HTTP2)_/.test(code))
    return 'upstream_protocol_error'
  return 'upstream_unreachable'
}

/** A call that is cancelled with its HTTP/2 connection failed for the reason that the connection did. */
function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown }
  if (code === 'ERR_HTTP2_STREAM_CANCEL') return codeOf(cause)
  return typeof code === 'string' ? code : ''
}
