import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import { entranceOf } from '../http/entrance.ts'
import type { ProviderEntries } from '../http/provider-entry.ts'
import { plainHeaders, refuse } from '../http/refusal.ts'
import { isCrossSite, ownSession, type OwnSessionOptions } from './own-session.ts'
import { queryParameters } from './query-parameters.ts'
import { loginAtOf, wishedProviders } from './wished-providers.ts'
import { sessionAnswer, type SessionAnswerOptions } from './session-answer.ts'

export interface SessionEndpointOptions extends OwnSessionOptions {
  readonly entries: ProviderEntries
  readonly sessions: SessionEngine
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
    const { session, loginAt } = await askedSession(request, options)
    if (typeof session === 'string') return refuse(request, reply, session, { loginAt })
    return answer(request, reply, session, options)
  }
}

/**
 * The session that `provider` means, or the newest one, and what a login in its place has to name.
 *
 * @throws GatewayError parameter_refused, store_unavailable
 */
export async function askedSession(
  request: FastifyRequest,
  { entries }: Pick<SessionEndpointOptions, 'entries'>,
) {
  const wished = wishedProviders(queryParameters(entranceOf(request.raw)), entries)
  return { session: await ownSession(request, wished), loginAt: loginAtOf(wished, entries) }
}

/** `POST /oauth2/session/refresh`: a new access token now; the same one during the cooldown (STANDARDS SE-21). */
export function sessionRefreshEndpoint(options: SessionEndpointOptions): Handler {
  return async (request, reply) => {
    if (isCrossSite(request, reply, options)) return reply
    const { session, loginAt } = await askedSession(request, options)
    if (typeof session === 'string') return refuse(request, reply, session, { loginAt })
    const refreshed = await options.sessions.refresh(session)
    if ('ended' in refreshed) return refuse(request, reply, refreshed.ended, { loginAt })
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
