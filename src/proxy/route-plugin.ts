import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { returnToTarget } from '../domain/return-to.ts'
import type { Route } from '../domain/route.ts'
import type { StepUp } from '../domain/step-up.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { routeUrl } from '../http/target-door.ts'
import { admit, type Admission } from './admission.ts'
import type { ProxyContext } from './proxy-context.ts'
import { transfer } from './transfer.ts'
import { transferLine, type Passage } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'

export interface RoutePluginOptions {
  readonly proxy: ProxyContext
  readonly route: Route
  /** The route's place in the table: the door sends its requests to `/~route/<index>/`. */
  readonly index: number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard of a proxied route. */
    passage: Passage | null
  }
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
  scope.removeAllContentTypeParsers() // P7
  scope.decorateRequest('passage', null)
  scope.addHook('onRequest', (request, reply, done) => {
    hideContentType(request)
    const admission = admit(proxy, route, request.raw)
    if (!(admission instanceof Promise)) return act(admission, request, reply, done)
    admission
      .then((late) => act(late, request, reply, done))
      .catch((error: unknown) => reply.send(error))
  })

  const act = (
    admission: Admission,
    request: FastifyRequest,
    reply: FastifyReply,
    done: () => void,
  ): void => {
    switch (admission.kind) {
      case 'forward':
        request.passage = admission
        return done()
      case 'login':
        return void login(proxy, request, reply, admission.stepUp).catch((error: unknown) =>
          reply.send(error),
        )
      case 'refuse':
        tellOfBlocked(proxy, route, request, admission)
        return turnAway(request, reply, admission.reason, admission)
    }
  }

  // Not as http-proxy's `handler`: on the way there it parses our constant URL three times, 3 of 55 µs.
  scope.addHook('preHandler', (request, reply, _done) => {
    transfer(line, request, reply, request.passage as Passage)
  })

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

/** fastify refuses types it cannot parse (P8). The upstream gets the raw headers, where the value stays as it was. */
function hideContentType({ raw }: FastifyRequest): void {
  if (raw.headers['content-type'] !== undefined)
    raw.headers['content-type'] = 'application/octet-stream'
}

function login(
  { startLogin, startStepUp }: ProxyContext,
  request: FastifyRequest,
  reply: FastifyReply,
  stepUp: StepUp | undefined,
): Promise<FastifyReply> {
  const { target } = entranceOf(request.raw)
  const returnTo = target === undefined ? '/' : returnToTarget(target)
  return stepUp === undefined
    ? startLogin(request, reply, { returnTo, attempt: 0, parameters: {} })
    : startStepUp(request, reply, { returnTo, stepUp })
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
