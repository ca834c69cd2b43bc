import { nominates, withoutNominated } from './hop-by-hop.ts'
import { maxForwards } from './max-forwards.ts'
import { withoutOwnCookies } from './own-cookies.ts'
import { addConfiguredHeaders, addOwnHeaders } from './own-request-headers.ts'
import type { OwnHeaderPlan, RequestHeaderFacts } from './own-request-headers.ts'
import type { Reason } from './reason.ts'
import { requestHeaderRules, ruleByPattern } from './request-header-rules.ts'
import type { RequestHeaderAction, RequestHeaderRule } from './request-header-rules.ts'
import type { Route } from './route.ts'
import { IDENTITY_HEADER } from './signed-identity.ts'

/** Everything about a route's request headers that is the same for each request: made once, at start. */
export interface RequestHeaderPlan extends OwnHeaderPlan {
  readonly rules: ReadonlyMap<string, RequestHeaderRule>
  /** `undefined`: the Host the client asked for (HX-25). */
  readonly host: string | undefined
}

export interface RequestHeaderPlanOptions {
  readonly route: Route
  /** All routes: a header that one of them sets is taken from callers on every route (FW-4). */
  readonly routes: readonly Route[]
  /** Our name in Via; must differ between gateways that may be chained, else the second sees a loop (HX-5). */
  readonly pseudonym: string
}

/** What a route does to every request's headers. */
export function requestHeaderPlan({
  route,
  routes,
  pseudonym,
}: RequestHeaderPlanOptions): RequestHeaderPlan {
  const identityNames = [IDENTITY_HEADER, ...routes.flatMap(namesOfOurs)]
  const replaced = route.stripPrefix === undefined ? [] : ['x-forwarded-prefix']
  return {
    rules: requestHeaderRules(identityNames, [...route.headers.remove, ...replaced]),
    set: route.headers.set,
    identityHeader: route.identity?.header,
    host: route.hostHeader === 'upstream' ? new URL(route.upstream.origin).host : undefined,
    forwardedPrefix: route.stripPrefix,
    pseudonym,
  }
}

/** What upstreams believe because it is ours to say (FW-4). */
function namesOfOurs({ headers, identity }: Route): string[] {
  const set = headers.set.map(({ name }) => name)
  return identity === undefined ? set : [...set, identity.header]
}

export type UpstreamRequestHeaders =
  | {
      readonly kind: 'headers'
      /** name, value, name, value …, as undici's dispatch takes them. */
      readonly headers: readonly string[]
      /** Configured headers left out because their value is over 4 KiB: worth a warning. */
      readonly tooLong: readonly string[]
      /** Identity headers the caller sent, lower case: for the audit log (OB-3). Five at most. */
      readonly forged: readonly string[]
    }
  | { readonly kind: 'refused'; readonly reason: Reason }

/** The list under construction, and what has to be known of the whole request to finish it. */
interface Draft {
  readonly facts: RequestHeaderFacts
  readonly headers: string[]
  forged: readonly string[]
  nominated: string
  via: string
  forwardedFor: string
}

const NO_NAMES: readonly string[] = []
const MAX_FORGED = 5 // one request must not fill the log
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
  const draft: Draft = {
    facts,
    headers,
    forged: NO_NAMES,
    nominated: '',
    via: '',
    forwardedFor: '',
  }
  let seen = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    const { action, singleBit } = plan.rules.get(name) ?? ruleByPattern(name)
    if ((seen & singleBit) !== 0) return { kind: 'refused', reason: 'request_malformed' }
    seen |= singleBit
    if (action === 'pass') headers.push(rawHeaders[at]!, rawHeaders[at + 1]!)
    else if (action !== 'drop') {
      const reason = TAKE[action](draft, rawHeaders[at]!, rawHeaders[at + 1]!)
      if (reason !== undefined) return { kind: 'refused', reason }
    }
  }
  if (namesPseudonym(draft.via, plan.pseudonym)) return { kind: 'refused', reason: 'proxy_loop' }
  if (draft.nominated !== '') {
    return upstreamRequestHeaders(withoutNominated(rawHeaders, draft.nominated), plan, facts)
  }
  addOwnHeaders(draft, plan, facts)
  const tooLong = addConfiguredHeaders(headers, plan, facts)
  return { kind: 'headers', headers, tooLong, forged: draft.forged }
}

type Take = (draft: Draft, name: string, value: string) => Reason | undefined

/** Headers that pass in part or on a condition, or tell us something. */
const TAKE: Readonly<Record<Exclude<RequestHeaderAction, 'pass' | 'drop'>, Take>> = {
  forged(draft, name) {
    if (draft.forged.length < MAX_FORGED) draft.forged = [...draft.forged, name.toLowerCase()]
    return undefined
  },
  from_proxy({ headers, facts }, name, value) {
    if (facts.peerTrusted) headers.push(name, value)
    return undefined
  },
  connection(draft, _, value) {
    if (nominates(value)) draft.nominated += `${value},`
    return undefined
  },
  cookie({ headers }, name, value) {
    const others = withoutOwnCookies(value)
    if (others !== undefined) headers.push(name, others)
    return undefined
  },
  forwarded_for(draft, _, value) {
    if (draft.facts.peerTrusted) draft.forwardedFor += `${value}, `
    return undefined
  },
  max_forwards({ headers, facts }, name, value) {
    const left = maxForwards(facts.method, value)
    headers.push(name, typeof left === 'number' ? String(left) : value)
    return undefined
  },
  te({ headers }, name, value) {
    if (TRAILERS.test(value)) headers.push(name, 'trailers')
    return undefined
  },
  via(draft, _, value) {
    draft.via += `${value}, `
    return undefined
  },
  expect: (_, __, value) => (EXPECT_CONTINUE.test(value) ? undefined : 'expectation_refused'),
}

/** Each entry of Via is a protocol, a name and perhaps a comment (RFC 9110 §7.6.3). */
function namesPseudonym(via: string, pseudonym: string): boolean {
  return via !== '' && via.split(',').some((entry) => entry.trim().split(/\s+/)[1] === pseudonym)
}
