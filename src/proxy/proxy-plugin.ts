import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import type { Route } from '../domain/route.ts'
import { entranceOf } from '../http/entrance.ts'
import { ROUTE_URL } from '../http/internal-urls.ts'
import type { RouteGuard } from './route-guard.ts'
import { turnAway } from './turn-away.ts'

export interface ProxyPluginOptions {
  readonly guards: ReadonlyMap<Route, RouteGuard>
}

/**
 * All configured routes behind one registration: the door has found the route, and a registration for each would take 100 KiB of
 * memory. @fastify/http-proxy keeps the registration; what it would decide about targets it only ever sees of our constant
 * internal URL.
 */
export async function proxyPlugin(
  scope: FastifyInstance,
  { guards }: ProxyPluginOptions,
): Promise<void> {
  // The first hook is the last: it never calls `done`. Parsers (P7, P8), body limits and http-proxy's own reading of
  // our constant URL come later in the framework's life of a request, and would cost it a tenth.
  scope.addHook('onRequest', (request, reply, _done) => {
    const { route } = entranceOf(request.raw)
    const guard = route && guards.get(route)
    if (guard === undefined) return turnAway(request, reply, 'route_not_found') // another proxy forwards
    guard(request, reply)
  })
  const prefix = ROUTE_URL.slice(0, -1)
  await scope.register(httpProxy, {
    upstream: '',
    prefix,
    rewritePrefix: prefix,
    httpMethods: scope.supportedMethods.filter((method) => method !== 'TRACE'),
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions: { getUpstream: neverReached, retryDelay: () => null }, // P2
  })
}

function neverReached(): never {
  throw new Error('a request went past the guard of its route')
}
