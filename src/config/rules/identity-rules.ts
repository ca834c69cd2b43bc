import { hasUpstream, type Route } from '../../domain/route.ts'
import { STATED_CLAIMS } from '../../domain/signed-identity.ts'
import type { Path } from '../decode-report.ts'
import { claimPath } from '../formats/claim-path.ts'
import type { Draft, RouteDraft, RuleReport } from './draft.ts'

/** What `identity` and the routes whose upstreams get signed identities must agree on. */
export function checkIdentity(draft: Draft, report: RuleReport): void {
  const isOn = report.isWritten(['identity'])
  let wanted = 0
  for (const [at, route] of (draft?.routes ?? []).entries()) {
    const place: Path = ['routes', at, 'identity']
    if (route === undefined || !report.isWritten(place)) continue
    wanted += 1
    if (!isOn) report.problem(place, 'needs identity.keys at the top: what to sign with')
    checkRoute(route, place, report)
  }
  if (!isOn) return
  if (wanted === 0)
    report.problem(['identity'], 'has no effect: no route has an identity of its own')
  const lifetimeMs = draft?.identity?.lifetime ?? 0
  if (lifetimeMs % 1_000 !== 0)
    report.problem(['identity', 'lifetime'], 'must be whole seconds: exp has no fractions here')
}

function checkRoute(
  { access, identity, upstream, headers }: RouteDraft,
  place: Path,
  report: RuleReport,
): void {
  const { header, audience, claims = [] } = identity ?? {}
  if (access === 'public')
    report.problem(
      place,
      'tells of the user, but a public route never knows the user: use access: optional',
    )
  if (upstream !== undefined && audience === undefined && !isNamed(upstream))
    report.problem(place, 'needs audience: this upstream has no name of its own')
  const isTaken = [...Object.keys(headers?.set ?? {}), ...(headers?.remove ?? [])].includes(
    header ?? '',
  )
  if (isTaken)
    report.problem(
      [...place, 'header'],
      'is in headers.set or headers.remove as well: leave one of them out',
    )
  for (const [at, name] of claims.entries())
    if (name !== undefined) checkClaim(name, [...place, 'claims', at], report)
}

/** Everything behind a socket would have the same name. */
function isNamed(upstream: Route['upstream']): boolean {
  return hasUpstream({ upstream }) && upstream.socketPath === undefined
}

function checkClaim(name: string, path: Path, report: RuleReport): void {
  const [first = '', ...others] = claimPath(name) ?? []
  if (others.length > 0)
    report.problem(path, 'is part of a claim: name the whole one, or write ["a.b"] for a dot in it')
  else if (STATED_CLAIMS.includes(first))
    report.problem(path, 'is a name that the statement itself uses')
}
