import {
  createServer,
  METHODS,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Reason } from '../domain/reason.ts'
import { answerClientError, answerRefusal, clientErrorReason } from './client-error.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { watchConnections, type ConnectionWatch } from './connection-watch.ts'

/** Node's parser takes more, those of RTSP, for which no router has a place. */
const HTTP_METHODS: ReadonlySet<string> = new Set(METHODS)

export interface PublicServerOptions {
  readonly tls?: TlsFiles
  readonly limits: ConnectionLimits
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Makes the handler of requests with `Expect: 100-continue`. Absent: Node says 100 at once. */
  readonly onContinue?: (handle: RequestListener) => RequestListener
  readonly randomId: () => string
  /** Hears of requests that were refused before they could be parsed. */
  readonly onClientError: (refusal: ClientRefusal) => void
}

export interface ClientRefusal {
  readonly requestId: string
  readonly clientAddress: string
  readonly reason: Reason
  readonly cause: unknown
}

export interface PublicServer {
  readonly server: Server
  readonly connections: ConnectionWatch
  /** New connections prove themselves with another certificate. @throws when it cannot be used */
  readonly renewTls: (tls: TlsFiles) => void
}

/** PEM text of both. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

/** The listener browsers reach: Node's own server with every limit set (RL-1, RL-2). Does not listen yet. */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  const { limits, tls } = options
  const connections = watchConnections(limits)
  const settings = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: 0, // bodies are judged by their pace: connection-watch.ts
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    insecureHTTPParser: false,
    requireHostHeader: false, // the door answers 400 in our own words (HX-7)
  }
  const server =
    tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...tlsSettings(tls) })
  boundConnections(server, limits.connectionCount)
  // Node drops what exceeds this count, silently: one more than allowed is enough to see it.
  server.maxHeadersCount = limits.headerCount + 1
  server.on(tls === undefined ? 'connection' : 'secureConnection', connections.opened)
  listenToRequests(server, connections, options)
  const renewTls = (files: TlsFiles): void => {
    if (server instanceof TlsServer) server.setSecureContext(tlsSettings(files))
  }
  return { server, connections, renewTls }
}

/**
 * Closes what comes on top. Not by `maxConnections`: a cluster worker that has reached that hands the
 * connection back to the main process, and when all have, it goes round for ever.
 */
function boundConnections(server: Server, mostCount: number): void {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    if (open.has(socket)) return // handed over anew after an upgrade that was none
    if (open.size >= mostCount) return void socket.destroy()
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
}

function listenToRequests(
  server: Server,
  connections: ConnectionWatch,
  options: PublicServerOptions,
) {
  const { limits } = options
  const tell = (socket: Socket, reason: Reason, cause?: unknown): string => {
    const requestId = options.randomId()
    options.onClientError({ requestId, clientAddress: socket.remoteAddress ?? '', reason, cause })
    return requestId
  }
  const refuseSocket = (duplex: Duplex, reason: Reason, cause?: unknown) => {
    const socket = duplex as Socket // node:http types the sockets of TCP servers too widely
    answerClientError(socket, reason, tell(socket, reason, cause))
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (connections.isOver(request.socket)) return
    if (!connections.exchange(request, response)) return void request.socket.destroy()
    const refused = refusalAhead(request, limits)
    if (refused === undefined) return options.onRequest(request, response)
    answerRefusal(response, refused, tell(request.socket, refused))
  }
  server.on('request', onRequest)
  if (options.onContinue !== undefined) server.on('checkContinue', options.onContinue(onRequest))
  server.on('checkExpectation', (request, response) => {
    response.shouldKeepAlive = false // nobody knows whether the body still comes
    onRequest(request, response) // the door answers 417 (HX-11)
  })
  /** False when an answer is not finished: another one, or another protocol, would be taken for its rest. */
  const isFree = (socket: Socket): boolean => {
    if (connections.isOver(socket)) return false
    if (connections.responseOf(socket)?.writableFinished !== false) return true
    socket.destroy()
    return false
  }
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy()) // Node has taken its own listener away: a reset would end the process
    if (!isFree(socket as Socket)) return
    if (request.rawHeaders.length <= 2 * limits.headerCount) {
      return options.onUpgrade(request, socket, head)
    }
    refuseSocket(socket, 'headers_too_large')
  })
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    if (isFree(socket as Socket)) refuseSocket(socket, 'method_not_allowed')
  })
  const refused = new WeakSet<Duplex>() // every further octet is another error
  server.on('clientError', (error, duplex) => {
    const socket = duplex as Socket
    const reason = clientErrorReason(error)
    if (reason === undefined || !socket.writable) return void socket.destroy()
    if (refused.has(socket) || connections.isOver(socket)) return
    refused.add(socket)
    connections.whenFree(socket, () => refuseSocket(socket, reason, error))
  })
}

/** What the application could not make anything of. */
function refusalAhead(
  { rawHeaders, method = '' }: IncomingMessage,
  { headerCount }: ConnectionLimits,
): Reason | undefined {
  if (rawHeaders.length > 2 * headerCount) return 'headers_too_large'
  return HTTP_METHODS.has(method) ? undefined : 'method_not_allowed'
}

function tlsSettings({ certificate, key }: TlsFiles) {
  return { cert: certificate, key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } as const
}
