import { canonicalTarget } from '../domain/canonical-target.ts'
import type { RouteTable } from '../domain/route-table.ts'
import type { Route } from '../domain/route.ts'
import type { HostRule } from './host-rule.ts'

export interface Destined {
  readonly method: string
  /** As received. */
  readonly destination: string | string[] | undefined
  readonly host: string | undefined
  /** Where the request itself goes. */
  readonly route: Route
}

const WRITE_ELSEWHERE = new Set(['COPY', 'MOVE'])
const ABSOLUTE = /^https?:\/\/([^/?#@\\]+)(\/.*)$/is

/**
 * Does a COPY or MOVE write to where its own route leads too (RFC 4918 §10.3)? The destination is a second path, judged like
 * the first, and forwarded as it is: where the route changes paths it would mean another place (STANDARDS HX-34, HX-36).
 */
export function staysOnRoute(
  { method, destination, host, route }: Destined,
  hosts: HostRule,
  routes: RouteTable,
): boolean {
  if (!WRITE_ELSEWHERE.has(method) || destination === undefined) return true
  if (typeof destination !== 'string' || changesPaths(route)) return false
  const [, authority, path = destination] = ABSOLUTE.exec(destination) ?? []
  const named = authority === undefined ? host : hosts.hostname(authority.toLowerCase())
  const target = canonicalTarget(path)
  if (target === undefined || (named !== host && !isOurs(named, hosts))) return false
  const match = routes.match(named, method, target.path)
  return match.kind === 'route' && match.route === route
}

function changesPaths({ stripPrefix, upstream }: Route): boolean {
  return stripPrefix !== undefined || upstream.basePath !== ''
}

function isOurs(hostname: string | undefined, hosts: HostRule): boolean {
  return hostname !== undefined && hosts.isOurs(hostname)
}
