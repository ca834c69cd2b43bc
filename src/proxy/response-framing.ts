import { STATUS_CODES } from 'node:http'

/** Bytes of body that are certain to come, or -1 when only the end will tell (RFC 9112 §6.3). */
export function declaredLength(
  rawHeaders: readonly Buffer[],
  method: string,
  status: number,
): number {
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  const length = lastValue(rawHeaders, 'content-length')
  return length === undefined ? -1 : Number(length)
}

/** Takes Content-Length out of the fields of a 204, which has none (RFC 9110 §8.6): some clients wait for such a body. */
export function dropLength(fields: string[]): void {
  for (let at = fields.length - 2; at >= 0; at -= 2)
    if (fields[at]!.toLowerCase() === 'content-length') fields.splice(at, 2)
}

/**
 * A transfer coding besides chunked, in whichever line, is between the upstream and us, and we do not undo it; chunks within
 * chunks are forbidden (RFC 9112 §6.1, §7).
 */
export function hasForeignCoding(rawHeaders: readonly Buffer[]): boolean {
  let isChunked = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!isNamed(rawHeaders[at]!, 'transfer-encoding')) continue
    if (isChunked || rawHeaders[at + 1]!.toString('latin1').trim().toLowerCase() !== 'chunked')
      return true
    isChunked = true
  }
  return false
}

/** The upstream's words beside the status, where they are plain; Node throws at others, and clients read none (RFC 9112 §4). */
export function reasonPhrase(statusText: string, status: number): string {
  return /^[\t -~]*$/.test(statusText) ? statusText : (STATUS_CODES[status] ?? '')
}

/** Events come for as long as they like: such a stream has no silence that is too long. */
export function announcesEventStream(rawHeaders: readonly Buffer[]): boolean {
  return (
    lastValue(rawHeaders, 'content-type')?.toLowerCase().startsWith('text/event-stream') === true
  )
}

function lastValue(rawHeaders: readonly Buffer[], lowerCaseName: string): string | undefined {
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (isNamed(rawHeaders[at]!, lowerCaseName)) return rawHeaders[at + 1]!.toString('latin1')
  }
  return undefined
}

/** Looks at the length first: this runs for every field of every answer. */
function isNamed(name: Buffer, lowerCaseName: string): boolean {
  return (
    name.length === lowerCaseName.length && name.toString('latin1').toLowerCase() === lowerCaseName
  )
}
