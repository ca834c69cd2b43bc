import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginTransaction } from '../domain/login-transaction.ts'
import type { Reason } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import type { SignIn } from '../domain/sign-in.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import type { LoginTransactionCookie } from '../http/login-transaction-cookie.ts'
import { plainHeaders, refuse, type RefusalExtra } from '../http/refusal.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import type { StartLogin } from '../http/start-login.ts'
import { SIGNED_IN } from '../http/texts.ts'
import { authorizationCodeGrant } from '../oidc/authorization-code-grant.ts'
import { ProviderError } from '../oidc/provider-error.ts'
import type { Provider } from '../oidc/provider.ts'
import { sendPage } from './own-page.ts'
import { ownSession } from './own-session.ts'
import { queryParameters } from './query-parameters.ts'

export interface CallbackEndpointOptions {
  readonly provider: Provider
  readonly sessions: SessionEngine
  readonly sessionCookie: SessionCookie
  readonly transactionCookie: LoginTransactionCookie
  readonly startLogin: StartLogin
  readonly sameSite: 'lax' | 'strict'
  /** Life of the session cookie: the session's absolute lifetime. */
  readonly lifetimeMs: number
  readonly emit: Emit
}

/**
 * `GET /oauth2/callback`: turns the provider's answer into a session, once (STANDARDS CB). Every
 * outcome is a redirect to a clean local address or a page with a way on.
 */
export function callbackEndpoint(options: CallbackEndpointOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    if (requestFacts('GET', request.headers).prefetch) {
      return refuse(request, reply, 'no_session') // asked ahead of a click: the login is not spent (AT-44)
    }
    const parameters = queryParameters(entrance)
    const state = parameters.get('state')
    const { cookie } = request.headers
    const transaction =
      state === null ? undefined : options.transactionCookie.read(cookie, state)
    if (transaction === undefined) return withoutTransaction(request, reply, options)

    // Before the code is used: of parallel identical callbacks one goes on (CB-2).
    const isFirst = await options.sessions.consumeTransaction(transaction.state)
    if (!isFirst) return usedTransaction(request, reply, transaction, options)

    options.transactionCookie.clear(reply, transaction.state)
    try {
      const signIn = await authorizationCodeGrant(options.provider, parameters, transaction)
      return await signedIn(request, reply, signIn, transaction, options)
    } catch (error) {
      return failed(request, reply, error, transaction, options)
    }
  }
}

/** A bookmark, the Back button, another browser's login, or cookies that are blocked (STANDARDS CB-12, CB-13). */
async function withoutTransaction(
  request: FastifyRequest,
  reply: FastifyReply,
  options: CallbackEndpointOptions,
): Promise<FastifyReply> {
  if (await isSignedIn(request, options)) return redirectTo('/', request, reply)
  const hasNoCookie = !options.transactionCookie.isAnyPending(request.headers.cookie)
  const reason = hasNoCookie ? 'login_cookie_missing' : 'login_state_unknown'
  return refuseLogin(request, reply, reason, options)
}

async function usedTransaction(
  request: FastifyRequest,
  reply: FastifyReply,
  transaction: LoginTransaction,
  options: CallbackEndpointOptions,
): Promise<FastifyReply> {
  const returnTo = parseReturnTo(transaction.returnTo)
  if (await isSignedIn(request, options)) return redirectTo(returnTo, request, reply)
  return refuse(request, reply, 'login_state_unknown', { retryUrl: returnTo })
}

async function signedIn(
  request: FastifyRequest,
  reply: FastifyReply,
  signIn: SignIn,
  transaction: LoginTransaction,
  options: CallbackEndpointOptions,
): Promise<FastifyReply> {
  const { sessions, sessionCookie, lifetimeMs, emit, sameSite } = options
  const before = sessionCookie.read(request.headers.cookie)
  const ticket = await sessions.create(signIn, before) // a new id at every login (CB-8)
  sessionCookie.write(reply, ticket, Math.floor(lifetimeMs / 1000), transaction.attempt)
  const { issuer, subject, sid } = signIn
  const who = sid === undefined ? { issuer, subject } : { issuer, subject, sid }
  emit({ type: 'login_succeeded', ...who, ...actorOf(entranceOf(request.raw)) })
  const returnTo = parseReturnTo(transaction.returnTo) // checked again when used (CB-9)
  if (sameSite === 'lax') return redirectTo(returnTo, request, reply)
  return landOnPage(returnTo, request, reply)
}

/**
 * After a click at the provider, browsers send a Strict cookie neither here nor along a redirect
 * from here: a page of ours has to ask (STANDARDS SE-2).
 */
function landOnPage(returnTo: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { title, paragraphs, icon, goOn } = SIGNED_IN
  const ways = [{ label: goOn, href: returnTo }]
  return sendPage(request, reply, { title, paragraphs, icon, ways, movesOnTo: returnTo })
}

function failed(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  transaction: LoginTransaction,
  options: CallbackEndpointOptions,
): FastifyReply | Promise<FastifyReply> {
  if (!(error instanceof GatewayError)) throw error
  const returnTo = parseReturnTo(transaction.returnTo)
  if (error instanceof ProviderError && error.interactionRequired) {
    return askInteractively(request, reply, { ...transaction, returnTo }, options)
  }
  return refuseLogin(request, reply, error.reason, options, { cause: error, retryUrl: returnTo })
}

/** A silent login that needs a page is normal flow: the same again, with the page (STANDARDS CB-11). */
function askInteractively(
  request: FastifyRequest,
  reply: FastifyReply,
  { returnTo, attempt, asked }: LoginTransaction,
  { startLogin }: CallbackEndpointOptions,
): FastifyReply | Promise<FastifyReply> {
  if (!requestFacts('GET', request.headers).navigation) return refuse(request, reply, 'no_session')
  const { organization } = asked
  const parameters: Record<string, string> = organization === undefined ? {} : { organization }
  return startLogin(request, reply, { returnTo, attempt: attempt + 1, parameters })
}

function refuseLogin(
  request: FastifyRequest,
  reply: FastifyReply,
  reason: Reason,
  { emit }: CallbackEndpointOptions,
  extra: RefusalExtra = {},
): FastifyReply {
  const { cause } = extra
  const told = cause instanceof ProviderError ? { providerError: cause.providerError } : {}
  emit({ type: 'login_failed', reason, cause, ...told, ...actorOf(entranceOf(request.raw)) })
  return refuse(request, reply, reason, { ...extra, ...told })
}

async function isSignedIn(
  request: FastifyRequest,
  options: CallbackEndpointOptions,
): Promise<boolean> {
  return typeof (await ownSession(request, options)) !== 'string'
}

function redirectTo(path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.headers(plainHeaders(entranceOf(request.raw))).redirect(path, 303)
}
