import http2, { type ClientHttp2Session } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import type { Route } from '../domain/route.ts'
import { Http2Failure } from './http2-failure.ts'
import { feelPulse } from './http2-pulse.ts'
import { upstreamTls } from './upstream-tls.ts'

/** One connection to an upstream, with as many calls at a time as that allows. */
export interface Http2Connection {
  readonly session: ClientHttp2Session
  /** Calls under way, those that wait for the connection included. */
  readonly openCount: number
  /** Takes a place for a call; `leave` gives it back. */
  enter(): void
  leave(): void
  /** Answers that have come over it: when it breaks after one, it may just have gone stale. */
  answerCount: number
  /** Room for another call, as far as the upstream has said; none while it is in doubt. */
  hasRoom(): boolean
  /** A call was given up, and no other was answered since it was made: no new ones until there is a sign of life. */
  doubt(): void
  /** Calls back at once, or when the connection stands or failed. */
  whenReady(act: (error: Error | undefined) => void): void
}

/** What a connection is judged by while nothing is asked or answered. */
export interface Http2Patience {
  /** How often a connection with calls under way must prove that it lives. */
  readonly pingEveryMs: number
  /** After how long without any call it is closed. */
  readonly idleMs: number
}

export const HTTP2_PATIENCE: Http2Patience = {
  pingEveryMs: 10_000, // a dead connection swallows every call: at most those of 20 s
  idleMs: 60_000,
}

const UNTOLD_CALLS = 100 // what servers should allow before they have said how many (RFC 9113 §6.5.2)

/** Opens a connection: TLS with ALPN `h2`, or HTTP/2 at once where there is no TLS (RFC 9113 §3.2, §3.3). */
export function openHttp2(
  route: Route,
  patience: Http2Patience,
  onClosed: () => void,
): Http2Connection {
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
    answerCount: 0,
    hasRoom: () => !pulse.isDoubtful && openCount < mostCalls(session),
    doubt: () => pulse.doubt(),
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
      pulse.stop()
      settle(new Http2Failure('UND_ERR_SOCKET', 'the upstream closed the connection'))
      onClosed()
    })
  session.setTimeout(patience.idleMs)
  session.on('timeout', () => {
    if (openCount === 0) session.close()
  })
  const pulse = feelPulse(session, patience.pingEveryMs, () => openCount > 0)
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
