import type { Duplex } from 'node:stream'

/** What a client sends before its socket is open. */
export interface EarlyBytes {
  /** Stops listening; everything received so far, in order. */
  take(): readonly Buffer[]
}

const MAX_BYTES = 65_536 // beyond that the client waits: whoever talks before the 101 breaks RFC 6455 §4.1 anyway

/**
 * Keeps what arrives during a handshake. A socket that nobody reads would not even tell that its client has left:
 * `onLeft` is called then (HX-18).
 */
export function keepEarlyBytes(socket: Duplex, head: Buffer, onLeft: () => void): EarlyBytes {
  const kept = [head]
  let keptBytes = head.length
  const keep = (chunk: Buffer): void => {
    kept.push(chunk)
    keptBytes += chunk.length
    if (keptBytes > MAX_BYTES) socket.pause()
  }
  socket.on('data', keep).on('end', onLeft).on('close', onLeft)
  return {
    take: () => {
      socket.off('data', keep).off('end', onLeft).off('close', onLeft)
      return kept
    },
  }
}
