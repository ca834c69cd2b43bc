import type { Socket } from 'node:net'

const LINGER_MS = 2_000 // a round trip to anywhere, and time for a busy client to stop

/**
 * Lets a client that still sends its body read the answer. Node closes the whole connection behind the last answer: what
 * the client sends on is met with a reset, and a reset takes the unread answer with it (RFC 9112 §9.6, HX-32). Here our side
 * ends, what still comes is thrown away unparsed, and after `LINGER_MS` the connection is gone in any case.
 */
export function lingerBehindAnswer(socket: Socket, isSending: () => boolean): void {
  const destroySoon = socket.destroySoon.bind(socket)
  socket.destroySoon = () => {
    if (socket.destroyed || !isSending()) return destroySoon()
    socket.removeAllListeners('data')
    socket.on('data', forget).on('end', () => socket.destroy())
    socket.end()
    socket.resume()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }
}

function forget(): void {}
