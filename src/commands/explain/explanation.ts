import { METHODS, type IncomingMessage } from 'node:http'
import type { GatewayConfig, ProviderConfig } from '../../config/gateway-config.ts'
import type { LoadedFile } from '../../config/load-config.ts'
import { decideAccess, type AccessDecision } from '../../domain/access-decision.ts'
import { bearerCredential } from '../../domain/bearer-credential.ts'
import { isListed, preflightHeaders, preflightMethod } from '../../domain/cors.ts'
import { mayKeepForm } from '../../domain/kept-form.ts'
import { STATUS_OF_REASON, type Reason } from '../../domain/reason.ts'
import { requestFacts, type RequestFacts } from '../../domain/request-facts.ts'
import { hasUpstream, type Route } from '../../domain/route.ts'
import { createGatewayDoor } from '../../gateway-app.ts'
import { entranceOf, type Entrance } from '../../http/entrance.ts'
import { VERIFY_PATH } from '../../http/forwarded-request.ts'
import { OPTIONS_URL } from '../../http/internal-urls.ts'
import { explainedCaller } from './explained-caller.ts'
import { copied, forwarded } from './explained-headers.ts'
import { refused, type Case, type Outcome } from './explained-outcome.ts'

/** What would become of a request. JSON output is this, as it is. */
export interface Explanation {
  readonly method: string
  readonly host: string
  readonly target: string
  readonly route?: ExplainedRoute
  /** What the request says of itself that decisions look at. */
  readonly request?: RequestFacts
  readonly caller?: string
  readonly outcome: Outcome
}

export interface ExplainedRoute {
  readonly id: string
  /** Its place in the configuration: `routes[index]`, and the line. */
  readonly index: number
  readonly line: number
  readonly access: Route['access']
  readonly credentials: readonly ('session' | 'bearer')[]
  /** Names of the providers whose people it takes, where there are several. */
  readonly providers?: readonly string[]
}

export interface ExplainTerms {
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly nowMs: number
}

/** What the gateway would do, by the same door, decision and header policy; no other state than these arguments. */
export function explain(
  loaded: LoadedFile,
  request: IncomingMessage,
  { claims, nowMs }: ExplainTerms,
): Explanation {
  const { config } = loaded
  createGatewayDoor(config)(request)
  const entrance = entranceOf(request)
  const asked = askedOf(request, entrance)
  const { refusal, route } = entrance
  if (!isReadable(request)) return { ...asked, outcome: refused(entrance, 'request_malformed') }
  if (refusal !== undefined)
    return { ...asked, outcome: refused(entrance, refusal.reason, refusal) }
  if (route === undefined) return { ...asked, outcome: answeredHere(entrance) }
  const facts = requestFacts(entrance.method, request.headers)
  const elsewhere = strangerAt(config, route, claims)
  const caller = explainedCaller({
    route,
    credential: bearerCredential(request.rawHeaders),
    claims: elsewhere === undefined ? claims : undefined,
    ...providerOf(config, route, claims),
    lifetimeMs: config.session.lifetimeMs,
    nowMs,
  })
  return {
    ...asked,
    route: explainedRoute(loaded, route),
    request: facts,
    caller: elsewhere ?? caller.told,
    outcome: outcomeOf({ loaded, request, entrance, route, facts, caller, nowMs }),
  }
}

/** Other methods Node's parser does not take, nor these in small letters (RFC 9110 §9.1). */
function isReadable({ method = '' }: IncomingMessage): boolean {
  return METHODS.includes(method)
}

/** Who is signed in at a provider that the route does not take is nobody there. */
function strangerAt(
  { providers }: GatewayConfig,
  route: Route,
  claims: ExplainTerms['claims'],
): string | undefined {
  const home = providers.find(({ issuer }) => issuer === claims?.['iss'])
  if (home === undefined || route.providers.includes(home.name) || route.access === 'public')
    return undefined
  return `nobody: sign-ins and tokens of ${home.issuer} count for nothing on this route`
}

