import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionLimits } from './connection-limits.ts'
import { lingerBehindAnswer } from './lingering-end.ts'

/** One connection and what it is doing. */
interface Watched {
  readonly socket: Socket
  request?: IncomingMessage
  response?: ServerResponse
  /** Answers not yet finished ahead of the newest: a client that asks on before it was answered. */
  owed: readonly ServerResponse[]
  /** The request whose client had to send at the previous look: it had a whole window to do so. */
  judged?: IncomingMessage | undefined
  bytesRead: number
  bytesTaken: number
  readStalledMs: number
}

/** Knows every open connection. Costs a map entry per connection and two assignments per request. */
export interface ConnectionWatch {
  readonly opened: (socket: Socket) => void
  /** The newest exchange of a connection; false when its client asks for too many answers at one time. */
  readonly exchange: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Resolves when every exchange that is under way now has ended. */
  readonly settled: () => Promise<void>
  readonly responseOf: (socket: Socket) => ServerResponse | undefined
  /** An answer has told the client that it is the last one of its connection. */
  readonly isOver: (socket: Socket) => boolean
  /** Calls back when a refusal is read as what it is: neither inside nor instead of another answer (HX-30). Else cuts. */
  readonly whenFree: (socket: Socket, refuse: () => void) => void
  /** From now on every answer says that it is the last one of its connection. */
  readonly announceClose: () => void
  /** Cuts every connection, upgraded ones too. */
  readonly destroyAll: () => void
  readonly stop: () => void
}

const NONE: readonly ServerResponse[] = []

/**
 * Cuts off bodies that dribble in and clients that do not read their answer (AT-28). Node's own
 * `requestTimeout` would also end honest uploads of any length, so it stays off.
 */
export function watchConnections(limits: ConnectionLimits): ConnectionWatch {
  const connections = new Map<Socket, Watched>()
  let isClosing = false
  const closing = createClosings()
  const timer = setInterval(() => {
    for (const watched of connections.values()) judge(watched, limits)
  }, limits.paceWindowMs).unref()
  return {
    opened: (socket) => {
      if (connections.has(socket)) return // handed over anew after an upgrade that was none
      const watched: Watched = { socket, owed: NONE, bytesRead: 0, bytesTaken: 0, readStalledMs: 0 }
      connections.set(socket, watched)
      lingerBehindAnswer(socket, () => watched.request?.complete === false)
      socket.once('close', () => connections.delete(socket))
    },
    exchange: (request, response) => {
      const watched = connections.get(request.socket)
      if (isClosing) response.shouldKeepAlive = false
      if (watched === undefined) return true
      watched.owed = stillOwed(watched)
      watched.request = request
      watched.response = response
      return watched.owed.length < limits.owedAnswerCount
    },
    settled: async () => {
      await Promise.all([...connections.values()].flatMap(stillOwed).map(closing))
    },
    responseOf: (socket) => connections.get(socket)?.response,
    isOver: (socket) => saidLast(connections.get(socket)),
    whenFree: (socket, refuse) => waitForTurn(socket, connections.get(socket), refuse),
    announceClose: () => {
      isClosing = true
      for (const { response } of connections.values()) {
        if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false
      }
    },
    destroyAll: () => {
      for (const socket of connections.keys()) socket.destroy()
    },
    stop: () => clearInterval(timer),
  }
}

/** The close of each, listened to once however often somebody asks. */
function createClosings(): (one: ServerResponse) => Promise<void> {
  const known = new WeakMap<ServerResponse, Promise<void>>()
  return (one) => {
    if (one.destroyed || one.closed) return Promise.resolve()
    const closing =
      known.get(one) ?? new Promise<void>((resolve) => one.once('close', () => resolve()))
    known.set(one, closing)
    return closing
  }
}

/** Answers go out in order: behind a finished one there is nothing left. */
function stillOwed({ response, owed }: Watched): readonly ServerResponse[] {
  if (response === undefined || response.writableFinished) return NONE
  return [...owed.filter(({ writableFinished }) => !writableFinished), response]
}

/** A `close` that was written: what comes after it is not to be processed (RFC 9112 §9.6). */
function saidLast(watched: Watched | undefined): boolean {
  if (watched?.response === undefined) return false
  return isLast(watched.response) || watched.owed.some(isLast)
}

function isLast(response: ServerResponse): boolean {
  return response.headersSent && (response as { _last?: boolean })._last === true
}

function waitForTurn(socket: Socket, watched: Watched | undefined, refuse: () => void): void {
  const owed = watched === undefined ? NONE : stillOwed(watched)
  const newest = owed.at(-1)
  if (newest === undefined) return refuse()
  if (owed.some(({ headersSent }) => headersSent)) return void socket.destroy()
  if (watched?.request?.complete === true) {
    // The fault lies behind the newest request, which still gets its answer.
    newest.once('finish', () => {
      if (!isLast(newest)) refuse()
    })
  } else if (owed.length === 1) {
    refuse() // it lies in the request that waits for its answer: this is it
  } else {
    socket.destroy()
  }
}

function judge(watched: Watched, limits: ConnectionLimits): void {
  const { socket } = watched
  if (bodyDribbles(watched, limits) || neverReads(watched, limits)) socket.destroy()
  watched.bytesRead = socket.bytesRead
  const { request } = watched
  watched.judged = request !== undefined && awaitsClient(request) ? request : undefined
}

function bodyDribbles(watched: Watched, limits: ConnectionLimits): boolean {
  const { socket, request, judged, bytesRead } = watched
  if (request === undefined || request !== judged || !awaitsClient(request)) return false
  const expected = (limits.minBodyBytesPerSecond * limits.paceWindowMs) / 1_000
  return socket.bytesRead - bytesRead < expected
}

/** Bytes that lie here unread mean that not the client but the upstream is the slow one. */
function awaitsClient(request: IncomingMessage): boolean {
  return !request.complete && request.readableLength === 0
}

function neverReads(watched: Watched, limits: ConnectionLimits): boolean {
  const { socket } = watched
  const taken = socket.bytesWritten - socket.writableLength
  const stalled = socket.writableLength > 0 && taken === watched.bytesTaken
  watched.bytesTaken = taken
  watched.readStalledMs = stalled ? watched.readStalledMs + limits.paceWindowMs : 0
  return watched.readStalledMs >= limits.readTimeoutMs
}
