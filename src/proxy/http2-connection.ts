import http2, { type ClientHttp2Session } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import type { Route } from '../domain/route.ts'
import { upstreamTls } from './upstream-tls.ts'

/** One connection to an upstream, with as many calls at a time as that allows. */
export interface Http2Connection {
  readonly session: ClientHttp2Session
  /** Calls under way, those that wait for the connection included. */
  readonly openCount: number
  /** Takes a place for a call; `leave` gives it back. */
  enter(): void
  leave(): void
  /** An answer has come over it: when it breaks then, it may just have gone stale. */
  hasServed: boolean
  /** Room for another call, as far as the upstream has said. */
  hasRoom(): boolean
  /** Calls back at once, or when the connection stands or failed. */
  whenReady(act: (error: Error | undefined) => void): void
}

/** What went wrong with a connection or a call, with a code of the kind that `upstreamFailure` reads. */
export class Http2Failure extends Error {
  override readonly name = 'Http2Failure'
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const UNTOLD_CALLS = 100 // what servers should allow before they have said how many (RFC 9113 §6.5.2)
const PING_EVERY_MS = 10_000 // a dead connection would swallow every call: here those of 20 s
const IDLE_MS = 60_000

/** Opens a connection: TLS with ALPN `h2`, or HTTP/2 at once where there is no TLS (RFC 9113 §3.2, §3.3). */
export function openHttp2(route: Route, onClosed: () => void): Http2Connection {
  const session = http2.connect(route.upstream.origin, {
    ...upstreamTls(route.upstream),
    ...overSocket(route.upstream.socketPath),
    settings: { enablePush: false },
  })
  const waiting = new Set<(error: Error | undefined) => void>()
  let openCount = 0
  let isReady = false
  let failure: Error | undefined
  const settle = (error: Error | undefined): void => {
    clearTimeout(deadline)
    failure ??= error
    for (const act of waiting) act(error)
    waiting.clear()
  }
  const deadline = setTimeout(() => {
    session.destroy(new Http2Failure('UND_ERR_CONNECT_TIMEOUT', 'no connection in time'))
  }, route.timeouts.connectMs)
  const connection: Http2Connection = {
    session,
    get openCount() {
      return openCount
    },
    enter: () => (openCount += 1),
    leave: () => (openCount -= 1),
    hasServed: false,
    hasRoom: () => openCount < mostCalls(session),
    whenReady: (act) => {
      if (isReady || failure !== undefined) return act(failure)
      waiting.add(act)
    },
  }
  session
    .on('connect', () => {
      if (speaksHttp2(session)) {
        isReady = true
        return settle(undefined)
      }
      const message = 'the upstream does not speak HTTP/2'
      session.destroy(new Http2Failure('ERR_HTTP2_NOT_NEGOTIATED', message))
    })
    .on('error', settle)
    .on('close', () => {
      clearInterval(pings)
      settle(new Http2Failure('UND_ERR_SOCKET', 'the upstream closed the connection'))
      onClosed()
    })
  session.setTimeout(IDLE_MS, () => {
    if (connection.openCount === 0) session.close()
  })
  const pings = watchOver(connection)
  return connection
}

function overSocket(socketPath: string | undefined): http2.ClientSessionOptions {
  return socketPath === undefined ? {} : { createConnection: () => connectSocket(socketPath) }
}

/** A server without ALPN leaves it open, and would take our first octets for a broken request. */
function speaksHttp2({ encrypted, alpnProtocol }: ClientHttp2Session): boolean {
  return encrypted !== true || alpnProtocol === 'h2'
}

function mostCalls({ remoteSettings }: ClientHttp2Session): number {
  return Math.min(remoteSettings?.maxConcurrentStreams ?? UNTOLD_CALLS, 1_000)
}

/** Breaks a connection that no longer answers while calls wait on it. */
function watchOver(connection: Http2Connection): NodeJS.Timeout {
  const { session } = connection
  let isOwed = false
  return setInterval(() => {
    if (isOwed) return session.destroy(new Http2Failure('ETIMEDOUT', 'no answer to a ping'))
    if (connection.openCount === 0 || session.connecting || session.destroyed) return
    isOwed = session.ping(() => (isOwed = false))
  }, PING_EVERY_MS).unref()
}