/** Of several that the route takes the one that the claims name, else the first. */
function providerOf(
  { providers }: GatewayConfig,
  route: Route,
  claims: ExplainTerms['claims'],
): Pick<ProviderConfig, 'issuer' | 'scope'> {
  const taken = providers.filter(({ name }) => route.providers.includes(name))
  const named = taken.find(({ issuer }) => issuer === claims?.['iss'])
  const { issuer = '', scope = '' } = named ?? taken[0] ?? {}
  return { issuer, scope }
}

function askedOf(request: IncomingMessage, entrance: Entrance) {
  const { target, authority = '' } = entrance
  return {
    method: entrance.method,
    host: authority,
    target: target === undefined ? (request.url ?? '') : target.path + target.query,
  }
}

function explainedRoute({ config, lineOf }: LoadedFile, route: Route): ExplainedRoute {
  const index = config.routes.indexOf(route)
  const { session, bearer } = route.credentials
  const credentials = [
    ...(session ? (['session'] as const) : []),
    ...(bearer === undefined ? [] : (['bearer'] as const)),
  ]
  const line = lineOf(['routes', index])
  const { id, access, providers } = route
  const of = config.providers.length > 1 ? { providers } : {}
  return { id, index, line, access, credentials, ...of }
}

function answeredHere({ internalUrl, endpoint, method }: Entrance): Outcome {
  const because =
    internalUrl === OPTIONS_URL
      ? `${method} about the gateway itself`
      : `${endpoint ?? ''} is an endpoint of the gateway, and never forwarded`
  return { decision: 'answer', because }
}

function outcomeOf(one: Case): Outcome {
  const { route, facts, caller, entrance, loaded } = one
  const preflight = preflightOutcome(one)
  if (preflight !== undefined) return preflight
  if (facts.websocket && (route.websocket === false || !isForwarded(one)))
    return refused(entrance, 'upgrade_refused')
  const decision = decideAccess(route, caller.facts, facts, [loaded.config.publicUrl.origin])
  switch (decision.kind) {
    case 'refuse':
      return { ...refused(entrance, decision.reason, decision), ...formOf(one, decision.reason) }
    case 'login':
      return loginOutcome(decision, route)
    case 'forward':
      return isForwarded(one) ? forwarded(one) : copied(one)
  }
}

function formOf(
  { route, facts, request, entrance, caller, loaded }: Case,
  reason: Reason,
): { readonly keeps_form?: true } {
  const isLoginMissing = STATUS_OF_REASON[reason] === 401 && !caller.isByToken
  const asked = { facts, headers: request.headers, target: entrance.target }
  return isLoginMissing && mayKeepForm(route, asked, loaded.config.publicUrl.origin)
    ? { keeps_form: true }
    : {}
}

/** Otherwise another proxy does it. */
function isForwarded({ entrance, route }: Case): boolean {
  return entrance.endpoint !== VERIFY_PATH && hasUpstream(route)
}

function preflightOutcome({ route, request, entrance }: Case): Outcome | undefined {
  const wanted = preflightMethod(request.method, request.headers)
  const { origin } = request.headers
  if (route.cors === undefined || wanted === undefined) return undefined
  if (origin === undefined || !isListed(route.cors, origin))
    return refused(entrance, 'origin_refused')
  const headers = preflightHeaders(route.cors, origin, route.methods ?? [wanted])
  const because = `a preflight of ${origin}, which this route lists`
  return { decision: 'answer', because, headers: Object.entries(headers) }
}

function loginOutcome(
  { stepUp }: Extract<AccessDecision, { kind: 'login' }>,
  { providers }: Route,
): Outcome {
  const where = providers.length > 1 ? 'choose a provider' : 'the provider'
  const because =
    stepUp === undefined
      ? `a page, and nobody is signed in: 302 to ${where}`
      : 'the sign-in there is is not good enough for this route: 302 to the provider'
  return { decision: 'login', because, parameters: stepUp ?? {} }
}
