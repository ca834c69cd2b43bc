import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorizationRequest, type AuthorizationRequest } from '../oidc/authorization-request.ts'
import type { Provider } from '../oidc/provider.ts'
import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginWish } from '../domain/login-transaction.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import { ProviderError } from '../oidc/provider-error.ts'
import { actorOf, entranceOf } from './entrance.ts'
import type { LoginLimit } from './login-limit.ts'
import type { LoginTransactionCookie } from './login-transaction-cookie.ts'
import { plainHeaders, refuse } from './refusal.ts'
import type { SessionCookie } from './session-cookie.ts'
import { stepUpMark } from './step-up-mark.ts'

export interface StartLoginOptions {
  /** The name of the provider; '' is the only one there is. */
  readonly name: string
  readonly provider: Provider
  readonly sessions: Pick<SessionEngine, 'peek'>
  readonly sessionCookie: SessionCookie
  readonly transactionCookie: LoginTransactionCookie
  readonly loginLimit: LoginLimit
  readonly emit: Emit
  readonly nowMs: () => number
}

export type StartLogin = (
  request: FastifyRequest,
  reply: FastifyReply,
  wish: LoginWish,
) => Promise<FastifyReply>

const LOOP_WINDOW_MS = 60_000 // a session that dies within a minute of its login will die again
const MAX_RESTARTS = 3 // STANDARDS CB-12

/**
 * Sends the browser to the provider, with the login transaction in a cookie. The caller has made
 * sure that this is a navigation (STANDARDS AZ-12). A provider that is not known yet, or does not
 * take a pushed request, is a page with a way on, never a redirect (STANDARDS AZ-15). A login that
 * keeps coming back without a usable session ends on a page (AT-26).
 */
export function createStartLogin(options: StartLoginOptions): StartLogin {
  const { provider, sessionCookie, transactionCookie, loginLimit, emit, nowMs } = options
  const at = options.name === '' ? {} : { provider: options.name }
  return async (request, reply, wish) => {
    const entrance = entranceOf(request.raw)
    const { cookie } = request.headers
    const retryAfterSeconds = await loginLimit.start(request)
    if (retryAfterSeconds > 0) {
      emit({ type: 'login_failed', reason: 'rate_limited', ...actorOf(entrance) })
      return refuse(request, reply, 'rate_limited', {
        retryAfterSeconds,
        retryUrl: wish.returnTo,
        loginAt: options.name,
      })
    }
    const attempt = Math.max(wish.attempt, shortLivedLogins(cookie, options))
    if (attempt > MAX_RESTARTS) {
      sessionCookie.clear(reply) // the way on from the page starts counting anew
      emit({ type: 'login_failed', reason: 'login_loop', ...actorOf(entrance) })
      return refuse(request, reply, 'login_loop', {
        retryUrl: wish.returnTo,
        loginAt: options.name,
      })
    }
    let login: AuthorizationRequest
    try {
      login = await authorizationRequest(provider, { ...wish, attempt }, nowMs())
    } catch (cause) {
      const reason = cause instanceof GatewayError ? cause.reason : 'internal_error'
      const told = cause instanceof ProviderError ? { providerError: cause.providerError } : {}
      emit({ type: 'login_failed', reason, cause, ...told, ...actorOf(entrance) })
      return refuse(request, reply, reason, {
        cause,
        retryUrl: wish.returnTo,
        loginAt: options.name,
      })
    }
    const { transaction } = login
    const { stepUp, returnTo } = wish
    const mark = stepUp === undefined ? {} : { stepUpMark: stepUpMark({ stepUp, returnTo }) }
    transactionCookie.write(reply, { ...transaction, ...at, ...mark }, cookie)
    emit({ type: 'login_started', ...actorOf(entrance) })
    return reply.headers(plainHeaders(entrance)).redirect(login.url, 302)
  }
}

/** How many logins in a row gave a session that is dead already, within a minute of being made. */
function shortLivedLogins(
  cookieHeader: string | undefined,
  { sessionCookie, sessions, nowMs }: StartLoginOptions,
): number {
  const before = sessionCookie.read(cookieHeader)
  if (before === undefined || nowMs() - before.writtenAtMs > LOOP_WINDOW_MS) return 0
  return sessions.peek(before) === undefined ? before.attempt + 1 : 0
}
