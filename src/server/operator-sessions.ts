import type { IncomingMessage } from 'node:http'
import type { Actor, Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import type { SessionOperations } from '../domain/session-operations.ts'
import { TEXT_OF_REASON } from '../http/texts/reason-texts.ts'
import type { Answer, Page } from './admin-answer.ts'
import {
  formParameters,
  jsonParameters,
  listWish,
  OperatorParameterError,
  sessionSelection,
  type Parameters,
} from './operator-parameters.ts'
import type { PeerOf } from './operator-peer.ts'
import { createOperatorRequestRule } from './operator-request.ts'
import { sessionRow } from './session-row.ts'
import { readSmallBody } from './small-body.ts'

export interface OperatorSessionsOptions {
  readonly operations: SessionOperations
  /** Whose subjects and sids there are; a sole one is meant unless a request says otherwise. */
  readonly issuers: () => readonly string[]
  /** Where the admin listener listens. */
  readonly adminHost: string
  readonly peerOf: PeerOf
  readonly randomId: () => string
  readonly emit: Emit
}

const MOST_BODY_BYTES = 8_192

/** `GET /sessions` and `POST /sessions/end`: for operators, not for web pages in their browsers (SE-14). */
export function operatorSessionPages(options: OperatorSessionsOptions): Record<string, Page> {
  const { operations, issuers, emit } = options
  const refusalOf = createOperatorRequestRule(options.adminHost)

  function guarded(run: (request: IncomingMessage, actor: Actor) => Promise<Answer>) {
    return async (request: IncomingMessage): Promise<Answer> => {
      const { method = '', headers } = request
      const peer = options.peerOf(request)
      const actor = { requestId: options.randomId(), clientAddress: peer }
      const reason = refusalOf({ method, headers, peer })
      if (reason === undefined) return run(request, actor).catch((error) => failed(error, emit))
      emit({ type: 'cross_site_blocked', reason, ...actor })
      return refused(reason)
    }
  }

  async function list(request: IncomingMessage): Promise<Answer> {
    const query = request.url?.split('?').slice(1).join('?') ?? ''
    const { selection, page } = listWish(formParameters(query), issuers())
    const { sessions, cursor } = await operations.list(selection, page)
    return json(200, {
      sessions: sessions.map(sessionRow),
      ...(cursor === undefined ? {} : { next: cursor }),
    })
  }

  async function end(request: IncomingMessage, actor: Actor): Promise<Answer> {
    const parameters = await bodyParameters(request)
    if (parameters === undefined) return refused('body_too_large')
    const selection = sessionSelection(parameters, issuers())
    const count = await operations.end(selection)
    const { kind: _, ...whose } = selection.kind === 'key' ? { kind: 'all' } : selection
    emit({ type: 'logout', kind: 'operator', sessionCount: count, ...whose, ...actor })
    return json(200, { ended: count })
  }

  return {
    '/sessions': { methods: ['GET', 'HEAD'], answer: guarded(list) },
    '/sessions/end': { methods: ['POST'], answer: guarded(end) },
  }
}

async function bodyParameters(request: IncomingMessage): Promise<Parameters | undefined> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json' && type !== 'application/x-www-form-urlencoded') {
    throw new OperatorParameterError('the body is neither JSON nor a form')
  }
  const text = await readSmallBody(request, MOST_BODY_BYTES)
  if (text === undefined) return undefined
  return type === 'application/json' ? jsonParameters(text) : formParameters(text)
}

function failed(error: unknown, emit: Emit): Answer {
  if (error instanceof OperatorParameterError) return refused('parameter_refused', error.message)
  if (!(error instanceof GatewayError)) throw error
  emit({ type: 'store_failed', operation: 'operator_sessions', cause: error })
  return refused(error.reason)
}

function refused(reason: Reason, detail = TEXT_OF_REASON[reason].detail): Answer {
  const status = STATUS_OF_REASON[reason]
  const type = `urn:bearergate:reason:${reason}`
  const { title } = TEXT_OF_REASON[reason]
  const answer = json(status, { type, title, status, detail, reason })
  return { ...answer, type: 'application/problem+json; charset=utf-8' }
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}
