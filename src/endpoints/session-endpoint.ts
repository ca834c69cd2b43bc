import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LiveSession } from '../domain/session-engine.ts'
import { entranceOf } from '../http/entrance.ts'
import { plainHeaders, refuse } from '../http/refusal.ts'
import { isCrossSite, ownSession, type OwnSessionOptions } from './own-session.ts'
import { sessionAnswer, type SessionAnswerOptions } from './session-answer.ts'

export interface SessionEndpointOptions extends OwnSessionOptions {
  /** Claims shown beside `sub`. */
  readonly claims: readonly string[]
  readonly refreshCooldownMs: number
  readonly nowMs: () => number
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

/** `GET /oauth2/session`: who is signed in and until when; never redirects, never extends (STANDARDS SE-18). */
export function sessionEndpoint(options: SessionEndpointOptions): Handler {
  return async (request, reply) => {
    if (isCrossSite(request, reply, options)) return reply
    const session = await ownSession(request, options)
    if (typeof session === 'string') return refuse(request, reply, session)
    return answer(request, reply, session, options)
  }
}

/** `POST /oauth2/session/refresh`: a new access token now; the same one during the cooldown (STANDARDS SE-21). */
export function sessionRefreshEndpoint(options: SessionEndpointOptions): Handler {
  return async (request, reply) => {
    if (isCrossSite(request, reply, options)) return reply
    const session = await ownSession(request, options)
    if (typeof session === 'string') return refuse(request, reply, session)
    const refreshed = await options.sessions.refresh(session)
    if ('ended' in refreshed) return refuse(request, reply, refreshed.ended)
    return answer(request, reply, refreshed, options)
  }
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  session: LiveSession,
  options: SessionEndpointOptions,
): FastifyReply {
  const entrance = entranceOf(request.raw)
  const shown: SessionAnswerOptions = { ...options, site: entrance.site }
  return reply
    .headers(plainHeaders(entrance))
    .header('cross-origin-resource-policy', 'same-origin')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(sessionAnswer(session, options.nowMs(), shown)))
}
