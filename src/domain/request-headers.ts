import { nominates, withoutNominated } from './hop-by-hop.ts'
import { claimHeader } from './identity-headers.ts'
import { maxForwards } from './max-forwards.ts'
import { withoutOwnCookies } from './own-cookies.ts'
import type { Reason } from './reason.ts'
import { requestHeaderRules, ruleByPattern } from './request-header-rules.ts'
import type { RequestHeaderAction, RequestHeaderRule } from './request-header-rules.ts'
import type { Route, RouteHeaders } from './route.ts'

/** Everything about a route's request headers that is the same for each request: made once, at start. */
export interface RequestHeaderPlan {
  readonly rules: ReadonlyMap<string, RequestHeaderRule>
  readonly set: RouteHeaders['set']
  /** `undefined`: the Host the client asked for (HX-25). */
  readonly host: string | undefined
  readonly forwardedPrefix: string | undefined
  /** Our name in Via. */
  readonly pseudonym: string
}

export interface RequestHeaderPlanOptions {
  readonly route: Route
  /** All routes: a header that one of them sets is taken from callers on every route (FW-4). */
  readonly routes: readonly Route[]
  /** Our name in Via; must differ between gateways that may be chained, else the second sees a loop (HX-5). */
  readonly pseudonym: string
}

/** What a route does to every request's headers. */
export function requestHeaderPlan({ route, routes, pseudonym }: RequestHeaderPlanOptions): RequestHeaderPlan {
  const identityNames = routes.flatMap(({ headers }) => headers.set.map(({ name }) => name))
  const replaced = route.stripPrefix === undefined ? [] : ['x-forwarded-prefix']
  return {
    rules: requestHeaderRules([...identityNames, ...route.headers.remove, ...replaced]),
    set: route.headers.set,
    host: route.hostHeader === 'upstream' ? new URL(route.upstream.origin).host : undefined,
    forwardedPrefix: route.stripPrefix,
    pseudonym,
  }
}

/** What one request brings along besides its headers. */
export interface RequestHeaderFacts {
  /** Sent as `Authorization: Bearer …`; visible ASCII, checked by whoever obtained it (O4). */
  readonly token: string | undefined
  /** `undefined` for callers who are not signed in: no identity header is sent then (FW-8). */
  readonly claims: Readonly<Record<string, unknown>> | undefined
  /** The other end of the connection, not the client behind a proxy. */
  readonly peerAddress: string
  readonly peerTrusted: boolean
  readonly method: string
  readonly httpVersion: string
  /** As the browser sees it, by our configuration and no header (AT-45). */
  readonly proto: 'http' | 'https'
  /** The checked Host of the request, with its port if it has one. */
  readonly host: string
  readonly requestId: string
}

export type UpstreamRequestHeaders =
  | {
    readonly kind: 'headers'
    /** name, value, name, value …, as undici's dispatch takes them. */
    readonly headers: readonly string[]
    /** Configured headers left out because their value is over 4 KiB: worth a warning. */
    readonly tooLong: readonly string[]
  }
  | { readonly kind: 'refused'; readonly reason: Reason }

/** The list under construction, and what has to be known of the whole request to finish it. */
interface Draft {
  readonly raw: readonly string[]
  readonly facts: RequestHeaderFacts
  readonly headers: string[]
  nominated: string
  via: string
  forwardedFor: string
}

const NO_NAMES: readonly string[] = []
const NO_CLAIMS: Readonly<Record<string, unknown>> = {}
const EXPECT_CONTINUE = /^100-continue$/i
const TRAILERS = /(?:^|,)\s*trailers\s*(?:,|$)/i

/**
 * The headers the upstream gets: the client's, less what is hop-by-hop, forged, reserved or ours, then our own (RS-1,
 * RS-4, FW-1 to FW-8, HX-1, HX-2). Reads `rawHeaders` once, into one fresh list: this runs for every request.
 *
 * Refused: `request_malformed` for a second header of a kind that must be single (HX-22), `expectation_refused` for
 * another expectation than 100-continue (HX-11), `proxy_loop` for a request that has been here (HX-5).
 */
