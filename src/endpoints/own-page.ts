import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import { htmlHeaders, renderPage, type Page } from '../http/page.ts'
import { plainHeaders } from '../http/refusal.ts'

/** Sends one of our pages that is no refusal. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Omit<Page, 'requestId' | 'host'>,
  formAction?: string,
): FastifyReply {
  const entrance = entranceOf(request.raw)
  const { requestId, site } = entrance
  return reply
    .headers({ ...plainHeaders(entrance), ...htmlHeaders(formAction) })
    .send(renderPage({ ...page, requestId, host: site.publicUrl.host }))
}
