import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'
import { plainHeaders } from '../http/refusal.ts'
import { queryParameters } from './query-parameters.ts'

export interface FrontchannelLogoutOptions {
  readonly entries: ProviderEntries
  readonly sessions: Pick<SessionEngine, 'endBySid'>
  readonly emit: Emit
}

/**
 * `GET /oauth2/frontchannel-logout?iss=…&sid=…`: the provider's sign-out page shows it in a frame
 * (OpenID Connect Front-Channel Logout §2). The session is found by its `sid`, as browsers send no
 * cookie into a frame of another site; an unknown or missing one is ignored. Anybody can call this:
 * it leaves no trace unless a session ends, and revokes nothing (STANDARDS LO-13).
 */
export function frontchannelLogoutEndpoint({ entries, sessions, emit }: FrontchannelLogoutOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    const parameters = queryParameters(entrance)
    const sid = parameters.get('sid')
    const entry = entries.find(({ issuer }) => issuer === parameters.get('iss'))
    if (sid !== null && sid !== '' && entry !== undefined) {
      const { issuer } = entry
      const sessionCount = await sessions.endBySid(issuer, sid)
      const actor = actorOf(entrance)
      if (sessionCount > 0) {
        emit({ type: 'logout', kind: 'frontchannel', sessionCount, issuer, sid, ...actor })
      }
    }
    return reply
      .headers({
        ...plainHeaders(entrance),
        ...frameHeaders(entry === undefined ? entries : [entry]),
      })
      .send('<!doctype html><html lang="en"><title>Sign-out</title></html>')
  }
}

function frameHeaders(entries: readonly ProviderEntry[]): Record<string, string> {
  const places = new Set(entries.flatMap(signOutOrigins))
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; frame-ancestors ${[...places].join(' ')}`,
  }
}

/** Where the provider's sign-out page may be. */
function signOutOrigins({ provider }: ProviderEntry): string[] {
  const page = provider.current()?.metadata.endpoints.end_session_endpoint
  const places = page === undefined ? [provider.options.issuer] : [provider.options.issuer, page]
  return places.map((place) => new URL(place).origin)
}
