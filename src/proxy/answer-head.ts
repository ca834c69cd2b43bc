import { withCors } from '../domain/cors.ts'
import { clientResponseHeaders } from '../domain/response-headers.ts'
import type { AnswerHead } from './client-answer.ts'
import type { ExchangeClient } from './exchange-client.ts'
import { declaredLength, dropLength } from './response-framing.ts'
import type { TransferLine } from './transfer-line.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** The head of an upstream's answer. */
export interface UpstreamHead {
  readonly status: number
  readonly statusText: string
  /** name, value, name, value … */
  readonly rawHeaders: readonly Buffer[]
}

/** The head that the client gets for it: what its fields may say, and how its body will be framed (HX-23, HX-32). */
export function answerHead(
  line: TransferLine,
  { request, session, bearer }: ExchangeClient,
  call: UpstreamCall,
  { status, statusText, rawHeaders }: UpstreamHead,
): AnswerHead {
  const isKnown = session !== undefined || bearer !== undefined
  const { cors } = line.route
  let headers = clientResponseHeaders(rawHeaders, line.responsePlan, isKnown)
  if (cors !== undefined) headers = withCors(headers, cors, request.headers.origin)
  if (status === 204) dropLength(headers)
  if (call.isAnsweredEarly) headers.push('connection', 'close')
  const declaredBytes = declaredLength(rawHeaders, call.question.method, status)
  return { status, statusText, headers, declaredBytes }
}
