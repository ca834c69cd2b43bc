import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { plainHeaders } from '../http/refusal.ts'
import type { Provider } from '../oidc/provider.ts'
import { queryParameters } from './query-parameters.ts'

export interface FrontchannelLogoutOptions {
  readonly provider: Provider
  readonly sessions: Pick<SessionEngine, 'endBySid'>
  readonly emit: Emit
}

/**
 * `GET /oauth2/frontchannel-logout?iss=…&sid=…`: the provider's sign-out page shows it in a frame
 * (OpenID Connect Front-Channel Logout §2). The session is found by its `sid`, as browsers send no
 * cookie into a frame of another site; an unknown or missing one is ignored. Anybody can call this:
 * it leaves no trace unless a session ends, and revokes nothing (STANDARDS LO-13).
 */
export function frontchannelLogoutEndpoint({
  provider,
  sessions,
  emit,
}: FrontchannelLogoutOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    const parameters = queryParameters(entrance)
    const sid = parameters.get('sid')
    const { issuer } = provider.options
    if (sid !== null && sid !== '' && parameters.get('iss') === issuer) {
      const sessionCount = await sessions.endBySid(issuer, sid)
      const actor = actorOf(entrance)
      if (sessionCount > 0) {
        emit({ type: 'logout', kind: 'frontchannel', sessionCount, issuer, sid, ...actor })
      }
    }
    return reply
      .headers({ ...plainHeaders(entrance), ...frameHeaders(provider) })
      .send('<!doctype html><html lang="en"><title>Sign-out</title></html>')
  }
}

function frameHeaders(provider: Provider): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; frame-ancestors ${signOutOrigins(provider).join(' ')}`,
  }
}

/** Where the provider's sign-out page may be. */
function signOutOrigins(provider: Provider): string[] {
  const page = provider.current()?.metadata.endpoints.end_session_endpoint
  const places = page === undefined ? [provider.options.issuer] : [provider.options.issuer, page]
  return [...new Set(places.map((place) => new URL(place).origin))]
}
