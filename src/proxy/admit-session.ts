import { decideAccess, type AccessDecision, type SessionFacts } from '../domain/access-decision.ts'
import { isOwnToken } from '../domain/route-token.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import type { AccessToken, Ticket } from '../domain/session-record.ts'
import type { EndedSession } from '../domain/session-store.ts'
import { loginToken } from '../domain/token-freshness.ts'
import { refusalOf, type Admission, type AdmissionQuestion } from './admission.ts'
import { routeToken } from './upstream-token.ts'

export const NO_SESSION: SessionFacts = { kind: 'none', reason: 'no_session' }
const ANONYMOUS = { kind: 'forward', session: undefined, token: undefined } as const

/** Whether whoever has this ticket may pass; a promise only when the store or the provider has to be asked. */
export function admitTicket(
  question: AdmissionQuestion,
  ticket: Ticket,
): Admission | Promise<Admission> {
  const { sessions } = question.guard
  const known = sessions.peek(ticket)
  if (known !== undefined) return withSession(question, known)
  return sessions
    .find(ticket)
    .then((found) => withFound(question, found))
    .catch(refusalOf)
}

function withFound(
  question: AdmissionQuestion,
  found: LiveSession | EndedSession | undefined,
): Admission | Promise<Admission> {
  if (found === undefined) return admitWithoutSession(question, NO_SESSION)
  if ('ended' in found) return admitWithoutSession(question, { kind: 'none', reason: found.ended })
  return withSession(question, found)
}

function withSession(
  question: AdmissionQuestion,
  session: LiveSession,
): Admission | Promise<Admission> {
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
  question: AdmissionQuestion,
  session: LiveSession,
  refreshed: AccessToken | EndedSession,
): Admission | Promise<Admission> {
  if ('ended' in refreshed)
    return admitWithoutSession(question, { kind: 'none', reason: refreshed.ended })
  const current = newest(question, session)
  const decision = decide(question, standingOf(question, current))
  if (decision.kind !== 'forward') return ofSession(decision, current)
  return withLoginToken(question, current, refreshed)
}

/** The session is alive and its own token valid: the route may want another one, or none. */
function withLoginToken(
  question: AdmissionQuestion,
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
        ? admitWithoutSession(question, { kind: 'none', reason: fetched.ended })
        : withRouteToken(question, newest(question, session), fetched),
    )
    .catch(refusalOf)
}

/** What the route requires of scope, the token must have that goes there. */
function withRouteToken(
  question: AdmissionQuestion,
  session: LiveSession,
  token: AccessToken,
): Admission {
  const { route } = question
  if (route.require !== undefined && isOwnToken(route.token)) {
    const decision = decide(question, standingOf(question, session, token))
    if (decision.kind !== 'forward') return ofSession(decision, session)
  }
  return { kind: 'forward', session, token: token.value }
}

/** Nobody's session: the gateway's own token, where the route has it. */
export function anonymous({ guard, route }: AdmissionQuestion): Admission | Promise<Admission> {
  if (route.token.via !== 'client_credentials') return ANONYMOUS
  const token = guard.serviceTokens.token(route.token)
  if (!(token instanceof Promise)) return { ...ANONYMOUS, token: token.value }
  return token.then(({ value }): Admission => ({ ...ANONYMOUS, token: value })).catch(refusalOf)
}

function standingOf(
  { guard, route }: AdmissionQuestion,
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
function newest({ guard }: AdmissionQuestion, session: LiveSession): LiveSession {
  return guard.sessions.peek(session.ticket) ?? session
}

/** Nobody is signed in, or nobody can say who. */
export function admitWithoutSession(
  question: AdmissionQuestion,
  facts: SessionFacts,
): Admission | Promise<Admission> {
  const decision = decide(question, facts)
  if (decision.kind === 'forward') return anonymous(question)
  return decision
}

function decide({ guard, route, facts }: AdmissionQuestion, session: SessionFacts): AccessDecision {
  return decideAccess(route, session, facts, guard.trustedOrigins)
}
