import type { Duplex } from 'node:stream'

const LINGER_MS = 2_000

/**
 * Ends a socket after its last answer: what the client still sends is read and forgotten, so that it is no reset that
 * it reads instead of the answer (RFC 9112 §9.6), and the socket is gone soon in any case.
 */
export function closeAfterAnswer(socket: Duplex): void {
  socket.resume()
  socket.on('end', () => socket.destroy())
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
