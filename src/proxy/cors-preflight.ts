import type { FastifyReply, FastifyRequest } from 'fastify'
import { isListed, preflightHeaders, preflightMethod, type CorsPolicy } from '../domain/cors.ts'
import type { Route } from '../domain/route.ts'
import { entranceOf } from '../http/entrance.ts'
import { plainHeaders, refuse } from '../http/refusal.ts'

/**
 * Answers a preflight, without session and without the upstream; false when this is none (STANDARDS CS-5). The door has
 * found the route by the method that is asked for.
 */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  { cors, methods }: Pick<Route, 'methods'> & { readonly cors: CorsPolicy },
): boolean {
  const wanted = preflightMethod(request.raw.method, request.headers)
  if (wanted === undefined) return false
  const { origin } = request.headers
  if (origin === undefined || !isListed(cors, origin)) {
    void refuse(request, reply, 'origin_refused', { headers: { vary: 'Origin' } })
    return true
  }
  const headers = preflightHeaders(cors, origin, methods ?? [wanted])
  void reply
    .code(204)
    .headers({ ...plainHeaders(entranceOf(request.raw)), ...headers })
    .send()
  return true
}
