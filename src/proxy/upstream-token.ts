import type { RouteToken } from '../domain/route-token.ts'
import type { ServiceTokens } from '../domain/service-tokens.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import type { AccessToken } from '../domain/session-record.ts'
import type { EndedSession } from '../domain/session-store.ts'

/** Where the tokens of upstreams come from. */
export interface TokenSources {
  readonly sessions: Pick<SessionEngine, 'accessToken' | 'routeToken' | 'replaceToken'>
  readonly serviceTokens: ServiceTokens
}

/** The token a route's upstream gets on behalf of a session; `undefined` where it gets none. */
export function routeToken(
  { sessions, serviceTokens }: TokenSources,
  token: RouteToken,
  session: LiveSession,
): AccessToken | undefined | Promise<AccessToken | EndedSession> {
  switch (token.via) {
    case 'login':
      return sessions.accessToken(session)
    case 'none':
      return undefined
    case 'client_credentials':
      return serviceTokens.token(token)
    case 'refresh':
    case 'exchange':
      return sessions.routeToken(session, token)
  }
}

/**
 * A token in place of one that the upstream refused (RT-9), by the same way; `undefined` when there is none to be had.
 *
 * @throws GatewayError as the sources say
 */
export async function replacementToken(
  { sessions, serviceTokens }: TokenSources,
  token: RouteToken,
  session: LiveSession | undefined,
  refused: string,
): Promise<AccessToken | EndedSession | undefined> {
  if (token.via === 'client_credentials') return serviceTokens.replace(token, refused)
  if (token.via === 'none' || session === undefined) return undefined
  return sessions.replaceToken(session, refused, token.via === 'login' ? undefined : token)
}
