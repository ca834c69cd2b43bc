import type { HeaderSource } from './header-source.ts'
import { configuredHeader, MAX_VALUE_LENGTH } from './identity-headers.ts'
import type { RouteHeaders } from './route.ts'

/** What a route's configuration adds to requests. */
export interface ConfiguredHeaders {
  readonly set: RouteHeaders['set']
  /** Where the signed identity goes, lower case. */
  readonly identityHeader: string | undefined
}

/** What we add to a route's requests, where that is the same for each. */
export interface OwnHeaderPlan extends ConfiguredHeaders {
  readonly forwardedPrefix: string | undefined
  /** Our name in Via. */
  readonly pseudonym: string
}

/** What one request brings along besides its headers. */
export interface RequestHeaderFacts extends HeaderSource {
  /** Sent as `Authorization: Bearer …`; visible ASCII, checked by whoever obtained it (O4). */
  readonly token: string | undefined
  /** The other end of the connection, not the client behind a proxy. */
  readonly peerAddress: string
  readonly peerTrusted: boolean
  readonly httpVersion: string
  /** As the browser sees it, by our configuration and no header (AT-45). */
  readonly proto: 'http' | 'https'
}

const NO_NAMES: readonly string[] = []
const MAPPED = /^::ffff:(?=\d+\.)/i

/** What the request had of headers that we extend; each ends in a comma and space, or is empty. */
interface Received {
  readonly headers: string[]
  readonly via: string
  readonly forwardedFor: string
}

/** Adds what every upstream gets from us: the token, where the request came from (FW-2), its id and our Via (HX-5). */
export function addOwnHeaders(
  { headers, via, forwardedFor }: Received,
  plan: OwnHeaderPlan,
  facts: RequestHeaderFacts,
): void {
  if (facts.token !== undefined) headers.push('authorization', `Bearer ${facts.token}`)
  headers.push(
    'x-forwarded-for',
    forwardedFor + facts.peerAddress.replace(MAPPED, ''),
    'x-forwarded-proto',
    facts.proto,
    'x-request-id',
    facts.requestId,
    'via',
    `${via}${facts.httpVersion} ${plan.pseudonym}`,
  )
  if (facts.host !== '')
    headers.push('x-forwarded-host', facts.host, 'x-forwarded-port', portOf(facts))
  if (plan.forwardedPrefix !== undefined) headers.push('x-forwarded-prefix', plan.forwardedPrefix)
}

function portOf({ host, proto }: RequestHeaderFacts): string {
  const colon = host.lastIndexOf(':')
  if (colon > 0 && colon < host.length - 1 && !host.endsWith(']')) return host.slice(colon + 1)
  return proto === 'https' ? '443' : '80'
}

/** Adds the route's configured headers; answers the names of those that grew too long. */
export function addConfiguredHeaders(
  headers: string[],
  { set, identityHeader }: ConfiguredHeaders,
  source: HeaderSource,
): readonly string[] {
  let tooLong = NO_NAMES
  if (identityHeader !== undefined && source.identity !== undefined) {
    if (source.identity.length > MAX_VALUE_LENGTH) tooLong = [identityHeader]
    else headers.push(identityHeader, source.identity)
  }
  for (const { name, value } of set) {
    const header = configuredHeader(value, source)
    if (header === 'too_long') tooLong = [...tooLong, name]
    else if (header !== 'absent') headers.push(name, header.value)
  }
  return tooLong
}
