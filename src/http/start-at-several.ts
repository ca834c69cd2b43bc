import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LoginWish } from '../domain/login-transaction.ts'
import { stepUpParameters } from '../domain/step-up.ts'
import { entranceOf } from './entrance.ts'
import { loginHref } from './login-href.ts'
import type { ProviderEntry } from './provider-entry.ts'
import { plainHeaders } from './refusal.ts'
import type { StartLogin } from './start-login.ts'
import type { StartStepUp } from './start-step-up.ts'

/**
 * The starts of a route that takes several providers: a new login goes to the page where the person chooses one of them; a
 * stronger one is the business of the provider whose session is not enough.
 */
export function createStartAtSeveral(entries: readonly ProviderEntry[]): {
  readonly startLogin: StartLogin
  readonly startStepUp: StartStepUp
} {
  const provider = entries.map(({ name }) => name).join(',')
  const choose = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { returnTo, stepUp }: Pick<LoginWish, 'returnTo' | 'stepUp'>,
  ) => {
    const entrance = entranceOf(request.raw)
    const asked = stepUp === undefined ? {} : stepUpParameters(stepUp)
    const href = loginHref(returnTo, { ...asked, provider })
    return reply
      .headers(plainHeaders(entrance))
      .redirect(entrance.site.publicUrl.origin + href, 302)
  }
  return {
    startLogin: choose,
    startStepUp: (request, reply, wish) => {
      const entry = entries.find(({ issuer }) => issuer === wish.issuer)
      const start = entry?.startStepUp ?? choose
      return start(request, reply, wish)
    },
  }
}
