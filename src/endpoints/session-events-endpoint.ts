import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import { plainHeaders, refuse } from '../http/refusal.ts'
import { isOtherOrigin } from './own-session.ts'
import { loginUrlAt, providerOf, secondsUntil, sessionAnswer, timestamp } from './session-answer.ts'
import { askedSession, type SessionEndpointOptions } from './session-endpoint.ts'
import type { SessionWords } from './session-event-stream.ts'
import type { SessionEventStreams } from './session-event-streams.ts'

export interface SessionEventsOptions extends SessionEndpointOptions {
  readonly eventStreams: SessionEventStreams
}

/**
 * `GET /oauth2/session/events`: tells a page of our own origin when its session is `refreshed`,
 * `expiring` (before it happens) and `ended`, as server-sent events. Listening is no use of the
 * session (STANDARDS SE-22).
 */
export function sessionEventsEndpoint(options: SessionEventsOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (isOtherOrigin(request, reply, options)) return reply
    const { session, loginAt } = await askedSession(request, options)
    if (typeof session === 'string') return refuse(request, reply, session, { loginAt })
    const words = wordsFor(request, options, providerOf(session.record, options.entries))
    const body = options.eventStreams.open(session, words)
    if (body === undefined) return refuse(request, reply, 'overloaded')
    return reply.headers({ ...plainHeaders(entranceOf(request.raw)), ...STREAM_HEADERS }).send(body)
  }
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cross-origin-resource-policy': 'same-origin',
  'x-accel-buffering': 'no', // nginx would hold events back until it has a page of them
}

function wordsFor(
  request: FastifyRequest,
  options: SessionEventsOptions,
  provider: string,
): SessionWords {
  const { site } = entranceOf(request.raw)
  const { nowMs } = options
  return {
    refreshed: (session) => sessionAnswer(session, nowMs(), { ...options, site }),
    expiring: (reason, endsAtMs) => ({
      reason,
      ends_at: timestamp(endsAtMs),
      ends_in_seconds: secondsUntil(endsAtMs, nowMs()),
    }),
    ended: (reason) => ({ reason, login_url: loginUrlAt(provider, site) }),
  }
}