export function upstreamRequestHeaders(
  rawHeaders: readonly string[],
  plan: RequestHeaderPlan,
  facts: RequestHeaderFacts,
): UpstreamRequestHeaders {
  const headers = ['host', plan.host ?? facts.host]
  const draft: Draft = { raw: rawHeaders, facts, headers, nominated: '', via: '', forwardedFor: '' }
  let seen = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    const { action, singleBit } = plan.rules.get(name) ?? ruleByPattern(name)
    if ((seen & singleBit) !== 0) return { kind: 'refused', reason: 'request_malformed' }
    seen |= singleBit
    if (action === 'pass') headers.push(rawHeaders[at]!, rawHeaders[at + 1]!)
    else if (action !== 'drop') {
      const reason = takeSpecial(draft, action, at)
      if (reason !== undefined) return { kind: 'refused', reason }
    }
  }
  if (draft.via !== '' && namesPseudonym(draft.via, plan.pseudonym)) return { kind: 'refused', reason: 'proxy_loop' }
  if (draft.nominated !== '') return upstreamRequestHeaders(withoutNominated(rawHeaders, draft.nominated), plan, facts)
  addOwn(draft, plan)
  return { kind: 'headers', headers, tooLong: addConfigured(headers, plan.set, facts.claims) }
}

/** Headers that pass in part, or tell us something. */
function takeSpecial(draft: Draft, action: RequestHeaderAction, at: number): Reason | undefined {
  const name = draft.raw[at]!
  const value = draft.raw[at + 1]!
  switch (action) {
    case 'from_proxy':
      if (draft.facts.peerTrusted) draft.headers.push(name, value)
      return undefined
    case 'connection':
      if (nominates(value)) draft.nominated += `${value},`
      return undefined
    case 'cookie':
      pushUnlessAbsent(draft.headers, name, withoutOwnCookies(value))
      return undefined
    case 'forwarded_for':
      if (draft.facts.peerTrusted) draft.forwardedFor += `${value}, `
      return undefined
    case 'max_forwards':
      draft.headers.push(name, String(maxForwards(draft.facts.method, value) ?? value))
      return undefined
    case 'te':
      if (TRAILERS.test(value)) draft.headers.push(name, 'trailers')
      return undefined
    case 'via':
      draft.via += `${value}, `
      return undefined
    case 'expect':
      return EXPECT_CONTINUE.test(value) ? undefined : 'expectation_refused'
    case 'pass':
    case 'drop':
      return undefined
  }
}

/** Each entry of Via is a protocol, a name and perhaps a comment (RFC 9110 §7.6.3). */
function namesPseudonym(via: string, pseudonym: string): boolean {
  return via.split(',').some((entry) => entry.trim().split(/\s+/)[1] === pseudonym)
}

function addOwn({ headers, facts, via, forwardedFor }: Draft, plan: RequestHeaderPlan): void {
  if (facts.token !== undefined) headers.push('authorization', `Bearer ${facts.token}`)
  headers.push(
    'x-forwarded-for', forwardedFor + facts.peerAddress,
    'x-forwarded-proto', facts.proto,
    'x-forwarded-host', facts.host,
    'x-forwarded-port', portOf(facts),
    'x-request-id', facts.requestId,
    'via', `${via}${facts.httpVersion} ${plan.pseudonym}`,
  )
  if (plan.forwardedPrefix !== undefined) headers.push('x-forwarded-prefix', plan.forwardedPrefix)
}

function portOf({ host, proto }: RequestHeaderFacts): string {
  const colon = host.lastIndexOf(':')
  if (colon > 0 && colon < host.length - 1 && !host.endsWith(']')) return host.slice(colon + 1)
  return proto === 'https' ? '443' : '80'
}

/** Adds the route's own headers; answers the names of those that grew too long. */
function addConfigured(
  headers: string[],
  set: RouteHeaders['set'],
  claims: Readonly<Record<string, unknown>> = NO_CLAIMS,
): readonly string[] {
  let tooLong = NO_NAMES
  for (const { name, value } of set) {
    const header = claimHeader(value, claims)
    if (header === 'too_long') tooLong = [...tooLong, name]
    else if (header !== 'absent') headers.push(name, header.value)
  }
  return tooLong
}

function pushUnlessAbsent(headers: string[], name: string, value: string | undefined): void {
  if (value !== undefined) headers.push(name, value)
}
