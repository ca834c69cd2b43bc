import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginTransaction } from '../domain/login-transaction.ts'
import type { Reason } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { formOfReturnTo, parseReturnTo } from '../domain/return-to.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import type { SignIn } from '../domain/sign-in.ts'
import type { StepUp } from '../domain/step-up.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import type { LoginLimit } from '../http/login-limit.ts'
import { loginAtParameter } from '../http/login-href.ts'
import type { LoginTransactionCookie } from '../http/login-transaction-cookie.ts'
import { TICKET_GRACE_SECONDS } from '../http/own-cookies.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'
import { plainHeaders, refuse, type RefusalExtra } from '../http/refusal.ts'
import type { LoginTrace } from '../http/session-cookie.ts'
import { subjectMark } from '../http/subject-mark.ts'
import { SIGNED_IN } from '../http/texts/own-page-texts.ts'
import { authorizationCodeGrant } from '../oidc/authorization-code-grant.ts'
import { ProviderError } from '../oidc/provider-error.ts'
import { sendPage } from './own-page.ts'
import { ownSession } from './own-session.ts'
import { queryParameters } from './query-parameters.ts'

export interface CallbackEndpointOptions {
  readonly entries: ProviderEntries
  readonly sessions: SessionEngine
  readonly transactionCookie: LoginTransactionCookie
  readonly loginLimit: LoginLimit
  readonly sameSite: 'lax' | 'strict'
  /** Absolute lifetime of a session; its cookie stays a little longer. */
  readonly lifetimeMs: number
  readonly emit: Emit
}

/** One request to the callback, with what it takes to answer it. */
interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly options: CallbackEndpointOptions
}

/** The login that an answer belongs to, and where it began. */
interface Login {
  readonly transaction: LoginTransaction
  readonly entry: ProviderEntry
}

/**
 * `GET /oauth2/callback`, and `/oauth2/callback/NAME` where a provider has its own: turns the
 * provider's answer into a session, once (STANDARDS CB). Every outcome is a redirect to a clean
 * local address or a page with a way on.
 */
export function callbackEndpoint(options: CallbackEndpointOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const visit: Visit = { request, reply, options }
    if (requestFacts('GET', request.headers).prefetch) {
      return refuse(request, reply, 'no_session') // asked ahead of a click: the login is not spent (AT-44)
    }
    const retryAfterSeconds = await options.loginLimit.callback(request)
    if (retryAfterSeconds > 0) return refuseLogin(visit, 'rate_limited', { retryAfterSeconds })
    try {
      return await answer(visit, queryParameters(entranceOf(request.raw)))
    } catch (error) {
      return failed(visit, error)
    }
  }
}

async function answer(visit: Visit, parameters: URLSearchParams): Promise<FastifyReply> {
  const { reply, options } = visit
  const login = loginOf(visit, parameters.get('state'))
  if (login === undefined) return withoutTransaction(visit)
  const { transaction, entry } = login

  // Before the code is used: of parallel identical callbacks one goes on (CB-2).
  const isFirst = await options.sessions.consumeTransaction(transaction.state)
  if (!isFirst) return usedTransaction(visit, login)

  options.transactionCookie.clear(reply, transaction.state)
  try {
    checkCallback(visit, entry)
    const signIn = await authorizationCodeGrant(entry.provider, parameters, transaction)
    return await signedIn(visit, signIn, login)
  } catch (error) {
    return failed(visit, error, login)
  }
}

/** The transaction alone says which provider the browser was sent to, never what it brings back (STANDARDS AT-4). */
function loginOf({ request, options }: Visit, state: string | null): Login | undefined {
  if (state === null) return undefined
  const transaction = options.transactionCookie.read(request.headers.cookie, state)
  const entry = options.entries.find(({ name }) => name === (transaction?.provider ?? ''))
  return transaction === undefined || entry === undefined ? undefined : { transaction, entry }
}

/** An answer to another provider's redirect URI is not the answer to this request (RFC 9700 §4.4.2.2). */
function checkCallback({ request }: Visit, { callbackPath }: ProviderEntry): void {
  if (entranceOf(request.raw).target?.path === callbackPath) return
  throw new GatewayError('login_refused', 'the answer came to the callback of another provider')
}

/** A bookmark, the Back button, another browser's login, or cookies that are blocked (STANDARDS CB-12, CB-13). */
async function withoutTransaction(visit: Visit): Promise<FastifyReply> {
  const { request, options } = visit
  if (await isSignedIn(visit, options.entries)) return redirectTo('/', visit)
  const isAnyPending = options.transactionCookie.isAnyPending(request.headers.cookie)
  return refuseLogin(visit, isAnyPending ? 'login_state_unknown' : 'login_cookie_missing')
}

