import { allowsSharedCaches, privateCacheControl, varyByCookie } from './cache-policy.ts'
import { headerText, nominates, withoutNominated } from './hop-by-hop.ts'
import { mapLocation, mapRefresh } from './location.ts'
import { setsOwnCookie } from './own-cookies.ts'
import type { Route } from './route.ts'

/** Everything about a route's response headers that is the same for each answer: made once, at start. */
export interface ResponseHeaderPlan {
  readonly route: Route
  readonly publicOrigin: string
  /** Lower case names that clients do not get, if any (ER-10). */
  readonly hidden: ReadonlySet<string> | undefined
  /** Added where the upstream sent no header of this (lower-case) name. */
  readonly defaults: readonly { readonly name: string; readonly value: string }[]
}

/**
 * What a route does to every answer's headers. `nosniff` on all; `Cross-Origin-Resource-Policy` only where access is
 * guarded, since pictures and fonts of a public route may be meant for other sites (CS-11); HSTS for a year on an https
 * public URL (ER-9).
 */
export function responseHeaderPlan(route: Route, publicUrl: URL): ResponseHeaderPlan {
  const guarded = { name: 'cross-origin-resource-policy', value: 'same-origin' }
  const overTls = { name: 'strict-transport-security', value: 'max-age=31536000' }
  const { hide } = route.headers
  return {
    route,
    publicOrigin: publicUrl.origin,
    hidden: hide === undefined ? undefined : new Set(hide),
    defaults: [
      { name: 'x-content-type-options', value: 'nosniff' },
      ...(route.access === 'public' ? [] : [guarded]),
      ...(publicUrl.protocol === 'https:' ? [overTls] : []),
    ],
  }
}

type ResponseHeaderAction =
  | 'drop'
  | 'connection'
  | 'set_cookie'
  | 'location'
  | 'refresh'
  | 'clear_site_data'
  | 'cache_control'
  | 'shared_cache_control'
  | 'vary'
  | 'default'

const ACTIONS: ReadonlyMap<string, ResponseHeaderAction> = new Map([
  // Hop-by-hop (RFC 9110 §7.6.1, HX-3). Trailer without trailers ends a Node process (P5).
  ...actions(
    'drop',
    'http2-settings keep-alive proxy-authenticate proxy-authentication-info proxy-authorization ' +
      'proxy-connection te trailer transfer-encoding upgrade',
  ),
  // Where else the upstream's origin is served says nothing about ours (RFC 7838 §3).
  ...actions('drop', 'alt-svc alternate-protocol'),
  ...actions('connection', 'connection'),
  ...actions('set_cookie', 'set-cookie'),
  ...actions('location', 'location content-location'),
  ...actions('refresh', 'refresh'),
  ...actions('clear_site_data', 'clear-site-data'),
  ...actions('cache_control', 'cache-control'),
  // Caches that know these do not ask Cache-Control (RFC 9213).
  ...actions(
    'shared_cache_control',
    'cdn-cache-control cloudflare-cdn-cache-control surrogate-control x-accel-expires',
  ),
  ...actions('vary', 'vary'),
  ...actions(
    'default',
    'cross-origin-resource-policy strict-transport-security x-content-type-options',
  ),
])

/** The list under construction, and what has to be known of the whole answer to finish it. */
interface Draft {
  readonly plan: ResponseHeaderPlan
  readonly headers: string[]
  /** For shared caches, held back until Cache-Control is known. */
  readonly shared: string[]
  nominated: string
  cacheControl: string
  vary: string
  given: string
}

/**
 * The headers the client gets: the upstream's, less what is hop-by-hop or would touch our cookies (HX-3, HX-4, RS-5,
 * AT-30), its own addresses mapped (HX-24), kept out of shared caches (ER-7), with the defaults of the plan. name, value,
 * name, value …, as writeHead takes them; each Set-Cookie stays alone (HX-22).
 *
 * `rawHeaders` are undici's octets, or strings. `withToken`: the request went up with a user's token.
 */
