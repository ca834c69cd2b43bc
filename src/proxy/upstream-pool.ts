import type { Socket } from 'node:net'
import { buildConnector, Pool, type Dispatcher } from 'undici'
import type { Route } from '../domain/route.ts'
import { HTTP2_PATIENCE, type Http2Patience } from './http2-connection.ts'
import { Http2Dispatcher } from './http2-dispatcher.ts'
import { dropUnaskedContinue } from './unasked-continue.ts'
import { upstreamTls } from './upstream-tls.ts'

/** The connections to one upstream, shared by all routes that reach it in the same way. */
export interface UpstreamPool {
  readonly dispatcher: Dispatcher
  /** Calls under way, waiting ones included; kept by the transfer. */
  calls: number
  /** From here on the answer is 503 at once (RL-6). */
  readonly maxCalls: number
  /** True when a connection broke that had served before: the upstream may just have closed it for being idle. */
  wasReused(error: unknown): boolean
}

export interface UpstreamPools {
  poolOf(route: Route): UpstreamPool
  /** The pools for other routes: those that are here already, and new ones. */
  withRoutes(routes: readonly Route[]): UpstreamPools
  readonly all: readonly UpstreamPool[]
  /** Breaks whatever is still under way. */
  close(): Promise<void>
}

export interface UpstreamPoolLimits {
  /** Connections per upstream; event streams hold one each. */
  readonly connections: number
  /** Calls that may wait for a connection. */
  readonly queue: number
  readonly http2: Http2Patience
}

const DEFAULT_LIMITS: UpstreamPoolLimits = {
  connections: 1_024,
  queue: 1_024,
  http2: HTTP2_PATIENCE,
}
const MAX_HEADER_BYTES = 32_768 // twice what Node takes from clients; 100 KB is an attack (HX-14)

/** One pool for each way to reach an upstream: address, trusted certificates, patience. */
export function createUpstreamPools(
  routes: readonly Route[],
  changed: Partial<UpstreamPoolLimits> = {},
): UpstreamPools {
  return poolsFor(routes, { ...DEFAULT_LIMITS, ...changed }, new Map())
}

function poolsFor(
  routes: readonly Route[],
  limits: UpstreamPoolLimits,
  existing: ReadonlyMap<string, UpstreamPool>,
): UpstreamPools {
  const pools = new Map<string, UpstreamPool>()
  for (const route of routes) {
    const key = poolKey(route)
    if (pools.has(key)) continue
    const create = route.upstream.http2 === true ? http2Pool : http1Pool
    pools.set(key, existing.get(key) ?? create(route, limits))
  }
  const all = [...pools.values()]
  return {
    poolOf: (route) => pools.get(poolKey(route)) as UpstreamPool,
    withRoutes: (others) => poolsFor(others, limits, pools),
    all,
    close: async () => {
      await Promise.all(all.map((pool) => pool.dispatcher.destroy()))
    },
  }
}

function http2Pool(route: Route, { connections, queue, http2 }: UpstreamPoolLimits): UpstreamPool {
  const dispatcher = new Http2Dispatcher(route, http2)
  return {
    dispatcher,
    calls: 0,
    maxCalls: connections + queue,
    wasReused: (error) => dispatcher.isStale(error),
  }
}

function http1Pool({ upstream, timeouts }: Route, limits: UpstreamPoolLimits): UpstreamPool {
  const reused = new WeakSet<object>()
  // undici would take the Host header for the name to prove, which is the client's where a route says so: any valid
  // certificate would do, and each new Host would cost the connection.
  const { servername, ...tls } = upstreamTls(upstream)
  const connector = buildConnector({
    ...tls,
    timeout: timeouts.connectMs,
    ...(upstream.socketPath === undefined ? {} : { socketPath: upstream.socketPath }),
  })
  const connect: buildConnector.connector = (options, callback) => {
    connector({ ...options, servername }, (...answer) => {
      const socket: Socket | null | undefined = answer[1]
      if (socket) {
        rememberReuse(socket, reused)
        dropUnaskedContinue(socket)
      }
      callback(...answer)
    })
  }
  const dispatcher = new Pool(upstream.origin, {
    connect,
    connections: limits.connections,
    pipelining: 1,
    headersTimeout: 0, // the watch of live transfers keeps time more finely (P22)
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  return {
    dispatcher,
    calls: 0,
    maxCalls: limits.connections + limits.queue,
    wasReused: (error) => typeof error === 'object' && error !== null && reused.has(error),
  }
}

/**
 * Ahead of undici's own listener, so that the error is marked when it arrives at the request. undici takes a reset for the
 * end of a body that ends with the connection, so it gets to see another code: such a body is incomplete (RFC 9112 §8, HX-15).
 */
function rememberReuse(socket: Socket, reused: WeakSet<object>): void {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (socket.bytesRead > 0) reused.add(error)
    if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
  })
}

function poolKey({ upstream, timeouts }: Route): string {
  const { origin, socketPath, http2 } = upstream
  return JSON.stringify([origin, socketPath, http2, upstreamTls(upstream), timeouts.connectMs])
}
