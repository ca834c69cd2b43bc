import { forgivingReadings } from './path-readings.ts'
import type { Route } from './route.ts'

export interface RouteTable {
  /**
   * The route that takes the request. The path must be canonical (see canonicalTarget); the host may
   * carry a port. Costs O(path length), whatever the number of routes.
   */
  match(host: string | undefined, method: string, path: string): RouteMatch
  /** Does another route lie below a path that was matched, for any reading of it? */
  hasOthersBelow(host: string | undefined, path: string): boolean
}

export type RouteMatch =
  | { readonly kind: 'route'; readonly route: Route; readonly index: number }
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'none' }
  /** Another reading of the path selects another route: `path_refused`. */
  | { readonly kind: 'ambiguous' }

const NONE: RouteMatch = { kind: 'none' }
const AMBIGUOUS: RouteMatch = { kind: 'ambiguous' }
const EVERY_HOST = ''
const OWN = 'oauth2'
const FOLDED_PATH = /^(?:\/(?![a-z0-9._~:@,=-]*\.(?:\/|$))[a-z0-9._~:@,=-]+)*$/

/**
 * The routes as a table. The longest path wins, an exact one before a prefix, then a route for the
 * request's host before one for every host: a rule without host holds on every host. At that place the
 * method decides, and no shorter path is asked any more; GET brings HEAD with it. `/oauth2/*` is never ours
 * to give.
 *
 * The path is forwarded as it is, so the route must be the same for every reading a server may have of it:
 * decoded, slashes merged, parameters cut, case folded (AT-11). Otherwise the answer is `ambiguous`, unless
 * two routes differ in just that.
 */
export function buildRouteTable(routes: readonly Route[]): RouteTable {
  const places = byPlace(routes).map(newPlace)
  const literal = newNode<Place>()
  const forgiving = newNode<Place[]>()
  for (const place of places) {
    put(literal, literalSegments(place), place, () => place)
    for (const reading of forgivingReadings(place.path)) {
      put(forgiving, reading, place, (there = []) => [...there, place])
    }
  }
  const hasHosts = places.some((place) => place.host !== EVERY_HOST)
  const isFolded = places.every((place) => place.path === '/' || FOLDED_PATH.test(place.path))

  function isSure(place: Place, host: string, path: string): boolean {
    if (isFolded && FOLDED_PATH.test(path)) return true
    return forgivingReadings(path).every(
      (segments) =>
        segments[0] !== OWN && find(forgiving, segments, host)?.includes(place) === true,
    )
  }

  return {
    match(hostHeader, method, path) {
      if (path.startsWith('/oauth2') && (path.length === 7 || path[7] === '/')) return NONE
      const host = hasHosts ? hostName(hostHeader) : EVERY_HOST
      const place = findByPath(literal, path, host)
      if (place === undefined) return NONE
      if (!isSure(place, host, path)) return AMBIGUOUS
      return place.byMethod.get(method) ?? place.otherwise
    },
    hasOthersBelow(hostHeader, path) {
      const host = hasHosts ? hostName(hostHeader) : EVERY_HOST
      const place = findByPath(literal, path, host)
      return forgivingReadings(path).some((segments) => {
        const node = nodeAt(forgiving, segments)
        if (node === undefined) return false
        return at(node.prefix, host)?.includes(place!) === false || isAnyBelow(node, host)
      })
    },
  }
}

function isAnyBelow<T>({ children }: Node<T>, host: string): boolean {
  return [...children.values()].some(
    (child) => at(child.exact, host) ?? at(child.prefix, host) ?? isAnyBelow(child, host),
  )
}

function nodeAt<T>(root: Node<T>, segments: readonly string[]): Node<T> | undefined {
  let node: Node<T> | undefined = root
  for (const segment of segments) node = node?.children.get(segment)
  return node
}

/**
 * Pairs of routes that no request could tell apart: same host, same path, a method in common. One of
 * them would never be used. Indexes into `routes`, `first < second`.
 */
