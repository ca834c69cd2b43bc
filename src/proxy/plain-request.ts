import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

const UPGRADE_FIELDS = /^(?:upgrade|http2-settings)$/i

/**
 * Serves a request as if it had not asked for another protocol, as RFC 9110 §7.8 allows: `curl --http2` asks for h2c and takes
 * HTTP/1.1 (W5, HX-20). Node has stopped parsing the connection, so its head is put back without the wish and the
 * connection handed to the server anew; body, pipelining and time limits work as ever.
 */
export function serveAsPlainRequest(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.removeAllListeners('error')
  socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!UPGRADE_FIELDS.test(rawHeaders[at]!))
      text += `${rawHeaders[at]}: ${valueAt(rawHeaders, at, httpVersion)}\r\n`
  }
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/** Without the options that would make Node see an upgrade again, and with what their absence means (RFC 9112 §9.3). */
function valueAt(rawHeaders: readonly string[], at: number, httpVersion: string): string {
  const value = rawHeaders[at + 1]!
  if (rawHeaders[at]!.toLowerCase() !== 'connection') return value
  const kept = value.split(',').filter((option) => !UPGRADE_FIELDS.test(option.trim()))
  if (kept.length > 0) return kept.join(',')
  return httpVersion === '1.0' ? 'close' : 'keep-alive'
}
