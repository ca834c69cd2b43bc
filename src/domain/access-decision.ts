import { mayUseSession } from './cors.ts'
import { STATUS_OF_REASON } from './reason.ts'
import type { Reason } from './reason.ts'
import type { RequestFacts } from './request-facts.ts'
import { lackOf, type Lack, type Standing } from './requirement.ts'
import type { StepUp } from './step-up.ts'
import type { Route } from './route.ts'

/** What is known of the caller. A store or provider that fails may be told as a reason too. */
export type SessionFacts =
  | ({ readonly kind: 'active' } & Standing)
  /** By a token of the caller's own that was checked. */
  | ({ readonly kind: 'bearer' } & Standing)
  /** By a token that is none: nobody falls back to a session, or to being a stranger (AT-39). */
  | { readonly kind: 'rejected'; readonly reason: Reason }
  | { readonly kind: 'none'; readonly reason: Reason }

export type AccessDecision =
  | { readonly kind: 'forward'; readonly withToken: boolean }
  /** With `stepUp`: of somebody who is signed in, but not like that. */
  | { readonly kind: 'login'; readonly stepUp?: StepUp }
  | { readonly kind: 'refuse'; readonly reason: Reason; readonly lack?: Lack }

const FORWARD: AccessDecision = { kind: 'forward', withToken: false }
const FORWARD_WITH_TOKEN: AccessDecision = { kind: 'forward', withToken: true }
const LOGIN: AccessDecision = { kind: 'login' }

/**
 * Whether a request may pass a route, and with whose authority. The session is looked at only when the route's
 * access is `required` or `optional`; a public route is told `none`. `trustedOrigins` holds our own origin
 * and the listed ones, serialised as browsers do.
 */
export function decideAccess(
  route: Route,
  session: SessionFacts,
  facts: RequestFacts,
  trustedOrigins: readonly string[],
): AccessDecision {
  if (facts.websocket) return decideWebSocket(route, session, facts)
  if (route.access === 'public') return FORWARD
  if (session.kind === 'rejected') return { kind: 'refuse', reason: session.reason }
  if (session.kind === 'bearer') return decideBearer(route, session)
  if (session.kind === 'none') return decideAnonymous(route, session.reason, facts)
  const isExempt = (!route.csrf && !isSafe(facts.method)) || mayUseSession(route.cors, facts.origin)
  const reason = isExempt ? undefined : crossSiteRefusal(facts, trustedOrigins)
  return reason === undefined ? decideKnown(route, session, facts) : { kind: 'refuse', reason }
}

/**
 * A token is not sent by a browser on its own: no other site can use it (RFC 6750 §5.3), so cross-site requests need no other
 * defence. And no login would give the caller a better one.
 */
function decideBearer({ require }: Route, standing: Standing): AccessDecision {
  const lack = require && lackOf(require, standing)
  return lack === undefined ? FORWARD_WITH_TOKEN : { kind: 'refuse', reason: lack.reason, lack }
}

/** Who it is is known; whether that is enough here is the route's `require`. Another login only mends how they signed in. */
function decideKnown(route: Route, standing: Standing, facts: RequestFacts): AccessDecision {
  const { require } = route
  const lack = require && lackOf(require, standing)
  if (lack === undefined) return FORWARD_WITH_TOKEN
  if (lack.reason === 'step_up_required' && !facts.websocket && maySendToLogin(route, facts)) {
    return { kind: 'login', stepUp: lack.stepUp }
  }
  return { kind: 'refuse', reason: lack.reason, lack }
}

/**
 * Why a request that carries our cookie may not use it, or `undefined` when it may. Unsafe methods must come from
 * our own pages: Fetch Metadata decides, else Origin, else a custom header (CS-1); `Origin: null` never
 * (CS-2). Safe ones may come from elsewhere only as navigations (CS-3).
 */
export function crossSiteRefusal(
  facts: RequestFacts,
  trustedOrigins: readonly string[],
): Reason | undefined {
  return isSafe(facts.method)
    ? safeRefusal(facts, trustedOrigins)
    : unsafeRefusal(facts, trustedOrigins)
}

