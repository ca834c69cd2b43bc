import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { corsHeaders } from '../domain/cors.ts'
import { returnToTarget } from '../domain/return-to.ts'
import type { Route } from '../domain/route.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { routeUrl } from '../http/target-door.ts'
import { admissionTo } from './admission-at-several.ts'
import type { Admission } from './admission.ts'
import { answerPreflight } from './cors-preflight.ts'
import type { ProxyContext } from './proxy-context.ts'
import { transfer } from './transfer.ts'
import { transferLine } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'

export interface RoutePluginOptions {
  readonly proxy: ProxyContext
  readonly route: Route
  /** The route's place in the table: the door sends its requests to `/~route/<index>/`. */
  readonly index: number
}

/**
 * One configured route: guard, then transfer. @fastify/http-proxy keeps the registration; what it would decide about
 * targets it only ever sees of our constant internal URL.
 */
export async function routePlugin(
  scope: FastifyInstance,
  { proxy, route, index }: RoutePluginOptions,
): Promise<void> {
  const line = transferLine(proxy, route)
  const admit = admissionTo(route, proxy)
  // The first hook is the last: it never calls `done`. Parsers (P7, P8), body limits and http-proxy's own reading of
  // our constant URL come later in the framework's life of a request, and would cost it a tenth.
  scope.addHook('onRequest', (request, reply, _done) => {
    if (route.cors !== undefined) {
      if (answerPreflight(request, reply, { ...route, cors: route.cors })) return
      reply.headers(corsHeaders(route.cors, request.headers.origin)) // refusals too are to be read
    }
    if (proxy.load.isOverloaded()) return turnAway(request, reply, 'overloaded')
    const admission = admit(request.raw)
    if (!(admission instanceof Promise)) return act(admission, request, reply)
    admission.then((late) => act(late, request, reply)).catch((error: unknown) => reply.send(error))
  })

  const act = (admission: Admission, request: FastifyRequest, reply: FastifyReply): void => {
    switch (admission.kind) {
      case 'forward':
        return transfer(line, request, reply, admission)
      case 'login':
        return void login(proxy, request, reply, admission).catch((error: unknown) =>
          reply.send(error),
        )
      case 'refuse':
        tellOfBlocked(proxy, route, request, admission)
        if (proxy.forms.keep({ route, request, reply, admission })) return
        return turnAway(request, reply, admission.reason, admission)
    }
  }

  await scope.register(httpProxy, {
    upstream: route.upstream.origin,
    prefix: routeUrl(index).slice(0, -1),
    rewritePrefix: routeUrl(index).slice(0, -1),
    httpMethods: scope.supportedMethods.filter((method) => method !== 'TRACE'),
    undici: line.pool.dispatcher,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions: { retryDelay: () => null }, // P2, should reply-from ever be reached
  })
}

function login(
  { startLogin, startStepUp }: ProxyContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { stepUp, issuer }: Extract<Admission, { kind: 'login' }>,
): Promise<FastifyReply> {
  const { target } = entranceOf(request.raw)
  const returnTo = target === undefined ? '/' : returnToTarget(target)
  return stepUp === undefined
    ? startLogin(request, reply, { returnTo, attempt: 0, parameters: {} })
    : startStepUp(request, reply, { returnTo, stepUp, ...(issuer === undefined ? {} : { issuer }) })
}

function tellOfBlocked(
  { emit }: ProxyContext,
  route: Route,
  request: FastifyRequest,
  { reason }: Extract<Admission, { kind: 'refuse' }>,
): void {
  if (reason !== 'cross_site_refused' && reason !== 'origin_refused') return
  emit({
    type: 'cross_site_blocked',
    reason,
    routeId: route.id,
    ...actorOf(entranceOf(request.raw)),
  })
}

export type { ProxyContext } from './proxy-context.ts'
