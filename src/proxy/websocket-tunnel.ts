import type { Duplex } from 'node:stream'
import type { LiveTransfer, LiveTransfers } from './live-transfers.ts'

/** Close codes of RFC 6455 §7.4 and, from 4000, our own. */
export const CLOSE_GOING_AWAY = 1001
export const CLOSE_SESSION_ENDED = 4401

export interface Tunnel extends LiveTransfer {
  /** Tells the client why with a close frame, then ends both sides. */
  close(code: number): void
}

const GOODBYE_MS = 2_000 // for the other side to take the last bytes and say goodbye itself

/**
 * Two sockets joined, bytes unread, each as slow as the other needs it to be. When one ends, the other is ended; what
 * then stays half open is destroyed.
 */
export function joinSockets(
  client: Duplex,
  upstream: Duplex,
  transfers: LiveTransfers,
  onClosed: () => void,
): Tunnel {
  let closedCount = 0
  const tunnel: Tunnel = {
    previous: undefined,
    next: undefined,
    activeTick: 0,
    dueTick: 0,
    endless: true,
    patienceTicks: () => 0,
    onSilence: () => {},
    onOverdue: () => {},
    onTick: () => {},
    endStream: () => tunnel.close(CLOSE_GOING_AWAY),
    close: (code) => {
      upstream.unpipe(client)
      client.end(closeFrame(code))
      upstream.end()
      destroyLater(client, upstream)
    },
  }
  const onClose = (other: Duplex): void => {
    other.end()
    destroyLater(other)
    closedCount += 1
    if (closedCount < 2) return
    transfers.remove(tunnel)
    onClosed()
  }
  transfers.add(tunnel)
  client.on('error', () => upstream.destroy()).on('close', () => onClose(upstream))
  upstream.on('error', () => client.destroy()).on('close', () => onClose(client))
  client.pipe(upstream)
  upstream.pipe(client)
  client.on('end', () => destroyLater(client, upstream))
  upstream.on('end', () => destroyLater(client, upstream))
  return tunnel
}

function destroyLater(...sockets: readonly Duplex[]): void {
  setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, GOODBYE_MS).unref()
}

/** An unmasked close frame without a text (RFC 6455 §5.5.1). */
function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff])
}
