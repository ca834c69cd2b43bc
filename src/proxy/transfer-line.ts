import type { BearerToken } from '../domain/bearer-credential.ts'
import type { Emit } from '../domain/events.ts'
import { requestHeaderPlan, type RequestHeaderPlan } from '../domain/request-headers.ts'
import { responseHeaderPlan, type ResponseHeaderPlan } from '../domain/response-headers.ts'
import type { Route } from '../domain/route.ts'
import type { ServiceTokens } from '../domain/service-tokens.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import type { StartStepUp } from '../http/start-step-up.ts'
import { ticks, type LiveTransfers } from './live-transfers.ts'
import type { ProxyContext } from './proxy-context.ts'
import type { UpstreamPool } from './upstream-pool.ts'
import { upstreamTls } from './upstream-tls.ts'

/** Everything a transfer needs that is the same for each request of its route. */
export interface TransferLine {
  readonly route: Route
  readonly pool: UpstreamPool
  readonly transfers: LiveTransfers
  readonly sessions: SessionEngine
  readonly startStepUp: StartStepUp
  readonly serviceTokens: ServiceTokens
  readonly requestPlan: RequestHeaderPlan
  readonly responsePlan: ResponseHeaderPlan
  readonly proto: 'http' | 'https'
  /** The same for every call, or undici would give up its connections. */
  readonly servername: string
  /** In ticks of the watch. */
  readonly headersPatience: number
  readonly idlePatience: number
  readonly totalPatience: number
  readonly emit: Emit
}

/** What the guard found: with whose authority the request goes on. */
export interface Passage {
  readonly session: LiveSession | undefined
  readonly token: string | undefined
  /** The caller's own token, where that is what they came with. */
  readonly bearer?: BearerToken
  /** Our signed statement about the caller. */
  readonly identity?: string
}

/** What can be worked out before the first request. */
export function transferLine(proxy: ProxyContext, route: Route): TransferLine {
  const { publicUrl, routes, pseudonym, transfers, sessions, serviceTokens, startStepUp, emit } =
    proxy
  return {
    route,
    pool: proxy.pools.poolOf(route),
    transfers,
    sessions,
    startStepUp,
    serviceTokens,
    requestPlan: requestHeaderPlan({ route, routes, pseudonym }),
    responsePlan: responseHeaderPlan(route, publicUrl),
    proto: publicUrl.protocol === 'https:' ? 'https' : 'http',
    servername: upstreamTls(route.upstream).servername,
    headersPatience: ticks(route.timeouts.headersMs),
    idlePatience: ticks(route.timeouts.idleMs),
    totalPatience: ticks(route.timeouts.totalMs ?? 0),
    emit,
  }
}
