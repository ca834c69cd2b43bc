import { Server as TcpServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { PublicServer } from './public-server.ts'

export interface DrainOptions {
  /** Bound on the whole drain. */
  readonly timeoutMs: number
  /** How long idle connections are still listened to: a request may be on its way already. */
  readonly idleGraceMs: number
}

/**
 * Stops accepting, lets what is under way finish, then cuts what is left (OB-1). Every answer says
 * `Connection: close`, so that clients do not send another request into a closing connection.
 *
 * Resolves `true` when everything finished in time.
 */
export async function drain(listener: PublicServer, options: DrainOptions): Promise<boolean> {
  const { server, connections } = listener
  connections.announceClose()
  const closed = new Promise<boolean>((resolve) => {
    // http.Server.close would cut idle connections at this very moment, and with them requests
    // that are on the wire: the plain TCP close only stops accepting.
    TcpServer.prototype.close.call(server, () => resolve(true))
  })
  const clock = new AbortController()
  const graceMs = Math.min(options.idleGraceMs, options.timeoutMs)
  const idleCut = delay(graceMs, undefined, { signal: clock.signal }).then(
    () => server.closeIdleConnections(),
    () => undefined,
  )
  const deadline = delay(options.timeoutMs, false, { signal: clock.signal }).catch(() => false)
  const finished = await Promise.race([closed, deadline])
  clock.abort()
  await idleCut
  connections.destroyAll()
  connections.stop()
  await closed
  server.close() // stops Node's own checking of connections; the listener itself is closed already
  return finished
}
