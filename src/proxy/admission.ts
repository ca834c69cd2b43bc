import type { IncomingMessage } from 'node:http'
import { decideAccess, type AccessDecision, type SessionFacts } from '../domain/access-decision.ts'
import { bearerCredential, type BearerToken } from '../domain/bearer-credential.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'
import { requestFacts, type RequestFacts } from '../domain/request-facts.ts'
import type { Lack } from '../domain/requirement.ts'
import { isOwnToken } from '../domain/route-token.ts'
import type { Route } from '../domain/route.ts'
import type { ServiceTokens } from '../domain/service-tokens.ts'
import type { StepUp } from '../domain/step-up.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import type { AccessToken } from '../domain/session-record.ts'
import { loginToken } from '../domain/token-freshness.ts'
import type { EndedSession } from '../domain/session-store.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import type { IdentityTokens } from '../oidc/identity-tokens.ts'
import { identityOf } from './identity-admission.ts'
import { routeToken } from './upstream-token.ts'
import { admitBearer, type BearerAdmission, type BearerGuard } from './bearer-admission.ts'

/** What a request is let through with, or why it is not. */
export type Admission =
  | {
      readonly kind: 'forward'
      readonly session: LiveSession | undefined
      readonly token: string | undefined
      /** The caller's own token, where that is what they came with. */
      readonly bearer?: BearerToken
      /** Our signed statement about the caller, where the route wants one. */
      readonly identity?: string
    }
  | {
      readonly kind: 'login'
      readonly stepUp?: StepUp
      /** Whose session it is that is not good enough; absent: nobody is signed in. */
      readonly issuer?: string
    }
  | {
      readonly kind: 'refuse'
      readonly reason: Reason
      readonly lack?: Lack
      /** What the caller came with, or should have. */
      readonly credential?: 'bearer'
      readonly cause?: unknown
    }

export interface Guard extends BearerGuard {
  readonly sessions: SessionEngine
  readonly serviceTokens: ServiceTokens
  readonly sessionCookie: SessionCookie
  readonly identityTokens: IdentityTokens | undefined
}

const NO_SESSION: SessionFacts = { kind: 'none', reason: 'no_session' }
const ANONYMOUS = { kind: 'forward', session: undefined, token: undefined } as const

/**
 * Whether a request may pass, and with whose token. Answered at once from what this process knows; a promise only
 * when the store or the provider has to be asked. The promise never rejects.
 */
export function admit(
  guard: Guard,
  route: Route,
  request: AskedRequest,
): Admission | Promise<Admission> {
  const admission = judge(guard, route, request)
  if (route.identity === undefined) return admission
  return admission instanceof Promise
    ? admission.then((late) => withIdentity(guard, route, late))
    : withIdentity(guard, route, admission)
}

function withIdentity(
  { identityTokens }: Guard,
  { identity: rule }: Route,
  admission: Admission,
): Admission | Promise<Admission> {
  if (admission.kind !== 'forward' || rule === undefined || identityTokens === undefined)
    return admission
  const identity = identityOf(identityTokens, rule, admission)
  if (identity === undefined) return admission
  if (typeof identity === 'string') return { ...admission, identity }
  return identity.then((late): Admission => ({ ...admission, identity: late })).catch(refusalOf)
}

/** What of a request decides. */
export type AskedRequest = Pick<IncomingMessage, 'method' | 'headers' | 'rawHeaders'>

function judge(guard: Guard, route: Route, request: AskedRequest): Admission | Promise<Admission> {
  const facts = requestFacts(request.method ?? '', request.headers)
  const question: Question = { guard, route, facts }
  if (route.access === 'public') return withoutSession(question, NO_SESSION)
  const { session, bearer } = route.credentials
  if (bearer !== undefined) {
    const credential = bearerCredential(request.rawHeaders)
    if (credential.kind !== 'absent' || !session) {
      const admission = admitBearer(question, bearer, credential)
      if (!(admission instanceof Promise)) return withBearer(question, admission)
      return admission.then((late) => withBearer(question, late))
    }
  }
  const ticket = guard.sessionCookie.read(request.headers.cookie)
  if (ticket === undefined) return withoutSession(question, NO_SESSION)
  const known = guard.sessions.peek(ticket)
  if (known !== undefined) return withSession(question, known)
  return guard.sessions
    .find(ticket)
    .then((found) => withFound(question, found))
    .catch(refusalOf)
}

/** The upstream gets the caller's own token, unless the route says that it gets another, or none. */
function withBearer(
  question: Question,
  admission: BearerAdmission,
): Admission | Promise<Admission> {
  if (admission.kind !== 'forward') return admission
  const { via } = question.route.token
  if (via === 'none') return { ...admission, token: undefined }
  if (via !== 'client_credentials') return admission
  const service = anonymous(question)
  return service instanceof Promise
    ? service.then((late) => (late.kind === 'forward' ? { ...admission, token: late.token } : late))
    : service.kind === 'forward'
      ? { ...admission, token: service.token }
      : service
}

