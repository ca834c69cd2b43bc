import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HeaderSource } from '../domain/header-source.ts'
import { addConfiguredHeaders } from '../domain/own-request-headers.ts'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import { stepUpParameters } from '../domain/step-up.ts'
import { returnToTarget } from '../domain/return-to.ts'
import type { Route } from '../domain/route.ts'
import { actorOf, entranceOf, type Entrance } from '../http/entrance.ts'
import { VERIFY_PATH } from '../http/forwarded-request.ts'
import { loginAtParameter, loginHref } from '../http/login-href.ts'
import { plainHeaders, refuse, type RefusalExtra } from '../http/refusal.ts'
import { admissionTo, type Admit } from './admission-at-several.ts'
import type { Admission } from './admission.ts'
import { warnOfLostHeaders } from './lost-headers.ts'
import type { ProxyContext, ProxyOf } from './proxy-context.ts'
import type { Passage } from './transfer-line.ts'

export interface VerifyEndpointOptions {
  readonly proxyOf: ProxyOf
  /** 32 bytes that the asking proxy has to know. */
  readonly key: Uint8Array
}

/** One question, with what it takes to answer it. */
interface Question {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly entrance: Entrance
  /** The asking proxy hands our whole answer to the client, whatever its status. */
  readonly passesAnswers: boolean
}

/**
 * `/oauth2/verify`, any method: whether a request that another proxy holds may pass. The door has read the request asked
 * about; the decision is the one a forwarded request gets. 204 with headers to copy, 401 or 403 (STANDARDS FW-10); with
 * `login=redirect` a login starts here and refusals keep their own status.
 */
export async function verifyEndpoint(
  scope: FastifyInstance,
  { proxyOf, key }: VerifyEndpointOptions,
): Promise<void> {
  const guardOf = guardsOf(proxyOf)
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  scope.addHook('onRequest', async ({ headers }) => {
    if (headers['content-type'] !== undefined) headers['content-type'] = 'application/octet-stream'
  })
  scope.all(VERIFY_PATH, async (request, reply) => {
    const entrance = entranceOf(request.raw)
    const parameters = request.query as Readonly<Record<string, unknown>>
    if (!isKey(request.headers['x-bearergate-key'] ?? parameters['key'], key)) {
      entrance.session = undefined
      return refuse(request, reply, 'verify_refused', {
        cause: new Error('no key, or a wrong one'),
      })
    }
    const passesAnswers = parameters['login'] === 'redirect'
    return answer({ request, reply, entrance, passesAnswers }, guardOf)
  })
}

function isKey(sent: unknown, key: Uint8Array): boolean {
  if (typeof sent !== 'string') return false
  const bytes = Buffer.from(sent, /^[0-9a-f]{64}$/i.test(sent) ? 'hex' : 'base64')
  return bytes.length === key.length && timingSafeEqual(bytes, key)
}

interface RouteGuard {
  readonly proxy: ProxyContext
  readonly admit: Admit
}

type GuardOf = (route: Route) => RouteGuard

/** Made once for each route, at its first question. */
function guardsOf(proxyOf: ProxyOf): GuardOf {
  const made = new Map<Route, RouteGuard>()
  return (route) => {
    const known = made.get(route)
    if (known !== undefined) return known
    const proxy = proxyOf(route)
    const guard = { proxy, admit: admissionTo(route, proxy) }
    made.set(route, guard)
    return guard
  }
}

async function answer(question: Question, guardOf: GuardOf): Promise<FastifyReply> {
  const { request, entrance } = question
  const { refusal, route } = entrance
  if (refusal !== undefined) return refused(question, refusal.reason)
  if (route === undefined) return refused(question, 'route_not_found')
  const { proxy, admit } = guardOf(route)
  if (proxy.load.isOverloaded()) return refused(question, 'overloaded')
  const admission = await admit(askedRequest(request.raw, entrance))
  switch (admission.kind) {
    case 'forward':
      return passed(question, route, { admission, emit: proxy.emit })
    case 'login':
      return login(question, proxy, admission)
    case 'refuse':
      tellOfBlocked(question, proxy, { route, reason: admission.reason })
      return refused(question, admission.reason, admission)
  }
}

