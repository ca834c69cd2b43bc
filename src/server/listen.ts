import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** The address could not be listened on; the message says in one line what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/**
 * Listens, and answers the address as `http(s)://host:port` with the port that was really taken.
 *
 * @throws ListenError the port is taken, forbidden, or the address is not of this machine
 */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) =>
      reject(new ListenError(explain(cause.code, host, port), { cause }))
    server.once('error', onError)
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.removeListener('error', onError)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${server instanceof TlsServer ? 'https' : 'http'}://${shown}:${address.port}`
}

/** Listens on a local socket, for this process alone also among cluster workers; a stale one gives way. @throws ListenError */
export async function listenLocally(server: Server, path: string): Promise<string> {
  await rm(path, { force: true })
  server.listen({ path, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ListenError(`cannot listen on ${path}: ${code}`, { cause })
  }
  return path
}

const EXPLANATIONS: Record<string, string> = {
  EADDRINUSE: 'another process listens there already: end it, or choose another port',
  EACCES: 'this user may not listen there; ports below 1024 need a privilege',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the host name is unknown',
}

function explain(code: string | undefined, host: string, port: number): string {
  return `cannot listen on ${host}:${port}: ${EXPLANATIONS[code ?? ''] ?? code ?? 'unknown failure'}`
}
