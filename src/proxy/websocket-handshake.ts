import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Reason } from '../domain/reason.ts'

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11' // RFC 6455 §1.3
const KEY = /^[A-Za-z0-9+/]{22}==$/ // 16 bytes

/** True when the client asks for a WebSocket, whether or not it does so correctly. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/** Why an opening handshake is not valid, or `undefined` when it is (RFC 6455 §4.2.1, AT-37). */
export function handshakeFault(request: IncomingMessage): Reason | undefined {
  const { headers } = request
  if (headers['sec-websocket-version'] !== '13') return 'upgrade_refused'
  if (request.httpVersion !== '1.1' || !KEY.test(headers['sec-websocket-key'] ?? ''))
    return 'request_malformed'
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  return hasBody ? 'request_malformed' : undefined
}

/** Whether a 101 answers this very handshake (RFC 6455 §4.1): only then may bytes flow unread (AT-37). */
export function acceptsHandshake(key: string, headers: IncomingHttpHeaders): boolean {
  return (
    headers.upgrade?.toLowerCase() === 'websocket' &&
    /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.connection ?? '') &&
    headers['sec-websocket-accept'] === acceptOf(key)
  )
}

function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}