/** Whoever asks leaves out what is only between two peers, so a WebSocket shows by its key alone (STANDARDS CS-6). */
function askedRequest({ headers, rawHeaders }: IncomingMessage, { method }: Entrance) {
  if (headers['sec-websocket-key'] === undefined) return { method, headers, rawHeaders }
  return {
    method,
    rawHeaders,
    headers: { ...headers, connection: 'upgrade', upgrade: 'websocket' },
  }
}

interface Let {
  readonly admission: Extract<Admission, { kind: 'forward' }>
  readonly emit: ProxyContext['emit']
}

function passed(
  { reply, entrance }: Question,
  route: Route,
  { admission, emit }: Let,
): FastifyReply {
  const { session, token } = admission
  entrance.session = session
  const own: string[] = token === undefined ? [] : ['authorization', `Bearer ${token}`]
  const configured = { set: route.headers.set, identityHeader: route.identity?.header }
  const tooLong = addConfiguredHeaders(own, configured, headerSource(entrance, admission))
  if (tooLong.length > 0) warnOfLostHeaders({ emit, route }, tooLong)
  for (let at = 0; at < own.length; at += 2) reply.header(own[at]!, own[at + 1])
  return reply.code(204).headers(plainHeaders(entrance)).send()
}

function headerSource(
  entrance: Entrance,
  { bearer, identity }: Pick<Passage, 'bearer' | 'identity'>,
): HeaderSource {
  const { requestId, method, authority = '', target, clientAddress, session } = entrance
  const path = target?.path ?? ''
  const record = session?.record
  return {
    requestId,
    method,
    host: authority,
    path,
    clientAddress,
    session: record,
    claims: record?.claims ?? bearer?.claims,
    identity,
  }
}

/** A proxy that can pass nothing on is told where the login is (nginx turns the 401 into a redirect to it). */
function login(
  { request, reply, entrance, passesAnswers }: Question,
  proxy: ProxyContext,
  { stepUp, issuer }: Extract<Admission, { kind: 'login' }>,
): Promise<FastifyReply> | FastifyReply {
  const returnTo = entrance.target === undefined ? '/' : returnToTarget(entrance.target)
  if (passesAnswers) {
    return stepUp === undefined
      ? proxy.startLogin(request, reply, { returnTo, attempt: 0, parameters: {} })
      : proxy.startStepUp(request, reply, {
          returnTo,
          stepUp,
          ...(issuer === undefined ? {} : { issuer }),
        })
  }
  const at = loginAtParameter(entrance.route?.loginAt)
  const asked = stepUp === undefined ? {} : stepUpParameters(stepUp)
  const href = loginHref(returnTo, { ...asked, ...at })
  const headers = { 'x-auth-login-url': entrance.site.publicUrl.origin + href }
  if (stepUp === undefined) return refuse(request, reply, 'no_session', { headers })
  const lack = { reason: 'step_up_required', stepUp } as const
  return refuse(request, reply, lack.reason, { headers, lack })
}

/** Of our statuses a proxy may know 401 and 403 only; what is no fault of the client's stays. */
function refused(
  { request, reply, passesAnswers }: Question,
  reason: Reason,
  extra: RefusalExtra = {},
): FastifyReply {
  const status = STATUS_OF_REASON[reason]
  const isFolded = status < 500 && status !== 401 && !passesAnswers
  return refuse(request, reply, reason, isFolded ? { ...extra, status: 403 } : extra)
}

function tellOfBlocked(
  { entrance }: Question,
  { emit }: ProxyContext,
  { route, reason }: { readonly route: Route; readonly reason: Reason },
): void {
  if (reason !== 'cross_site_refused' && reason !== 'origin_refused') return
  emit({ type: 'cross_site_blocked', reason, routeId: route.id, ...actorOf(entrance) })
}
