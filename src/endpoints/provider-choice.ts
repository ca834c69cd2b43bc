import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import type { ProviderEntry } from '../http/provider-entry.ts'
import { CHOOSE_PROVIDER } from '../http/texts/own-page-texts.ts'
import { sendPage } from './own-page.ts'

/** A page with one link for each provider, each the link that led here with that provider named. It starts no login. */
export function chooseProvider(
  request: FastifyRequest,
  reply: FastifyReply,
  entries: readonly ProviderEntry[],
): FastifyReply {
  const { title, paragraphs, icon } = CHOOSE_PROVIDER
  const query = entranceOf(request.raw).target?.query
  const ways = entries.map(({ name, title: label }) => {
    const parameters = new URLSearchParams(query)
    parameters.set('provider', name)
    return { label, href: `/oauth2/login?${parameters}` }
  })
  return sendPage(request, reply, { title, paragraphs, icon, ways, equalWays: true })
}