export function clientResponseHeaders(
  rawHeaders: readonly (Buffer | string)[],
  plan: ResponseHeaderPlan,
  withToken: boolean,
): string[] {
  const draft: Draft = {
    plan,
    headers: [],
    shared: [],
    nominated: '',
    cacheControl: '',
    vary: '',
    given: '',
  }
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = headerText(rawHeaders[at]!)
    const value = headerText(rawHeaders[at + 1]!)
    const lowerCaseName = name.toLowerCase()
    if (plan.hidden?.has(lowerCaseName) === true) continue
    const action = ACTIONS.get(lowerCaseName)
    if (action === undefined) draft.headers.push(name, value)
    else if (action !== 'drop') takeSpecial(draft, action, { name, value })
  }
  if (draft.nominated !== '') {
    return clientResponseHeaders(withoutNominated(rawHeaders, draft.nominated), plan, withToken)
  }
  addCachePolicy(draft, withToken)
  for (const { name, value } of plan.defaults) {
    if (!draft.given.includes(name)) draft.headers.push(name, value)
  }
  return draft.headers
}

interface Header {
  readonly name: string
  readonly value: string
}

/** Headers that pass changed or not at all, or tell us something. */
function takeSpecial(
  draft: Draft,
  action: Exclude<ResponseHeaderAction, 'drop'>,
  { name, value }: Header,
): void {
  const { headers, plan } = draft
  switch (action) {
    case 'connection':
      if (nominates(value)) draft.nominated += `${value},`
      break
    case 'set_cookie':
      if (!setsOwnCookie(value)) headers.push(name, value)
      break
    case 'location':
      headers.push(name, mapLocation(value, plan.route, plan.publicOrigin))
      break
    case 'refresh':
      headers.push(name, mapRefresh(value, plan.route, plan.publicOrigin))
      break
    case 'clear_site_data':
      addClearSiteData(headers, { name, value })
      break
    case 'cache_control':
      draft.cacheControl = joined(draft.cacheControl, value)
      break
    case 'shared_cache_control':
      draft.shared.push(name, value)
      break
    case 'vary':
      draft.vary = joined(draft.vary, value)
      break
    case 'default':
      headers.push(name, value)
      draft.given += ` ${name.toLowerCase()}`
      break
  }
}

/**
 * Nobody but its user may be served an answer that was made for a token, unless the route and the upstream both say so. An
 * `optional` route answers strangers otherwise than users: caches have to tell them apart.
 */
function addCachePolicy(
  { plan, headers, shared, cacheControl, vary }: Draft,
  withToken: boolean,
): void {
  const { access, cacheable } = plan.route
  const isShared = cacheable && allowsSharedCaches(cacheControl)
  const isPersonal = withToken && !isShared
  const finalCacheControl = isPersonal ? privateCacheControl(cacheControl) : cacheControl
  const finalVary = isPersonal || (access === 'optional' && !isShared) ? varyByCookie(vary) : vary
  if (finalCacheControl !== '') headers.push('cache-control', finalCacheControl)
  if (finalVary !== '') headers.push('vary', finalVary)
  if (!isPersonal) headers.push(...shared)
}

const CLEARS_COOKIES = /^"?(?:cookies|\*)"?$/i
const ALL_BUT_COOKIES = ['"cache"', '"storage"', '"executionContexts"']

/** Clear-Site-Data without the cookies: an upstream must not sign our user out (AT-30). */
function addClearSiteData(headers: string[], { name, value }: Header): void {
  const directives = value.split(',').map((directive) => directive.trim())
  const kept = directives.filter((directive) => !CLEARS_COOKIES.test(directive))
  if (directives.some((directive) => directive.includes('*'))) kept.push(...ALL_BUT_COOKIES)
  if (kept.length > 0) headers.push(name, [...new Set(kept)].join(', '))
}

function joined(there: string, more: string): string {
  return there === '' ? more : `${there}, ${more}`
}

function actions(action: ResponseHeaderAction, names: string): [string, ResponseHeaderAction][] {
  return names.split(' ').map((name) => [name, action])
}
