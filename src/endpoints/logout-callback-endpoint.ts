import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import type { ProviderEntries } from '../http/provider-entry.ts'
import { plainHeaders } from '../http/refusal.ts'
import { SIGNED_OUT } from '../http/texts/own-page-texts.ts'
import type { LogoutState } from './logout-state.ts'
import { sendPage } from './own-page.ts'
import { sendSignedOutHere, signOutLinks } from './sign-out-links.ts'
import { queryParameters } from './query-parameters.ts'

export interface LogoutCallbackOptions {
  readonly entries: ProviderEntries
  readonly logoutState: LogoutState
  /** Local path from the configuration. Absent: our signed-out page. */
  readonly postLogoutRedirect?: string | undefined
}

/**
 * `GET /oauth2/logout/callback`: where the provider sends the browser after sign-out. Leads to the
 * place wished for at logout, the configured one, or our page; nowhere else (STANDARDS LO-3). Where other providers may still
 * know the user, a page with these comes first.
 */
export function logoutCallbackEndpoint(options: LogoutCallbackOptions) {
  const { entries, logoutState, postLogoutRedirect } = options
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    const state = queryParameters(entrance).get('state')
    const { returnTo, rest = [] } = logoutState.open(state)
    const place = returnTo ?? postLogoutRedirect
    const there = entries.filter(({ name }) => rest.includes(name)).map((entry) => ({ entry }))
    const links = signOutLinks(there, { logoutState, returnTo })
    if (links.length > 0) return sendSignedOutHere(request, reply, links, place)
    if (place !== undefined) return reply.headers(plainHeaders(entrance)).redirect(place, 303)
    const { title, paragraphs, icon, signIn } = SIGNED_OUT
    const ways = [{ label: signIn, href: '/oauth2/login' }]
    return sendPage(request, reply, { title, paragraphs, icon, ways })
  }
}
