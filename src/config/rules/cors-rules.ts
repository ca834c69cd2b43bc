import type { Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'

/** What `cors` says of pages of other origins, and what the route has for them. */
export function checkCors(route: RouteDraft, place: Path, report: RuleReport): void {
  const { cors, access, credentials: taken } = route
  const { maxAge, credentials } = cors ?? {}
  if (maxAge !== undefined && maxAge % 1_000 !== 0)
    report.problem(
      [...place, 'cors', 'maxAge'],
      'must be whole seconds: Access-Control-Max-Age has no fractions',
    )
  checkAuthorization(route, place, report)
  if (credentials !== true) return
  const takesSession = access !== 'public' && taken?.includes('session') !== false
  report.warning(
    [...place, 'cors', 'credentials'],
    takesSession
      ? 'on: scripts of these origins can act in the name of signed-in users'
      : 'on, but this route takes no session: it only lets those scripts send cookies of the upstream',
  )
}

/** Pages would be let send a token, and it would count for nothing. */
function checkAuthorization({ cors, credentials }: RouteDraft, place: Path, report: RuleReport) {
  const at = cors?.headers?.indexOf('authorization') ?? -1
  if (at >= 0 && credentials?.includes('bearer') === false)
    report.warning(
      [...place, 'cors', 'headers', at],
      'has no effect: credentials does not name bearer, so tokens of callers are dropped',
    )
}
