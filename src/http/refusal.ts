import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { prefersHtml } from '../domain/html-preference.ts'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import type { Lack } from '../domain/requirement.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { stepUpParameters, type StepUp } from '../domain/step-up.ts'
import { bearerChallenge } from './bearer-challenge.ts'
import { entranceOf, type Entrance } from './entrance.ts'
import { pageHeaders, renderPage } from './page.ts'
import { loginAtParameter, loginHref } from './login-href.ts'
import { refusalPage } from './refusal-page.ts'
import { TEXT_OF_REASON } from './texts/reason-texts.ts'

export interface RefusalExtra {
  /** Evidence for the log; never shown. */
  readonly cause?: unknown
  readonly retryAfterSeconds?: number
  /** Where "sign in again" leads; default: the login endpoint. */
  readonly loginUrl?: string
  /** The `provider` that a login has to name; default: what the route says. */
  readonly loginAt?: string | undefined
  /** Where "try again" or "continue" leads: a local path that was checked. */
  readonly retryUrl?: string
  /** The error code the provider gave (RFC 6749 §4.1.2.1): shown beside the request id. */
  readonly providerError?: string
  readonly headers?: Readonly<Record<string, string>>
  /** One plain sentence for the problem document; never from a library or the provider. */
  readonly detail?: string
  /** Instead of the reason's own, for a proxy in front that understands no other. */
  readonly status?: number
  /** For 405. */
  readonly allow?: readonly string[] | undefined
  /** What the caller would need to be let in. */
  readonly lack?: Lack
  /** What the caller came with, or should have: no login helps them. */
  readonly credential?: 'bearer'
  /** The login that failed to be good enough. */
  readonly stepUp?: StepUp
  /** The form that was refused, sealed: it can be sent after a login. */
  readonly keptForm?: { readonly id: string; readonly sealed: string }
}

const RETRY_AFTER_SECONDS = 5
const WORTH_READING_BYTES = 65_536

/**
 * Answers with a refusal: a page for whoever navigates, `application/problem+json` (RFC 9457) for
 * everyone else. Notes the reason for the access line.
 */
export function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  reason: Reason,
  extra: RefusalExtra = {},
): FastifyReply {
  const entrance = entranceOf(request.raw)
  entrance.reason = reason
  if (extra.cause !== undefined) entrance.cause = extra.cause
  reply.code(extra.status ?? STATUS_OF_REASON[reason])
  reply.headers({ ...refusalHeaders(reason, entrance, extra), ...extra.headers })
  if (leavesMuchUnread(request.raw)) reply.header('connection', 'close')
  const facts = requestFacts(entrance.method, request.headers)
  if (prefersHtml(request.headers.accept, facts)) {
    const page = refusalPage(entrance, reason, extra)
    return reply.headers(pageHeaders(page)).send(renderPage(page))
  }
  return reply
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem(reason, entrance, extra)))
}

/** Reading on only to keep the connection would cost more than a new one. */
function leavesMuchUnread({ headers, complete }: IncomingMessage): boolean {
  if (complete) return false
  const length = Number(headers['content-length'] ?? 0)
  return headers['transfer-encoding'] !== undefined || length > WORTH_READING_BYTES
}

/** The problem document of a refusal (RFC 9457 §3.1). */
export function problem(
  reason: Reason,
  entrance: Entrance | undefined,
  extra: RefusalExtra = {},
): Record<string, unknown> {
  const status = extra.status ?? STATUS_OF_REASON[reason]
  return {
    type: `urn:bearergate:reason:${reason}`,
    title: TEXT_OF_REASON[reason].title,
    status,
    detail: extra.detail ?? TEXT_OF_REASON[reason].detail,
    reason,
    request_id: entrance?.requestId,
    ...(extra.lack === undefined ? {} : { needed: neededOf(extra.lack) }),
    ...(status === 401 && extra.credential !== 'bearer'
      ? { login_url: extra.loginUrl ?? loginUrlOf(entrance, extra) }
      : {}),
  }
}

/** Names of claims only: which values let others in is nobody's business. */
function neededOf(lack: Lack): Record<string, unknown> {
  switch (lack.reason) {
    case 'claims_unmet':
      return { claims: lack.claims }
    case 'insufficient_scope':
      return { scope: lack.scope.join(' ') }
    case 'step_up_required':
      return stepUpParameters(lack.stepUp)
  }
}

/** A login that lives up to what was asked; a script adds `return_to`. */
function loginUrlOf(
  entrance: Entrance | undefined,
  { lack, loginAt = entrance?.route?.loginAt }: RefusalExtra,
): string | undefined {
  if (entrance === undefined) return undefined
  const stepUp = lack?.reason === 'step_up_required' ? stepUpParameters(lack.stepUp) : {}
  return (
    entrance.site.publicUrl.origin + loginHref('/', { ...stepUp, ...loginAtParameter(loginAt) })
  )
}

/** The fields that a refusal's status and reason call for. */
export function refusalHeaders(
  reason: Reason,
  entrance: Entrance | undefined,
  extra: RefusalExtra = {},
): Record<string, string> {
  const status: number = extra.status ?? STATUS_OF_REASON[reason]
  const headers = plainHeaders(entrance)
  const challenge = bearerChallenge(reason, status, extra)
  if (challenge !== undefined) headers['www-authenticate'] = challenge
  if (status === 503 || status === 429) {
    headers['retry-after'] = String(extra.retryAfterSeconds ?? RETRY_AFTER_SECONDS)
  }
  if (status === 426) {
    headers['upgrade'] = 'websocket' // RFC 9110 §15.5.22
    headers['connection'] = 'upgrade'
  }
  if (extra.allow !== undefined) headers['allow'] = extra.allow.join(', ')
  return headers
}

/** On everything of ours (STANDARDS ER-6, ER-9). */
export function plainHeaders(entrance: Entrance | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
  if (entrance === undefined) return headers
  headers['x-request-id'] = entrance.requestId
  if (entrance.site.publicUrl.protocol === 'https:') {
    headers['strict-transport-security'] = 'max-age=31536000'
  }
  return headers
}
