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
  const link = linksOf(rawHeaders).flatMap(plainLinks)
  if (link.length > 0) response.writeEarlyHints({ link })
}

/**
 * A link that node:http takes as it is. What it refuses it may refuse only after years: its own pattern reads `a=b` in two
 * ways, so thirty parameters with a fault behind them are two to the thirtieth readings (AT-30). Here each has one.
 */
const LINK = /\s*(<[^>]*>(?:\s*;\s*[^;,="\s]+(?:=(?:"[^;"\s]*"|[^;,"\s]*))?)*)\s*(?:,|$)/y

/** The links of a value up to the first that is none: a hint is no loss. */
function plainLinks(value: string): string[] {
  const links: string[] = []
  LINK.lastIndex = 0
  for (let found = LINK.exec(value); found !== null; found = LINK.exec(value)) links.push(found[1]!)
  return links
}

function linksOf(rawHeaders: readonly Buffer[]): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toString('latin1').toLowerCase() === 'link')
      values.push(rawHeaders[at + 1]!.toString('latin1'))
  }
  return values
}
