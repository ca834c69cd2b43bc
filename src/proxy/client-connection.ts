import type { Socket } from 'node:net'

/** Whoever wants to hear that the client has left. */
export interface Leavable {
  onClientGone(): void
}

type Watched = Socket & { [kPresent]?: Set<Leavable> }

const kPresent = Symbol('transfers of this connection')

/**
 * Tells the transfer when its client's connection closes (HX-18, P10). One listener for a connection's whole life: one for
 * each request costs 8 µs. Several at once only when the client pipelines.
 */
export function watchClient(socket: Watched, transfer: Leavable): void {
  socket[kPresent] ??= startWatch(socket)
  socket[kPresent].add(transfer)
}

/** The transfer is over, the connection may live on. */
export function forgetClient(socket: Watched, transfer: Leavable): void {
  socket[kPresent]?.delete(transfer)
}

/** True while answers are owed on this connection. */
export function isBusy(socket: object): boolean {
  const { [kPresent]: present } = socket as Partial<Watched>
  return present !== undefined && present.size > 0
}

function startWatch(socket: Socket): Set<Leavable> {
  const present = new Set<Leavable>()
  socket.on('close', () => {
    for (const transfer of present) transfer.onClientGone()
  })
  return present
}
