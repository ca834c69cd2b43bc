import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import type { SessionRecord } from '../domain/session-record.ts'
import { actorOf, entranceOf, type Entrance } from '../http/entrance.ts'
import { plainHeaders } from '../http/refusal.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import { CONFIRM_SIGN_OUT } from '../http/texts/own-page-texts.ts'
import { endSessionRequest } from '../oidc/end-session-request.ts'
import type { Provider } from '../oidc/provider.ts'
import { revokeRefreshToken } from '../oidc/token-revocation.ts'
import type { LogoutState } from './logout-state.ts'
import { sendPage } from './own-page.ts'
import { isCrossSite } from './own-session.ts'
import { queryParameters } from './query-parameters.ts'

export interface LogoutEndpointOptions {
  readonly provider: Provider
  readonly sessions: SessionEngine
  readonly sessionCookie: SessionCookie
  readonly logoutState: LogoutState
  readonly trustedOrigins: readonly string[]
  readonly revoke: boolean
  readonly clearSiteData: boolean
  /** Where to sign out at a provider without `end_session_endpoint` (STANDARDS LO-4). */
  readonly providerLogoutUrl?: string | undefined
  readonly emit: Emit
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

/** `POST /oauth2/logout`, from our own pages only (STANDARDS CS-8). */
export function logoutEndpoint(options: LogoutEndpointOptions): Handler {
  return async (request, reply) => {
    if (isCrossSite(request, reply, options)) return reply
    return signOut(request, reply, options)
  }
}

/** `GET /oauth2/logout`: when typed in or linked from our own pages; a question for everyone else (STANDARDS CS-8). */
export function logoutLinkEndpoint(options: LogoutEndpointOptions): Handler {
  return async (request, reply) => {
    if (isMeant(request)) return signOut(request, reply, options)
    return askFirst(request, reply)
  }
}

function isMeant(request: FastifyRequest): boolean {
  const { fetchSite, prefetch } = requestFacts('GET', request.headers)
  const destination = request.headers['sec-fetch-dest'] ?? 'document'
  // An image that users of the application may post is same-origin too.
  const isOpened = destination === 'document' || destination === 'empty'
  return isOpened && !prefetch && (fetchSite === 'same-origin' || fetchSite === 'none')
}

/** Here first, then at the provider: the first part works while the provider is down (STANDARDS LO-1). */
async function signOut(
  request: FastifyRequest,
  reply: FastifyReply,
  options: LogoutEndpointOptions,
): Promise<FastifyReply> {
  const entrance = entranceOf(request.raw)
  const returnTo = wishedReturnTo(entrance)
  const ticket = options.sessionCookie.read(request.headers.cookie)
  const record = ticket && (await options.sessions.end(ticket, 'session_revoked'))
  if (request.headers.cookie !== undefined) options.sessionCookie.clear(reply)
  options.emit({ type: 'logout', kind: 'user', ...whoseSession(record), ...actorOf(entrance) })
  if (options.revoke && record?.refreshToken !== undefined) {
    void revokeRefreshToken(options.provider, record.refreshToken) // bounded, never throws, nobody waits
  }
  if (options.clearSiteData) reply.header('clear-site-data', '"cache", "storage"')
  return reply
    .headers(plainHeaders(entrance))
    .redirect(nextStop(record, options.logoutState.seal(returnTo), options), 303)
}

function nextStop(
  record: SessionRecord | undefined,
  state: string,
  { provider, providerLogoutUrl }: LogoutEndpointOptions,
): string {
  const hint = record?.idToken === undefined ? {} : { idToken: record.idToken }
  return (
    endSessionRequest(provider, { ...hint, state }) ??
    providerLogoutUrl ??
    `/oauth2/logout/callback?state=${state}`
  )
}

function askFirst(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const entrance = entranceOf(request.raw)
  const returnTo = wishedReturnTo(entrance)
  const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`
  const { title, paragraphs, icon, signOut: label, stay } = CONFIRM_SIGN_OUT
  const ways = [
    { label, postTo: `/oauth2/logout${query}` },
    { label: stay, href: '/' },
  ]
  return sendPage(request, reply, { title, paragraphs, icon, ways })
}

function wishedReturnTo(entrance: Entrance): string | undefined {
  const wish = queryParameters(entrance).get('return_to')
  return wish === null ? undefined : parseReturnTo(wish)
}

function whoseSession(record: SessionRecord | undefined): object {
  if (record === undefined) return {}
  const { issuer, subject, sid } = record
  return { issuer, subject, ...(sid === undefined ? {} : { sid }) }
}