interface Question {
  readonly guard: Guard
  readonly route: Route
  readonly facts: RequestFacts
}

function withFound(
  question: Question,
  found: LiveSession | EndedSession | undefined,
): Admission | Promise<Admission> {
  if (found === undefined) return withoutSession(question, NO_SESSION)
  if ('ended' in found) return withoutSession(question, { kind: 'none', reason: found.ended })
  return withSession(question, found)
}

function withSession(question: Question, session: LiveSession): Admission | Promise<Admission> {
  const decision = decide(question, standingOf(question, session))
  if (decision.kind !== 'forward') return ofSession(decision, session)
  if (!decision.withToken) return anonymous(question)
  const token = question.guard.sessions.accessToken(session)
  if (!(token instanceof Promise)) return withLoginToken(question, session, token)
  return token.then((refreshed) => withRefreshed(question, session, refreshed)).catch(refusalOf)
}

function ofSession(
  decision: Exclude<AccessDecision, { kind: 'forward' }>,
  { record }: LiveSession,
): Admission {
  return decision.kind === 'login' ? { ...decision, issuer: record.issuer } : decision
}

function withRefreshed(
  question: Question,
  session: LiveSession,
  refreshed: AccessToken | EndedSession,
): Admission | Promise<Admission> {
  if ('ended' in refreshed)
    return withoutSession(question, { kind: 'none', reason: refreshed.ended })
  const current = newest(question, session)
  const decision = decide(question, standingOf(question, current))
  if (decision.kind !== 'forward') return ofSession(decision, current)
  return withLoginToken(question, current, refreshed)
}

/** The session is alive and its own token valid: the route may want another one, or none. */
function withLoginToken(
  question: Question,
  session: LiveSession,
  own: AccessToken,
): Admission | Promise<Admission> {
  const { guard, route } = question
  if (route.token.via === 'login') return { kind: 'forward', session, token: own.value }
  const token = routeToken(guard, route.token, session)
  if (token === undefined) return { kind: 'forward', session, token: undefined }
  if (!(token instanceof Promise)) return withRouteToken(question, session, token)
  return token
    .then((fetched): Admission | Promise<Admission> =>
      'ended' in fetched
        ? withoutSession(question, { kind: 'none', reason: fetched.ended })
        : withRouteToken(question, newest(question, session), fetched),
    )
    .catch(refusalOf)
}

/** What the route requires of scope, the token must have that goes there. */
function withRouteToken(question: Question, session: LiveSession, token: AccessToken): Admission {
  const { route } = question
  if (route.require !== undefined && isOwnToken(route.token)) {
    const decision = decide(question, standingOf(question, session, token))
    if (decision.kind !== 'forward') return ofSession(decision, session)
  }
  return { kind: 'forward', session, token: token.value }
}

/** Nobody's session: the gateway's own token, where the route has it. */
function anonymous({ guard, route }: Question): Admission | Promise<Admission> {
  if (route.token.via !== 'client_credentials') return ANONYMOUS
  const token = guard.serviceTokens.token(route.token)
  if (!(token instanceof Promise)) return { ...ANONYMOUS, token: token.value }
  return token.then(({ value }): Admission => ({ ...ANONYMOUS, token: value })).catch(refusalOf)
}

function standingOf(
  { guard, route }: Question,
  { record }: LiveSession,
  ownToken?: AccessToken,
): SessionFacts {
  const { claims, acr, authTimeMs } = record
  const isToCome = ownToken === undefined && isOwnToken(route.token)
  const { scope } = ownToken ?? loginToken(record)
  const authAgeMs =
    authTimeMs === undefined ? undefined : guard.wallClockMs() - authTimeMs - guard.clockToleranceMs
  return { kind: 'active', claims, scope, scopeIsToCome: isToCome, acr, authAgeMs }
}

/** Claims and scope may have changed with the refresh (RT-17). */
function newest({ guard }: Question, session: LiveSession): LiveSession {
  return guard.sessions.peek(session.ticket) ?? session
}

function withoutSession(question: Question, facts: SessionFacts): Admission | Promise<Admission> {
  const decision = decide(question, facts)
  if (decision.kind === 'forward') return anonymous(question)
  return decision
}

function decide({ guard, route, facts }: Question, session: SessionFacts): AccessDecision {
  return decideAccess(route, session, facts, guard.trustedOrigins)
}

/** What becomes of a request when nobody can say who it is from. */
export function refusalOf(cause: unknown): Admission {
  return {
    kind: 'refuse',
    reason: cause instanceof GatewayError ? cause.reason : 'internal_error',
    cause,
  }
}
