import type { FastifyReply, FastifyRequest } from 'fastify'
import { upstreamRequestHeaders } from '../domain/request-headers.ts'
import { upstreamPath } from '../domain/upstream-path.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { Exchange } from './exchange.ts'
import { warnOfLostHeaders } from './lost-headers.ts'
import { announcedBodyBytes } from './message-body.ts'
import { requestHeaderFacts } from './request-header-facts.ts'
import type { Passage, TransferLine } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'

/**
 * Hands one admitted request to its upstream and the answer to the client, without the framework's stream layer in
 * between (STACK §5). What cannot be sent is refused here, before the upstream hears of it.
 */
export function transfer(
  line: TransferLine,
  request: FastifyRequest,
  reply: FastifyReply,
  passage: Passage,
): void {
  const { raw } = request
  const entrance = entranceOf(raw)
  const path = entrance.target === undefined ? undefined : upstreamPath(line.route, entrance.target)
  if (path === undefined) return turnAway(request, reply, 'path_refused')
  const bodyBytes = announcedBodyBytes(raw)
  if (typeof bodyBytes === 'number' && bodyBytes > line.route.maxBodyBytes) {
    return turnAway(request, reply, 'body_too_large')
  }
  if (line.pool.calls >= line.pool.maxCalls) return turnAway(request, reply, 'overloaded')
  const facts = requestHeaderFacts(line, raw, entrance, passage)
  const built = upstreamRequestHeaders(raw.rawHeaders, line.requestPlan, facts)
  if (built.kind === 'refused') return turnAway(request, reply, built.reason)
  if (built.tooLong.length > 0) warnOfLostHeaders(line, built.tooLong)
  for (const name of built.forged)
    line.emit({ type: 'header_stripped', name, ...actorOf(entrance) })
  const hasBody = bodyBytes !== undefined && bodyBytes !== 0
  const question = {
    path,
    method: entrance.method,
    servername: line.servername,
    headers: built.headers as string[],
    body: hasBody ? raw : null,
  }
  const { session, bearer } = passage
  new Exchange(line, { request, reply, entrance, session, bearer }, question).start()
}