async function usedTransaction(visit: Visit, { transaction, entry }: Login): Promise<FastifyReply> {
  const returnTo = parseReturnTo(transaction.returnTo)
  if (await isSignedIn(visit, [entry])) return redirectTo(returnTo, visit)
  return refuse(visit.request, visit.reply, 'login_state_unknown', {
    retryUrl: returnTo,
    loginAt: entry.name,
  })
}

async function signedIn(
  visit: Visit,
  signIn: SignIn,
  { transaction, entry }: Login,
): Promise<FastifyReply> {
  const { request, reply, options } = visit
  const { sessions, lifetimeMs, sameSite } = options
  const { sessionCookie, emit } = entry
  const before = sessionCookie.read(request.headers.cookie)
  const ticket = await sessions.create(signIn, before) // a new id at every login (CB-8)
  const maxAgeSeconds = Math.floor(lifetimeMs / 1000) + TICKET_GRACE_SECONDS
  sessionCookie.write(reply, ticket, maxAgeSeconds, traceOf(signIn, transaction))
  const { issuer, subject, sid } = signIn
  const who = sid === undefined ? { issuer, subject } : { issuer, subject, sid }
  emit({ type: 'login_succeeded', ...who, ...actorOf(entranceOf(request.raw)) })
  const returnTo = parseReturnTo(transaction.returnTo) // checked again when used (CB-9)
  return sameSite === 'lax' ? redirectTo(returnTo, visit) : landOnPage(returnTo, visit)
}

/**
 * After a click at the provider, browsers send a Strict cookie neither here nor along a redirect
 * from here: a page of ours has to ask (STANDARDS SE-2).
 */
function landOnPage(returnTo: string, { request, reply }: Visit): FastifyReply {
  const { title, paragraphs, icon, goOn } = SIGNED_IN
  const ways = [{ label: goOn, href: returnTo }]
  return sendPage(request, reply, { title, paragraphs, icon, ways, movesOnTo: returnTo })
}

function failed(visit: Visit, error: unknown, login?: Login): FastifyReply | Promise<FastifyReply> {
  if (!(error instanceof GatewayError)) throw error
  if (login === undefined) return refuseLogin(visit, error.reason, { cause: error })
  const { transaction, entry } = login
  const loginAt = entry.name
  const returnTo = parseReturnTo(transaction.returnTo)
  if (error instanceof ProviderError && error.interactionRequired) {
    return askInteractively(visit, entry, { ...transaction, returnTo })
  }
  // The session there was stays; a page says that it is not enough, and does not ask again by itself (ID-16).
  return transaction.stepUpMark !== undefined && error.reason === 'login_refused'
    ? refuseLogin(visit, 'step_up_failed', {
        cause: error,
        retryUrl: returnTo,
        stepUp: stepUpOf(transaction),
        loginAt,
      })
    : refuseLogin(visit, error.reason, { cause: error, retryUrl: returnTo, loginAt })
}

function stepUpOf({ asked: { acrValues, maxAgeSeconds } }: LoginTransaction): StepUp {
  return {
    ...(acrValues === undefined ? {} : { acrValues }),
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
  }
}

function traceOf(
  signIn: SignIn,
  { attempt, returnTo, stepUpMark: stepUp }: LoginTransaction,
): LoginTrace {
  const form = formOfReturnTo(returnTo)
  return {
    attempt,
    owner: subjectMark(signIn),
    ...(stepUp === undefined ? {} : { stepUp }),
    ...(form === undefined ? {} : { form }),
  }
}

/** A silent login that needs a page is normal flow: the same again, with the page (STANDARDS CB-11). */
function askInteractively(
  { request, reply }: Visit,
  entry: ProviderEntry,
  { returnTo, attempt, asked }: LoginTransaction,
): FastifyReply | Promise<FastifyReply> {
  if (!requestFacts('GET', request.headers).navigation) return refuse(request, reply, 'no_session')
  const { organization } = asked
  const parameters: Record<string, string> = organization === undefined ? {} : { organization }
  return entry.startLogin(request, reply, { returnTo, attempt: attempt + 1, parameters })
}

function refuseLogin(visit: Visit, reason: Reason, extra: RefusalExtra = {}): FastifyReply {
  const { request, reply, options } = visit
  const { cause } = extra
  const told = cause instanceof ProviderError ? { providerError: cause.providerError } : {}
  const actor = actorOf(entranceOf(request.raw))
  const at = loginAtParameter(extra.loginAt)
  options.emit({ type: 'login_failed', reason, cause, ...told, ...at, ...actor })
  return refuse(request, reply, reason, { ...extra, ...told })
}

async function isSignedIn({ request }: Visit, entries: readonly ProviderEntry[]): Promise<boolean> {
  return typeof (await ownSession(request, entries)) !== 'string'
}

function redirectTo(path: string, { request, reply }: Visit): FastifyReply {
  return reply.headers(plainHeaders(entranceOf(request.raw))).redirect(path, 303)
}
