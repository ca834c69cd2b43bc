import type { IncomingMessage } from 'node:http'
import type { GatewayConfig, ProviderConfig } from '../config/gateway-config.ts'
import type { LoadedFile } from '../config/load-config.ts'
import { decideAccess, type AccessDecision } from '../domain/access-decision.ts'
import { bearerCredential } from '../domain/bearer-credential.ts'
import { isListed, preflightHeaders, preflightMethod } from '../domain/cors.ts'
import { mayKeepForm } from '../domain/kept-form.ts'
import { addConfiguredHeaders } from '../domain/own-request-headers.ts'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import { requestFacts, type RequestFacts } from '../domain/request-facts.ts'
import { requestHeaderPlan, upstreamRequestHeaders } from '../domain/request-headers.ts'
import type { Lack } from '../domain/requirement.ts'
import { hasUpstream, type Route } from '../domain/route.ts'
import { identityStatement } from '../domain/signed-identity.ts'
import { upstreamPath } from '../domain/upstream-path.ts'
import { createGatewayDoor, viaPseudonym } from '../gateway-app.ts'
import { entranceOf, type Entrance } from '../http/entrance.ts'
import { VERIFY_PATH } from '../http/forwarded-request.ts'
import { problem } from '../http/refusal.ts'
import { OPTIONS_URL } from '../http/target-door.ts'
import { requestHeaderFacts } from '../proxy/request-header-facts.ts'
import { explainedCaller, type Caller } from './explained-caller.ts'

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

export type Outcome =
  /** It goes to the upstream. */
  | { readonly decision: 'forward'; readonly because: string; readonly upstream: Forwarded }
  /** Another proxy forwards: what `/oauth2/verify` hands it to copy. */
  | { readonly decision: 'verify'; readonly because: string; readonly copy: readonly Field[] }
  | { readonly decision: 'login'; readonly because: string; readonly parameters: object }
  /** By the gateway itself. */
  | { readonly decision: 'answer'; readonly because: string; readonly headers?: readonly Field[] }
  | {
      readonly decision: 'refuse'
      readonly reason: Reason
      readonly status: number
      readonly title: string
      readonly detail: string
      readonly needed?: unknown
      readonly allow?: readonly string[]
      /** Its form waits in the browser, and is sent after the login (`replayForm`). */
      readonly keeps_form?: true
    }

export type Field = readonly [name: string, value: string]

export interface Forwarded {
  readonly url: string
  readonly headers: readonly Field[]
  /** Names that came with the request and do not go on. */
  readonly dropped: readonly string[]
  /** Among them: names by which somebody states who the user is. */
  readonly forged: readonly string[]
  /** Configured, but over 4 KiB. */
  readonly too_long: readonly string[]
  readonly identity?: object
}

export interface ExplainTerms {
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly nowMs: number
}

interface Case {
  readonly loaded: LoadedFile
  readonly request: IncomingMessage
  readonly entrance: Entrance
  readonly route: Route
  readonly facts: RequestFacts
  readonly caller: Caller
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

function refused(
  entrance: Entrance,
  reason: Reason,
  extra: {
    readonly allow?: readonly string[] | undefined
    readonly lack?: Lack | undefined
  } = {},
): Outcome {
  const { allow, lack } = extra
  const { title, status, detail, needed } = problem(
    reason,
    entrance,
    lack === undefined ? {} : { lack },
  )
  return {
    decision: 'refuse',
    reason,
    status: Number(status),
    title: String(title),
    detail: String(detail),
    ...(needed === undefined ? {} : { needed }),
    ...(allow === undefined ? {} : { allow }),
  }
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

function forwarded(one: Case): Outcome {
  const { loaded, request, entrance, route } = one
  const { config } = loaded
  const path = entrance.target && upstreamPath(route, entrance.target)
  if (path === undefined) return refused(entrance, 'path_refused')
  const { routes } = config
  const plan = requestHeaderPlan({ route, routes, pseudonym: viaPseudonym(config) })
  const built = upstreamRequestHeaders(request.rawHeaders, plan, headerFacts(one))
  if (built.kind === 'refused') return refused(entrance, built.reason)
  const headers = shownFields(one, built.headers)
  const sent = new Set(headers.map(([name]) => name.toLowerCase()))
  const dropped = fieldsOf(request.rawHeaders).map(([name]) => name.toLowerCase())
  return {
    decision: 'forward',
    because: because(one),
    upstream: {
      url: `${placeOf(route)}${path}`,
      headers,
      dropped: [...new Set(dropped)].filter((name) => !sent.has(name)),
      forged: built.forged,
      too_long: built.tooLong,
      ...statementOf(one),
    },
  }
}

function copied(one: Case): Outcome {
  const { route, caller } = one
  const { token } = caller.passage
  const own: string[] = token === undefined ? [] : ['authorization', `Bearer ${token}`]
  const configured = { set: route.headers.set, identityHeader: route.identity?.header }
  addConfiguredHeaders(own, configured, headerFacts(one))
  return { decision: 'verify', because: because(one), copy: shownFields(one, own) }
}

function because({ route, caller: { facts } }: Case): string {
  if (route.access === 'public') return 'the route is public'
  if (facts.kind === 'none') return 'the route is optional'
  return route.require === undefined
    ? 'who it is is known, and the route requires nothing else'
    : 'who it is is known, and has what the route requires'
}

function headerFacts(one: Case) {
  const { loaded, request, entrance, route, caller } = one
  const proto = loaded.config.publicUrl.protocol === 'https:' ? 'https' : 'http'
  const isKnown = caller.passage.session !== undefined || caller.passage.bearer !== undefined
  const identity =
    route.identity === undefined || !isKnown
      ? {}
      : { identity: `<signed identity for ${route.identity.audience}>` }
  const facts = requestHeaderFacts({ proto }, request, entrance, { ...caller.passage, ...identity })
  const sentId = request.headers['x-request-id']
  return entrance.requestId === sentId ? facts : { ...facts, requestId: '<request id>' }
}

/** What the signed identity would say. */
function statementOf({ loaded, route, caller, nowMs }: Case): { readonly identity?: object } {
  const { session, bearer } = caller.passage
  const { identity } = loaded.config
  const who = session?.record ?? bearer
  if (route.identity === undefined || identity === undefined || who === undefined) return {}
  const { issuer, subject = '', claims } = who
  const terms = { ...identity, issuedAtMs: nowMs }
  return {
    identity: identityStatement({ key: '', issuer, subject, claims }, route.identity, terms),
  }
}

function placeOf({ upstream }: Route): string {
  return upstream.socketPath === undefined ? upstream.origin : `unix:${upstream.socketPath} `
}

function fieldsOf(headers: readonly string[]): Field[] {
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1] ?? '']] : []))
}

/** Without what is nobody's business at a terminal: cookies, and what came from the environment or a file. */
function shownFields({ loaded, route }: Case, headers: readonly string[]): Field[] {
  const index = loaded.config.routes.indexOf(route)
  const isOurs = (name: string) => route.headers.set.some((header) => header.name === name)
  return fieldsOf(headers).map(([name, value]): Field => {
    if (name.toLowerCase() === 'cookie') return [name, cookieNames(value)]
    const isConcealed = isOurs(name) && !loaded.mayShow(['routes', index, 'headers', 'set', name])
    return [name, isConcealed ? '<with a value from the environment or a file>' : value]
  })
}

function cookieNames(value: string): string {
  return value
    .split(';')
    .map((pair) => `${pair.split('=', 1)[0]?.trim() ?? ''}=<hidden>`)
    .join('; ')
}
