import { canonicalTarget } from './canonical-target.ts'
import type { CanonicalTarget } from './canonical-target.ts'
import type { Route } from './route.ts'

/**
 * The request target for the upstream: base path, then the client's octets less the stripped prefix.
 * `undefined` (to be refused with `path_refused`) when what is left would be ambiguous by itself, such as `//host/x`
 * (P19). It never leaves the route's base path: dot segments were refused at the door (HX-36).
 */
export function upstreamPath(route: Route, target: CanonicalTarget): string | undefined {
  const rest = withoutPrefix(target.path, route.stripPrefix)
  if (rest === undefined) return undefined
  const path = route.upstream.basePath + rest
  return (path === '' ? '/' : path) + target.query
}

function withoutPrefix(path: string, prefix: string | undefined): string | undefined {
  if (prefix === undefined || !path.startsWith(prefix)) return path
  const rest = path.slice(prefix.length)
  if (rest === '') return rest
  if (!rest.startsWith('/')) return path
  return canonicalTarget(rest) === undefined ? undefined : rest
}