export function routeConflicts(routes: readonly Route[]): { first: number; second: number }[] {
  return byPlace(routes).flatMap((group) =>
    group.flatMap((one, position) =>
      group
        .slice(position + 1)
        .filter((other) => methodsMeet(one.route.methods, other.route.methods))
        .map((other) => ({ first: one.index, second: other.index })),
    ),
  )
}

function methodsMeet(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): boolean {
  if (one === undefined || other === undefined) return one === other
  return one.some((method) => other.includes(method))
}

/** One path on one host, with what each method finds there. */
interface Place {
  readonly kind: 'exact' | 'prefix'
  readonly path: string
  readonly host: string
  readonly byMethod: ReadonlyMap<string, RouteMatch>
  readonly otherwise: RouteMatch
}

function placeKey(route: Route): string {
  return `${route.host ?? EVERY_HOST} ${route.path.kind} ${route.path.path}`
}

type Selected = Extract<RouteMatch, { kind: 'route' }>

function byPlace(routes: readonly Route[]): Selected[][] {
  const groups = new Map<string, Selected[]>()
  for (const [index, route] of routes.entries()) {
    const key = placeKey(route)
    groups.set(key, [...(groups.get(key) ?? []), { kind: 'route', route, index }])
  }
  return [...groups.values()]
}

function newPlace(matches: readonly Selected[]): Place {
  const { path, host = EVERY_HOST } = matches[0]!.route
  const byMethod = new Map<string, RouteMatch>()
  for (const match of matches) {
    for (const method of match.route.methods ?? [])
      byMethod.set(method, byMethod.get(method) ?? match)
  }
  const get = byMethod.get('GET')
  if (get !== undefined && !byMethod.has('HEAD')) byMethod.set('HEAD', get)
  const anyMethod = matches.find((match) => match.route.methods === undefined)
  return {
    kind: path.kind,
    path: path.path,
    host,
    byMethod,
    otherwise: anyMethod ?? { kind: 'method_not_allowed', allow: [...byMethod.keys()].toSorted() },
  }
}

/** The part of a request's Host that routes are named by: lower case, no port, no final dot. */
function hostName(hostHeader: string | undefined): string {
  return (hostHeader ?? EVERY_HOST).toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
}

/** A tree of path segments. At each node: what is exactly there and what is there and below, by host. */
interface Node<T> {
  readonly children: Map<string, Node<T>>
  readonly exact: Map<string, T>
  readonly prefix: Map<string, T>
}

function newNode<T>(): Node<T> {
  return { children: new Map(), exact: new Map(), prefix: new Map() }
}

function literalSegments({ kind, path }: Place): readonly string[] {
  return kind === 'prefix' && path === '' ? [] : path.slice(1).split('/')
}

function put<T>(
  root: Node<T>,
  segments: readonly string[],
  place: Place,
  value: (there?: T) => T,
): void {
  let node = root
  for (const segment of segments) {
    const child = node.children.get(segment) ?? newNode<T>()
    node.children.set(segment, child)
    node = child
  }
  const slot = node[place.kind]
  slot.set(place.host, value(slot.get(place.host)))
}

function find<T>(root: Node<T>, segments: readonly string[], host: string): T | undefined {
  let node = root
  let best = at(root.prefix, host)
  for (const segment of segments) {
    const child = node.children.get(segment)
    if (child === undefined) return best
    node = child
    best = at(node.prefix, host) ?? best
  }
  return at(node.exact, host) ?? best
}

/** As `find`, without making an array of the path: this is asked for every request. */
function findByPath<T>(root: Node<T>, path: string, host: string): T | undefined {
  let node = root
  let best = at(root.prefix, host)
  for (let start = 1; ;) {
    const slash = path.indexOf('/', start)
    const child = node.children.get(path.slice(start, slash < 0 ? path.length : slash))
    if (child === undefined) return best
    node = child
    best = at(node.prefix, host) ?? best
    if (slash < 0) return at(node.exact, host) ?? best
    start = slash + 1
  }
}

function at<T>(byHost: Map<string, T>, host: string): T | undefined {
  if (byHost.size === 0) return undefined
  return (host === EVERY_HOST ? undefined : byHost.get(host)) ?? byHost.get(EVERY_HOST)
}