function unsafeRefusal(facts: RequestFacts, trustedOrigins: readonly string[]): Reason | undefined {
  const { fetchSite, origin } = facts
  if (origin === 'null') return 'origin_refused'
  if (fetchSite !== undefined) {
    return fetchSite === 'same-origin' || fetchSite === 'none' ? undefined : 'cross_site_refused'
  }
  if (origin !== undefined) return trustedOrigins.includes(origin) ? undefined : 'origin_refused'
  return facts.customHeader ? undefined : 'origin_refused'
}

function safeRefusal(facts: RequestFacts, trustedOrigins: readonly string[]): Reason | undefined {
  if (facts.navigation) return undefined
  if (facts.fetchSite !== undefined) {
    return facts.fetchSite === 'cross-site' ? 'cross_site_refused' : undefined
  }
  // Browsers without Fetch Metadata still name themselves on cross-origin fetches.
  return facts.origin === undefined || trustedOrigins.includes(facts.origin)
    ? undefined
    : 'origin_refused'
}

/** No session: 401 reasons mean nobody is signed in, any other that we could not find out (SE-17). */
function decideAnonymous(route: Route, reason: Reason, facts: RequestFacts): AccessDecision {
  if (STATUS_OF_REASON[reason] !== 401) return { kind: 'refuse', reason }
  if (route.access === 'optional') return FORWARD
  return maySendToLogin(route, facts) ? firstLogin(route) : { kind: 'refuse', reason }
}

/** For a page that needs a better login than usual the first one is it: not two in a row. */
function firstLogin({ require }: Route): AccessDecision {
  return require?.stepUp === undefined ? LOGIN : { kind: 'login', stepUp: require.stepUp }
}

/**
 * Only a GET is sent to the provider: after a login the browser would come back without the body of a POST.
 * `login` takes in callers that show no sign of being a script, such as old browsers and curl (AZ-12, AZ-13).
 */
export function maySendToLogin(route: Route, facts: RequestFacts): boolean {
  if (!route.credentials.session || route.unauthenticated === 'reject') return false
  if (facts.method !== 'GET' || facts.prefetch) return false
  return facts.navigation || (route.unauthenticated === 'login' && showsNoScript(facts))
}

function showsNoScript(facts: RequestFacts): boolean {
  return facts.fetchSite === undefined && facts.origin === undefined && !facts.customHeader
}

/** The session first, then the exact Origin; a signed-in handshake without one is refused (CS-6, W2). */
function decideWebSocket(route: Route, session: SessionFacts, facts: RequestFacts): AccessDecision {
  if (route.websocket === false) return { kind: 'refuse', reason: 'upgrade_refused' }
  if (route.access !== 'public' && session.kind === 'rejected')
    return { kind: 'refuse', reason: session.reason }
  if (route.access !== 'public' && session.kind === 'bearer')
    return decideBearerWebSocket(route.websocket.origins, session, { route, facts })
  const signedIn = route.access !== 'public' && session.kind === 'active'
  if (route.access !== 'public' && session.kind === 'none') {
    const { reason } = session
    if (route.access === 'required' || STATUS_OF_REASON[reason] !== 401)
      return { kind: 'refuse', reason }
  }
  const { origin } = facts
  if (origin === undefined ? signedIn : !route.websocket.origins.includes(origin)) {
    return { kind: 'refuse', reason: 'origin_refused' }
  }
  return signedIn ? decideKnown(route, session, facts) : FORWARD
}

/** Browsers cannot set Authorization on a handshake; whoever names an origin all the same must name a listed one. */
function decideBearerWebSocket(
  origins: readonly string[],
  standing: Standing,
  { route, facts }: { readonly route: Route; readonly facts: RequestFacts },
): AccessDecision {
  return facts.origin === undefined || origins.includes(facts.origin)
    ? decideBearer(route, standing)
    : { kind: 'refuse', reason: 'origin_refused' }
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
