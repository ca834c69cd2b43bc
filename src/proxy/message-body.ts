import type { IncomingMessage } from 'node:http'

/** How a request announces its body (RFC 9112 §6.3): not at all, with a length, or in chunks. */
export function announcedBodyBytes({ headers }: IncomingMessage): number | 'chunked' | undefined {
  if (headers['transfer-encoding'] !== undefined) return 'chunked'
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length)
}
