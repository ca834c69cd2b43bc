import { routeConflicts } from '../../domain/route-table.ts'
import type { Route } from '../../domain/route.ts'
import type { Path } from '../decode-report.ts'
import { checkCors } from './cors-rules.ts'
import { checkCredentials } from './credential-rules.ts'
import type { Draft, RouteDraft, RuleReport } from './draft.ts'
import { draftedProviders, draftedProvidersOf } from './drafted-providers.ts'
import { checkEffect } from './effect-rules.ts'
import { checkReplayForm } from './replay-form-rules.ts'
import { checkRequirement } from './requirement-rules.ts'
import { checkUpstream } from './upstream-rules.ts'

/** What the keys of a route, and the routes among themselves, must agree on. */
export function checkRoutes(draft: Draft, report: RuleReport): void {
  const routes = draft?.routes ?? []
  const providers = draftedProviders(draft)
  for (const [at, route] of routes.entries()) {
    if (route === undefined) continue
    const place: Path = ['routes', at]
    checkStripPrefix(route, place, report)
    checkHeaders(route, place, report)
    checkEffect(route, place, report)
    checkCors(route, place, report)
    const taken = draftedProvidersOf(route, providers)
    checkRequirement(route, place, { providers: taken, report })
    checkReplayForm(route, place, report)
    checkCredentials(route, place, { providers: taken, report })
    checkUpstream(route, place, report)
    warnOfRelaxations(route, place, report)
  }
  checkConflicts(routes, report)
}

function checkStripPrefix(
  { path, stripPrefix }: RouteDraft,
  place: Path,
  report: RuleReport,
): void {
  if (path === undefined || stripPrefix === undefined) return
  if (path.path === stripPrefix || path.path.startsWith(`${stripPrefix}/`)) return
  report.problem([...place, 'stripPrefix'], 'is not a leading part of path, in whole segments')
}

function checkHeaders(route: RouteDraft, place: Path, report: RuleReport): void {
  const { headers, access, credentials } = route
  for (const [name, parts] of Object.entries(headers?.set ?? {})) {
    const path = [...place, 'headers', 'set', name]
    if (headers?.remove?.includes(name) === true)
      report.problem(path, 'is in headers.remove as well: leave one of them out')
    const isOfSession = parts?.some((part) => tells(part, 'session')) === true
    const isOfUser = isOfSession || parts?.some((part) => tells(part, 'claim')) === true
    if (isOfUser && access === 'public')
      report.problem(
        path,
        'tells of the user, but a public route never knows the user: use access: optional',
      )
    else if (isOfSession && credentials?.includes('session') === false)
      report.problem(path, 'tells of a session, but credentials does not name session')
  }
}

function tells(part: object | string | undefined, what: 'session' | 'claim'): boolean {
  return typeof part === 'object' && what in part
}

function warnOfRelaxations(route: RouteDraft, place: Path, report: RuleReport): void {
  if (route.access === 'public') return
  if (route.csrf === false) {
    report.warning(
      [...place, 'csrf'],
      'off: any web page can act in the name of signed-in users on this route',
    )
  }
  if (route.cacheable === true) {
    report.warning(
      [...place, 'cacheable'],
      'on: a shared cache may keep answers to signed-in users if the upstream marks them so',
    )
  }
}

function checkConflicts(routes: readonly (RouteDraft | undefined)[], report: RuleReport): void {
  const usable = routes.flatMap((route, index) => (isMatchable(route) ? [{ route, index }] : []))
  for (const { first, second } of routeConflicts(usable.map(({ route }) => route))) {
    const [earlier, later] = [usable[first]?.index ?? 0, usable[second]?.index ?? 0]
    report.problem(
      ['routes', later, 'path'],
      `takes the same host, path and methods as routes[${earlier}] in line ${report.lineOf(['routes', earlier])}: no request could tell them apart`,
    )
  }
}

/** Whatever else is wrong with it, the keys that select it are right; conflicts depend on no other. */
function isMatchable(route: RouteDraft | undefined): route is RouteDraft & Route {
  return route?.path !== undefined && route.methods?.includes(undefined) !== true
}
