import type { IncomingMessage } from 'node:http'
import { canonicalTarget, type CanonicalTarget } from '../domain/canonical-target.ts'
import { clientAddress, type TrustedProxies } from '../domain/client-address.ts'
import { maxForwards } from '../domain/max-forwards.ts'
import type { RouteTable } from '../domain/route-table.ts'
import type { Route } from '../domain/route.ts'
import {
  enter,
  knownEntrance,
  type DoorRefusal,
  type Entrance,
  type Site,
} from './entrance.ts'
import type { HostRule } from './host-rule.ts'
import { isOwnSpace, OWN_ENDPOINTS } from './own-endpoint-table.ts'
import { createRequestIds, isRequestId } from './request-id.ts'

export interface DoorOptions {
  readonly site: Site
  readonly routes: RouteTable
  readonly hosts: HostRule
  readonly trustedProxies: TrustedProxies
}

/** Methods the gateway forwards; all others are 405 (STANDARDS AT-12). The second line is WebDAV. */
export const FORWARDED_METHODS: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  ...['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'SEARCH'],
]

export const REFUSED_URL = '/~refused'
export const OPTIONS_URL = '/~options'
const MAX_TARGET_LENGTH = 8_192 // STANDARDS RL-1

const forwarded = new Set(FORWARDED_METHODS)

interface Findings {
  readonly authority: string | undefined
  readonly host: string | undefined
  readonly target: CanonicalTarget | undefined
  readonly route: Route | undefined
  readonly endpoint: string | undefined
  readonly refusal: DoorRefusal | undefined
  readonly internalUrl: string
}

/**
 * Every request passes here before anything else looks at it. The door decides once what the
 * request is about and answers the internal URL where fastify finds the handler, so that no other
 * parser ever reads what the client wrote (STANDARDS HX-34).
 */
export function createDoor(options: DoorOptions): (request: IncomingMessage) => string {
  const freshId = createRequestIds()
  return (request) => {
    const known = knownEntrance(request)
    if (known !== undefined) return known.internalUrl
    const startedAtMs = performance.now()
    const { headers, socket } = request
    const peer = clientAddress(
      socket.remoteAddress ?? '',
      headers['x-forwarded-for'] as string | undefined,
      options.trustedProxies,
    )
    const sentId = headers['x-request-id']
    const found = inspect(request, options)
    const entrance: Entrance = {
      requestId: peer.peerTrusted && isRequestId(sentId) ? sentId : freshId(),
      startedAtMs,
      method: request.method ?? '',
      authority: found.authority,
      host: found.host,
      clientAddress: peer.address,
      peerTrusted: peer.peerTrusted,
      site: options.site,
      target: found.target,
      route: found.route,
      endpoint: found.endpoint,
      refusal: found.refusal,
      internalUrl: found.internalUrl,
      session: undefined,
      reason: undefined,
      cause: undefined,
    }
    enter(request, entrance)
    return entrance.internalUrl
  }
}

function inspect(request: IncomingMessage, { hosts, routes }: DoorOptions): Findings {
  const method = request.method ?? ''
  const url = request.url ?? ''
  if (hasRepeatedField(request.rawHeaders)) return refused('request_malformed')
  if (url.length > MAX_TARGET_LENGTH) return refused('uri_too_long')

  const absolute = url.startsWith('/') || url === '*' ? undefined : absoluteForm(url)
  if (absolute === undefined && !url.startsWith('/') && url !== '*') {
    return refused('request_malformed')
  }
  const authority = (absolute?.authority ?? request.headers.host)?.toLowerCase()
  const host = authority === undefined ? undefined : hosts.hostname(authority)
  if (host === undefined && !(authority === undefined && request.httpVersion === '1.0')) {
    return refused('request_malformed') // RFC 9112 §3.2; only HTTP/1.0 may come without Host
  }
  const at = { authority, host }
  if (host !== undefined && !(absolute === undefined ? hosts.serves(host) : hosts.isOurs(host))) {
    return refused('host_refused', at)
  }
  if (!forwarded.has(method)) return refused('method_not_allowed', at, FORWARDED_METHODS)
  if (isUnknownExpectation(request.headers.expect)) return refused('expectation_refused', at)

  const asked = absolute?.target ?? url
  if (asked === '*') {
    return method === 'OPTIONS' ? ownOptions(at) : refused('request_malformed', at)
  }
  const target = canonicalTarget(asked)
  if (target === undefined) return refused('path_refused', at)
  if (maxForwards(method, request.headers['max-forwards'] as string | undefined) === 'answer') return ownOptions(at)
  if (isOwnSpace(target.path)) return ownEndpoint(method, at, target)
  return proxied(method, at, target, routes)
}

