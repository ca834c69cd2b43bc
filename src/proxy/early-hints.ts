import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Passes the links of a 103 on (HX-12, P11); other fields of an interim answer mean nothing to browsers. HTTP/1.0
 * clients know no interim answers (HX-29).
 */
export function sendEarlyHints(
  rawHeaders: readonly Buffer[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.httpVersion !== '1.1' || response.headersSent) return
  const link = valuesOf(rawHeaders, 'link')
  if (link.length === 0) return
  try {
    response.writeEarlyHints({ link })
  } catch {
    // Node takes only well-formed links. A hint is no loss.
  }
}

function valuesOf(rawHeaders: readonly Buffer[], lowerCaseName: string): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toString('latin1').toLowerCase() === lowerCaseName)
      values.push(rawHeaders[at + 1]!.toString('latin1'))
  }
  return values
}
