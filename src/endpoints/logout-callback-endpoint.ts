import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import { plainHeaders } from '../http/refusal.ts'
import { SIGNED_OUT } from '../http/texts/own-page-texts.ts'
import type { LogoutState } from './logout-state.ts'
import { sendPage } from './own-page.ts'
import { queryParameters } from './query-parameters.ts'

export interface LogoutCallbackOptions {
  readonly logoutState: LogoutState
  /** Local path from the configuration. Absent: our signed-out page. */
  readonly postLogoutRedirect?: string | undefined
}

/**
 * `GET /oauth2/logout/callback`: where the provider sends the browser after sign-out. Leads to the
 * place wished for at logout, the configured one, or our page; nowhere else (STANDARDS LO-3).
 */
export function logoutCallbackEndpoint({ logoutState, postLogoutRedirect }: LogoutCallbackOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    const state = queryParameters(entrance).get('state')
    const place = logoutState.open(state) ?? postLogoutRedirect
    if (place !== undefined) return reply.headers(plainHeaders(entrance)).redirect(place, 303)
    const { title, paragraphs, icon, signIn } = SIGNED_OUT
    const ways = [{ label: signIn, href: '/oauth2/login' }]
    return sendPage(request, reply, { title, paragraphs, icon, ways })
  }
}
