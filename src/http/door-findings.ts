import type { CanonicalTarget } from '../domain/canonical-target.ts'
import type { Reason } from '../domain/reason.ts'
import type { RouteTable } from '../domain/route-table.ts'
import type { Route } from '../domain/route.ts'
import type { DoorRefusal } from './entrance.ts'
import { OPTIONS_URL, REFUSED_URL, ROUTE_URL } from './internal-urls.ts'
import { CALLBACK_PATH, OWN_ENDPOINTS } from './own-endpoint-table.ts'

/** The host that was asked for. */
export interface At {
  readonly authority: string | undefined
  readonly host: string | undefined
}

/** What the door makes of a request: where it goes, or why it goes nowhere. */
export interface Findings extends At {
  /** The method that counts, where it is not the request's own. */
  readonly method?: string
  readonly target: CanonicalTarget | undefined
  readonly route: Route | undefined
  readonly endpoint: string | undefined
  readonly refusal: DoorRefusal | undefined
  readonly internalUrl: string
}

/** No host was understood. */
export const NOWHERE: At = { authority: undefined, host: undefined }

interface OwnTarget {
  readonly target: CanonicalTarget
  readonly ownCallbacks: ReadonlySet<string> | undefined
}

/** A path under `/oauth2/`. */
export function ownEndpoint(method: string, at: At, { target, ownCallbacks }: OwnTarget): Findings {
  const { path } = target
  const endpoint = ownCallbacks?.has(path) === true ? CALLBACK_PATH : path
  const allow = OWN_ENDPOINTS.get(endpoint)
  if (allow === undefined) return refused('route_not_found', at, { target })
  if (!allow.includes(method)) return refused('method_not_allowed', at, { target, allow, endpoint })
  const internalUrl = path + target.query
  return { ...placeOf(at), target, route: undefined, endpoint, refusal: undefined, internalUrl }
}

/** Everything else goes to a route, if there is one. */
export function proxied(
  method: string,
  at: At,
  target: CanonicalTarget,
  routes: RouteTable,
): Findings {
  const match = routes.match(at.host, method, target.path)
  switch (match.kind) {
    case 'route':
      return {
        authority: at.authority,
        host: at.host,
        target,
        route: match.route,
        endpoint: undefined,
        refusal: undefined,
        internalUrl: ROUTE_URL,
      }
    case 'none':
      return refused('route_not_found', at, { target })
    case 'ambiguous':
      return refused('path_refused', at, { target })
    case 'method_not_allowed':
      return refused('method_not_allowed', at, { target, allow: match.allow })
  }
}

/** A question about the gateway itself (RFC 9110 §9.3.7). */
export function ownOptions(at: At): Findings {
  const nothing = { target: undefined, route: undefined, endpoint: undefined, refusal: undefined }
  return { ...placeOf(at), ...nothing, internalUrl: OPTIONS_URL }
}

interface RefusedAt {
  readonly target?: CanonicalTarget
  readonly endpoint?: string
  readonly allow?: readonly string[]
}

/** It ends here. */
export function refused(
  reason: Reason,
  at: At,
  { target, endpoint, allow }: RefusedAt = {},
): Findings {
  const refusal: DoorRefusal = { reason, allow }
  return { ...placeOf(at), target, route: undefined, endpoint, refusal, internalUrl: REFUSED_URL }
}

function placeOf({ authority, host }: At): At {
  return { authority, host }
}
