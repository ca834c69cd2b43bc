import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import type { SessionRecord } from '../domain/session-record.ts'
import { actorOf, entranceOf, type Entrance } from '../http/entrance.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'
import { plainHeaders } from '../http/refusal.ts'
import { CONFIRM_SIGN_OUT } from '../http/texts/own-page-texts.ts'
import { endSessionRequest } from '../oidc/end-session-request.ts'
import { revokeRefreshToken } from '../oidc/token-revocation.ts'
import type { LogoutState } from './logout-state.ts'
import { sendPage } from './own-page.ts'
import { isCrossSite } from './own-session.ts'
import { queryParameters } from './query-parameters.ts'
import { sendSignedOutHere, signOutLinks } from './sign-out-links.ts'
import { wishedProviders } from './wished-providers.ts'

export interface LogoutEndpointOptions {
  readonly entries: ProviderEntries
  readonly logoutState: LogoutState
  readonly trustedOrigins: readonly string[]
  readonly revoke: boolean
  readonly clearSiteData: boolean
  /** Where to sign out at a provider without `end_session_endpoint` (STANDARDS LO-4). */
  readonly providerLogoutUrl?: string | undefined
  /** Local path from the configuration to land on. Absent: our signed-out page. */
  readonly postLogoutRedirect?: string | undefined
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

interface EndedSession {
  readonly entry: ProviderEntry
  readonly record: SessionRecord
}

/** Here first, then at the provider: the first part works while the provider is down (STANDARDS LO-1). */
async function signOut(
  request: FastifyRequest,
  reply: FastifyReply,
  options: LogoutEndpointOptions,
): Promise<FastifyReply> {
  const entrance = entranceOf(request.raw)
  const returnTo = wishedReturnTo(entrance)
  const wished = wishedProviders(queryParameters(entrance), options.entries)
  const ended: EndedSession[] = []
  for (const entry of wished) {
    const record = await endHere(entry, request, reply)
    if (record === undefined) continue
    ended.push({ entry, record })
    forget({ entry, record }, entrance, options)
  }
  if (ended.length === 0) options.emit({ type: 'logout', kind: 'user', ...actorOf(entrance) })
  if (options.clearSiteData) reply.header('clear-site-data', '"cache", "storage"')
  return sendOn(request, reply, { wished, ended, returnTo, options })
}

async function endHere(
  { sessions, sessionCookie }: ProviderEntry,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<SessionRecord | undefined> {
  const { cookie } = request.headers
  const ticket = sessionCookie.read(cookie)
  const record = ticket && (await sessions.end(ticket, 'session_revoked'))
  if (cookie?.includes(sessionCookie.name) === true) sessionCookie.clear(reply)
  return record
}

function forget(
  { entry, record }: EndedSession,
  entrance: Entrance,
  { revoke }: LogoutEndpointOptions,
): void {
  entry.emit({ type: 'logout', kind: 'user', ...whoseSession(record), ...actorOf(entrance) })
  if (revoke && record.refreshToken !== undefined) {
    void revokeRefreshToken(entry.provider, record.refreshToken) // bounded, never throws, nobody waits
  }
}

interface SignedOut {
  readonly wished: ProviderEntries
  readonly ended: readonly EndedSession[]
  readonly returnTo: string | undefined
  readonly options: LogoutEndpointOptions
}

/** To the provider where there was one to sign out at; of several, a page with a link to each: no redirect ends all. */
function sendOn(
  request: FastifyRequest,
  reply: FastifyReply,
  { wished, ended, returnTo, options }: SignedOut,
): FastifyReply {
  const { logoutState, postLogoutRedirect } = options
  if (ended.length > 1) {
    const there = ended.map(({ entry, record }) => ({ entry, idToken: record.idToken }))
    const links = signOutLinks(there, { logoutState, returnTo })
    if (links.length > 0)
      return sendSignedOutHere(request, reply, links, returnTo ?? postLogoutRedirect)
  }
  const [sole, another] = ended
  const asked = wished.length === 1 ? { entry: wished[0] } : undefined
  const there = another === undefined ? (sole ?? asked) : undefined
  const state = logoutState.seal(returnTo === undefined ? {} : { returnTo })
  return reply
    .headers(plainHeaders(entranceOf(request.raw)))
    .redirect(nextStop(there, state, options), 303)
}

function nextStop(
  there: { readonly entry: ProviderEntry; readonly record?: SessionRecord } | undefined,
  state: string,
  { providerLogoutUrl }: LogoutEndpointOptions,
): string {
  const hint = there?.record?.idToken === undefined ? {} : { idToken: there.record.idToken }
  const atProvider = there && endSessionRequest(there.entry.provider, { ...hint, state })
  return atProvider ?? providerLogoutUrl ?? `/oauth2/logout/callback?state=${state}`
}

function askFirst(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const entrance = entranceOf(request.raw)
  const returnTo = wishedReturnTo(entrance)
  const provider = queryParameters(entrance).get('provider')
  const query = new URLSearchParams({
    ...(returnTo === undefined ? {} : { return_to: returnTo }),
    ...(provider === null ? {} : { provider }),
  })
  const { title, paragraphs, icon, signOut: label, stay } = CONFIRM_SIGN_OUT
  const ways = [
    { label, postTo: query.size === 0 ? '/oauth2/logout' : `/oauth2/logout?${query}` },
    { label: stay, href: '/' },
  ]
  return sendPage(request, reply, { title, paragraphs, icon, ways })
}

function wishedReturnTo(entrance: Entrance): string | undefined {
  const wish = queryParameters(entrance).get('return_to')
  return wish === null ? undefined : parseReturnTo(wish)
}

function whoseSession({ issuer, subject, sid }: SessionRecord): object {
  return { issuer, subject, ...(sid === undefined ? {} : { sid }) }
}
