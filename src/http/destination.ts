import { canonicalTarget } from '../domain/canonical-target.ts'
import { isNominated } from '../domain/hop-by-hop.ts'
import type { RouteTable } from '../domain/route-table.ts'
import type { Route } from '../domain/route.ts'
import type { HostRule } from './host-rule.ts'

export interface Destined {
  readonly method: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly host: string | undefined
  /** Where the request itself goes. */
  readonly route: Route
  readonly path: string
}

export interface Whereabouts {
  readonly hosts: HostRule
  readonly routes: RouteTable
}

const WRITE_ELSEWHERE = new Set(['COPY', 'MOVE'])
/** What these do, they do to everything below as well (RFC 4918 §10.2). */
const REACH_BELOW = new Set(['COPY', 'MOVE', 'LOCK', 'PROPFIND'])
const ABSOLUTE = /^https?:\/\/([^/?#@\\]+)(\/.*)$/is

/**
 * Is everything that a WebDAV request reaches on its own route? A destination is a second path, judged like the first, and
 * forwarded as it is: where the route changes paths it would mean another place (STANDARDS HX-34, HX-36).
 */
export function staysOnRoute(request: Destined, whereabouts: Whereabouts): boolean {
  const { method, headers, host, path } = request
  if (!REACH_BELOW.has(method)) return true
  const { routes } = whereabouts
  if (reachesBelow(request) && routes.hasOthersBelow(host, path)) return false
  if (!WRITE_ELSEWHERE.has(method) || headers['destination'] === undefined) return true
  const there = destinationOf(request, whereabouts)
  return there !== undefined && !routes.hasOthersBelow(there.host, there.path) // what is there gives way
}

/** By the depth that the upstream gets to see; where it sees none, these go all the way down. */
function reachesBelow({ method, headers, route }: Destined): boolean {
  if (method === 'MOVE') return true // whatever its Depth says (RFC 4918 §9.9.2)
  const { depth, connection = '' } = headers
  if (route.headers.remove.includes('depth') || isNominated('depth', String(connection)))
    return true
  return depth !== '0' && !(method === 'PROPFIND' && depth === '1')
}

/** The second path, if it leads to the same route. */
function destinationOf(
  { method, headers: { destination }, host, route }: Destined,
  { hosts, routes }: Whereabouts,
): { readonly host: string | undefined; readonly path: string } | undefined {
  if (typeof destination !== 'string' || changesPaths(route)) return undefined
  const [, authority, path = destination] = ABSOLUTE.exec(destination) ?? []
  const named = authority === undefined ? host : hosts.hostname(authority.toLowerCase())
  const target = canonicalTarget(path)
  if (target === undefined || (named !== host && !isOurs(named, hosts))) return undefined
  const match = routes.match(named, method, target.path)
  const isSame = match.kind === 'route' && match.route === route
  return isSame ? { host: named, path: target.path } : undefined
}

function changesPaths({ stripPrefix, upstream }: Route): boolean {
  return stripPrefix !== undefined || upstream.basePath !== ''
}

function isOurs(hostname: string | undefined, hosts: HostRule): boolean {
  return hostname !== undefined && hosts.isOurs(hostname)
}
