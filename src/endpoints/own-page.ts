import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import { pageHeaders, renderPage, type Page } from '../http/page.ts'
import { plainHeaders } from '../http/refusal.ts'

/** Sends one of our pages that is no refusal. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Omit<Page, 'requestId' | 'host'>,
): FastifyReply {
  const entrance = entranceOf(request.raw)
  const { requestId, site } = entrance
  return reply
    .headers({ ...plainHeaders(entrance), ...pageHeaders(page) })
    .send(renderPage({ ...page, requestId, host: site.publicUrl.host }))
}