type At = { readonly authority: string | undefined; readonly host: string | undefined }

function ownEndpoint(method: string, at: At, target: CanonicalTarget): Findings {
  const methods = OWN_ENDPOINTS.get(target.path)
  if (methods === undefined) return refused('route_not_found', at, undefined, target)
  const endpoint = target.path
  if (!methods.includes(method)) {
    return { ...refused('method_not_allowed', at, methods, target), endpoint }
  }
  const internalUrl = endpoint + target.query
  return { ...at, target, route: undefined, endpoint, refusal: undefined, internalUrl }
}

function proxied(method: string, at: At, target: CanonicalTarget, routes: RouteTable): Findings {
  const match = routes.match(at.host, method, target.path)
  if (match.kind === 'route') {
    return {
      authority: at.authority,
      host: at.host,
      target,
      route: match.route,
      endpoint: undefined,
      refusal: undefined,
      internalUrl: routeUrl(match.index),
    }
  }
  if (match.kind === 'none') return refused('route_not_found', at, undefined, target)
  if (match.kind === 'ambiguous') return refused('path_refused', at, undefined, target)
  return refused('method_not_allowed', at, match.allow, target)
}

/** Where the handler of the route with this number lives. */
export function routeUrl(index: number): string {
  return `/~route/${index}/`
}

function ownOptions(at: At): Findings {
  const nothing = { target: undefined, route: undefined, endpoint: undefined, refusal: undefined }
  return { ...at, ...nothing, internalUrl: OPTIONS_URL }
}

const NOWHERE: At = { authority: undefined, host: undefined }

function refused(
  reason: DoorRefusal['reason'],
  at: At = NOWHERE,
  allow?: readonly string[],
  target?: CanonicalTarget,
): Findings {
  const refusal: DoorRefusal = { reason, allow }
  return { ...at, target, route: undefined, endpoint: undefined, refusal, internalUrl: REFUSED_URL }
}

const ABSOLUTE_FORM = /^https?:\/\/([^/?#@\\]+)((?:[/?].*)?)$/is

/** Scheme and authority cut off (RFC 9112 §3.2.2); `undefined` when it is no absolute-form of ours to read. */
function absoluteForm(url: string): { authority: string; target: string } | undefined {
  const [, authority, rest] = ABSOLUTE_FORM.exec(url) ?? []
  if (authority === undefined || rest === undefined) return undefined
  return { authority, target: rest.startsWith('/') ? rest : `/${rest}` }
}

/** Node keeps the first of these and drops the rest, an upstream may read another one (STANDARDS HX-7, HX-22). */
function hasRepeatedField(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  let authorizations = 0
  let contentTypes = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4) hosts += isField(name, 'host')
    else if (name.length === 12) contentTypes += isField(name, 'content-type')
    else if (name.length === 13) authorizations += isField(name, 'authorization')
  }
  return hosts > 1 || authorizations > 1 || contentTypes > 1
}

function isField(name: string, lowerCaseName: string): number {
  return name.toLowerCase() === lowerCaseName ? 1 : 0
}

function isUnknownExpectation(expect: string | undefined): boolean {
  return expect !== undefined && expect.toLowerCase() !== '100-continue'
}
