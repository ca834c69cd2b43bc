import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const ONE_WRITE_BYTES = 16_384 // up to here copying the body behind its head is cheaper than a second buffer

/** The whole rest of a body. `end(chunk)` would write twice, the second time nothing: one write saves 8 of 58 µs. */
export function sendLast(response: ServerResponse, socket: Socket, chunk: Buffer): void {
  if (chunk.length > ONE_WRITE_BYTES) return void response.end(chunk)
  socket.cork()
  response.write(chunk.toString('latin1'), 'latin1')
  socket.uncork()
  response.end()
}

/** The head without waiting for the body, yet together with what of it comes in this very tick. */
export function sendHeadAhead(response: ServerResponse, socket: Socket): void {
  socket.cork()
  flushHead(response)
  process.nextTick(uncork, socket)
}

/** The head of an answer with a body, octet for octet: `flushHeaders` writes UTF-8, two octets for each above ASCII. */
export function flushHead(response: ServerResponse): void {
  response.write('', 'latin1')
}

/**
 * A shortened answer must not look like a whole one (HX-15). HTTP/1.0 bodies end with the connection: there only a reset
 * tells, which TLS says in its own way.
 */
export function breakOff(httpVersion: string, socket: Socket): void {
  if (httpVersion === '1.0' && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}

function uncork(socket: Socket): void {
  socket.uncork()
}
