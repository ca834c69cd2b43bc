import type { Worker } from 'node:cluster'

/** What node:cluster tells a worker with a connection. Undocumented, and the same from Node 0.12 to 24. */
interface Dealt {
  readonly cmd: 'NODE_CLUSTER'
  readonly act: 'newconn'
  readonly seq: number
}

interface Connection {
  close(): void
}

/**
 * node:cluster forgets the connection that a worker was handed and had not taken yet when it died, and
 * its client would wait for ever: under load one for each death. The answer gives these back in the dead
 * worker's name, so that they are dealt to another; when there is no other, they are closed.
 */
export function watchUntaken({ process: worker }: Worker): (isOtherAlive: boolean) => void {
  const untaken = new Map<number, Connection>()
  const send = worker.send.bind(worker) as (...all: unknown[]) => boolean
  worker.send = (message: unknown, connection?: unknown, ...rest: unknown[]): boolean => {
    if (isDealt(message) && isConnection(connection)) untaken.set(message.seq, connection)
    return send(message, connection, ...rest)
  }
  worker.on('internalMessage', ({ ack }: { ack?: number }) => {
    if (ack !== undefined) untaken.delete(ack)
  })
  return (isOtherAlive) => {
    for (const [ack, connection] of untaken) {
      if (!isOtherAlive) connection.close()
      else worker.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: false })
    }
    untaken.clear()
  }
}

function isDealt(message: unknown): message is Dealt {
  const { cmd, act, seq } = message as Partial<Record<keyof Dealt, unknown>>
  return cmd === 'NODE_CLUSTER' && act === 'newconn' && typeof seq === 'number'
}

function isConnection(handle: unknown): handle is Connection {
  return typeof (handle as Partial<Connection> | undefined)?.close === 'function'
}
