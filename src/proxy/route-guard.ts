import type { FastifyReply, FastifyRequest } from 'fastify'
import { corsHeaders } from '../domain/cors.ts'
import { returnToTarget } from '../domain/return-to.ts'
import type { Route } from '../domain/route.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { admissionTo } from './admission-at-several.ts'
import type { Admission } from './admission.ts'
import { answerPreflight } from './cors-preflight.ts'
import type { ProxyContext } from './proxy-context.ts'
import { transfer } from './transfer.ts'
import { transferLine } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'

/** Answers a request of its route, or sends it on. */
export type RouteGuard = (request: FastifyRequest, reply: FastifyReply) => void

/** One configured route: guard, then transfer. */
export function routeGuard(proxy: ProxyContext, route: Route): RouteGuard {
  const line = transferLine(proxy, route)
  const admit = admissionTo(route, proxy)

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

  return (request, reply) => {
    if (route.cors !== undefined) {
      if (answerPreflight(request, reply, { ...route, cors: route.cors })) return
      reply.headers(corsHeaders(route.cors, request.headers.origin)) // refusals too are to be read
    }
    if (proxy.load.isOverloaded()) return turnAway(request, reply, 'overloaded')
    const admission = admit(request.raw)
    if (!(admission instanceof Promise)) return act(admission, request, reply)
    admission.then((late) => act(late, request, reply)).catch((error: unknown) => reply.send(error))
  }
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
