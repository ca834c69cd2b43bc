import type { IncomingMessage } from 'node:http'
import { canonicalTarget, type CanonicalTarget } from '../domain/canonical-target.ts'
import { clientAddress, type TrustedProxies } from '../domain/client-address.ts'
import { preflightMethod } from '../domain/cors.ts'
import { maxForwards } from '../domain/max-forwards.ts'
import type { RouteTable } from '../domain/route-table.ts'
import {
  askedTarget,
  FORWARDED_METHODS,
  hasRepeatedField,
  MAX_TARGET_LENGTH,
  targetRefusal,
} from './asked-target.ts'
import { staysOnRoute } from './destination.ts'
import {
  NOWHERE,
  ownEndpoint,
  ownOptions,
  proxied,
  refused,
  type At,
  type Findings,
} from './door-findings.ts'
import { enter, knownEntrance, type Entrance, type Site } from './entrance.ts'
import {
  asksToVerify,
  forwardedRequest,
  VERIFY_PATH,
  type ForwardedRequest,
} from './forwarded-request.ts'
import { headerBytes } from './header-bytes.ts'
import type { HostRule } from './host-rule.ts'
import { isOwnSpace } from './own-endpoint-table.ts'
import { createRequestIds, isRequestId } from './request-id.ts'

export interface DoorOptions {
  readonly site: Site
  readonly routes: RouteTable
  readonly hosts: HostRule
  readonly trustedProxies: TrustedProxies
  /** Answer `/oauth2/verify`; without it that is 404. */
  readonly forwardAuth?: boolean
  /** Paths of providers that have a callback of their own. */
  readonly ownCallbacks?: ReadonlySet<string>
  /** Told of peers that forward for others without being trusted to. */
  readonly onUntrustedProxy?: (address: string) => void
}

export { FORWARDED_METHODS } from './asked-target.ts'

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
    const forwardedFor = headers['x-forwarded-for'] as string | undefined
    const peer = clientAddress(socket.remoteAddress ?? '', forwardedFor, options.trustedProxies)
    if (forwardedFor !== undefined && !peer.peerTrusted) options.onUntrustedProxy?.(peer.address)
    const sentId = headers['x-request-id']
    const asksAbout = options.forwardAuth === true && asksToVerify(request)
    const found = asksAbout
      ? verified(request, peer.peerTrusted, options)
      : inspect(request, options)
    const entrance: Entrance = {
      requestId: peer.peerTrusted && isRequestId(sentId) ? sentId : freshId(),
      startedAtMs,
      method: found.method ?? request.method ?? '',
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

function inspect(request: IncomingMessage, options: DoorOptions): Findings {
  const { hosts, routes, ownCallbacks } = options
  const { method = '', headers } = request
  const asked = askedTarget(request, hosts)
  if (asked === undefined) return refused('request_malformed', NOWHERE)
  const reason = targetRefusal(request, asked)
  if (reason === 'method_not_allowed') return refused(reason, asked, { allow: FORWARDED_METHODS })
  if (reason !== undefined) return refused(reason, asked)
  if (asked.target === '*') return ownOptions(asked)

  const target = canonicalTarget(asked.target)
  if (target === undefined) return refused('path_refused', asked)
  const forwards = maxForwards(method, headers['max-forwards'] as string | undefined)
  if (forwards === 'answer') return ownOptions(asked)
  if (isOwnSpace(target.path)) return ownEndpoint(method, asked, { target, ownCallbacks })
  const found = proxied(methodOf(request, asked, target, routes), asked, target, routes)
  return judgedTwice(request, method, found, options)
}

/** A request that reaches more than its own path has to be right in all of it. */
function judgedTwice(
  { headers, rawHeaders }: IncomingMessage,
  method: string,
  found: Findings,
  options: Pick<DoorOptions, 'hosts' | 'routes'>,
): Findings {
  const { route, host, target } = found
  if (route === undefined || target === undefined) return found
  if (route.maxHeaderBytes !== undefined && headerBytes(rawHeaders) > route.maxHeaderBytes)
    return refused('headers_too_large', found, { target })
  return staysOnRoute({ method, headers, host, route, path: target.path }, options)
    ? found
    : refused('path_refused', found, { target })
}

/** A preflight belongs to the route of the request it announces, where that route answers it (STANDARDS CS-5). */
function methodOf(
  { method = '', headers }: IncomingMessage,
  at: At,
  { path }: CanonicalTarget,
  routes: RouteTable,
): string {
  const wanted = preflightMethod(method, headers)
  if (wanted === undefined || !FORWARDED_METHODS.includes(wanted)) return method
  const match = routes.match(at.host, wanted, path)
  return match.kind === 'route' && match.route.cors !== undefined ? wanted : method
}

/**
 * The findings about the request that a proxy in front asks about: as if it had come here itself, but answered by the endpoint.
 * Only trusted peers are heard (STANDARDS FW-10), so their own Host need not be one of ours.
 */
function verified(request: IncomingMessage, peerTrusted: boolean, options: DoorOptions): Findings {
  const internalUrl = request.url ?? VERIFY_PATH
  const told = peerTrusted ? forwardedRequest(request) : undefined
  if (told === undefined || hasRepeatedField(request.rawHeaders))
    return { ...refused('verify_refused', NOWHERE), endpoint: VERIFY_PATH, internalUrl }
  const found = judgedTwice(request, told.method, asked(told, options), options)
  return { ...found, method: told.method, endpoint: VERIFY_PATH, internalUrl }
}

function asked(
  { method, target: told, authority }: ForwardedRequest,
  { hosts, routes }: DoorOptions,
): Findings {
  const host = hosts.hostname(authority)
  if (host === undefined) return refused('request_malformed', NOWHERE)
  const at: At = { authority, host }
  if (told.length > MAX_TARGET_LENGTH) return refused('uri_too_long', at)
  if (!hosts.serves(host)) return refused('host_refused', at)
  if (!FORWARDED_METHODS.includes(method)) return refused('method_not_allowed', at)
  const target = canonicalTarget(told)
  if (target === undefined) return refused('path_refused', at)
  return isOwnSpace(target.path)
    ? refused('route_not_found', at, { target })
    : proxied(method, at, target, routes)
}
