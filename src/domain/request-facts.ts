/** What a browser says about why it asks; everything the access decision may know of a request. */
export interface RequestFacts {
  readonly method: string
  /** A person opens a page: top-level navigation (AZ-12). */
  readonly navigation: boolean
  /** Asked ahead of any click: must not start anything (AZ-13). */
  readonly prefetch: boolean
  /** `undefined`: the header is missing. A value no specification knows counts as cross-site. */
  readonly fetchSite: FetchSite | undefined
  readonly origin: string | undefined
  /** Carries a header that other sites cannot send without a CORS preflight. */
  readonly customHeader: boolean
  readonly websocket: boolean
}

export type FetchSite = 'same-origin' | 'same-site' | 'cross-site' | 'none'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const CUSTOM_HEADERS = ['x-requested-with', 'x-csrf-token', 'x-xsrf-token', 'x-csrf']

/**
 * The facts of one request, from Fetch Metadata where the browser sends it. `headers` has lower-case names,
 * as node:http gives them; a header sent twice never counts as the good one.
 */
export function requestFacts(method: string, headers: Headers): RequestFacts {
  const customHeader = CUSTOM_HEADERS.some((name) => headers[name] !== undefined)
  return {
    method,
    navigation: isNavigation(headers, customHeader),
    prefetch: isPrefetch(headers),
    fetchSite: fetchSite(single(headers['sec-fetch-site'])),
    origin: single(headers['origin']),
    customHeader,
    websocket: isWebSocket(method, headers),
  }
}

function isNavigation(headers: Headers, customHeader: boolean): boolean {
  const mode = headers['sec-fetch-mode']
  const destination = headers['sec-fetch-dest']
  if (mode !== undefined || destination !== undefined) {
    return mode === 'navigate' && destination === 'document'
  }
  const site = headers['sec-fetch-site']
  return (
    site === undefined && !customHeader && /\btext\/html\b/i.test(single(headers['accept']) ?? '')
  )
}

function isPrefetch(headers: Headers): boolean {
  const purpose =
    headers['sec-purpose'] ?? headers['purpose'] ?? headers['x-purpose'] ?? headers['x-moz']
  return purpose !== undefined && /prefetch|prerender|preview/i.test(single(purpose) ?? '')
}

function fetchSite(value: string | undefined): FetchSite | undefined {
  switch (value) {
    case undefined:
    case 'same-origin':
    case 'same-site':
    case 'none':
      return value
    default:
      return 'cross-site'
  }
}

/** Without `Connection: upgrade` the field is meant for someone else (RFC 9110 §7.8). */
function isWebSocket(method: string, headers: Headers): boolean {
  const upgrade = single(headers['upgrade'])
  if (method !== 'GET' || upgrade === undefined) return false
  const isNamed = /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(single(headers['connection']) ?? '')
  return isNamed && upgrade.toLowerCase() === 'websocket'
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
