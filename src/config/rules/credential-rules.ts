import type { Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'
import type { DraftedProvider } from './drafted-providers.ts'

/** What callers prove themselves with, and what it takes to check that, must go together. */
export function checkCredentials(
  route: RouteDraft,
  place: Path,
  { providers, report }: WithProviders,
): void {
  const { access, credentials } = route
  if (credentials === undefined) return
  if (access === 'public') {
    for (const key of ['credentials', 'bearer'])
      if (report.isWritten([...place, key]))
        report.problem([...place, key], 'has no effect with access: public')
    return
  }
  if (!credentials.includes('bearer')) {
    if (report.isWritten([...place, 'bearer']))
      report.problem([...place, 'bearer'], 'has no effect: credentials does not name bearer')
    return
  }
  if (!credentials.includes('session')) checkWithoutSession(route, place, report)
  checkAlgorithms(route, place, report)
  checkAudience(route, place, { providers, report })
}

interface WithProviders {
  /** Those of the route. */
  readonly providers: readonly DraftedProvider[]
  readonly report: RuleReport
}

function checkWithoutSession({ token }: RouteDraft, place: Path, report: RuleReport): void {
  if (token?.via === 'refresh' || token?.via === 'exchange')
    report.problem(
      [...place, 'token', 'via'],
      'needs credentials: [session], whose tokens it starts from',
    )
  for (const key of ['unauthenticated', 'csrf'])
    if (report.isWritten([...place, key]))
      report.problem([...place, key], 'has no effect: credentials does not name session')
}

function checkAlgorithms({ bearer }: RouteDraft, place: Path, report: RuleReport): void {
  const path = [...place, 'bearer', 'algorithms']
  if (bearer?.check === 'introspection' && report.isWritten(path))
    report.problem(path, 'has no effect with check: introspection, which reads no signature')
}

function checkAudience(
  { bearer }: RouteDraft,
  place: Path,
  { providers, report }: WithProviders,
): void {
  const path = [...place, 'bearer', 'audience']
  if (!report.isWritten(path)) {
    if (providers.some(isForNoApi))
      report.problem(
        [...place, 'credentials'],
        'needs bearer.audience: which API the tokens of callers are for',
      )
    return
  }
  for (const [at, audience] of (bearer?.audience ?? []).entries())
    if (audience !== undefined && providers.some(({ keys }) => keys.clientId === audience))
      report.problem([...path, at], 'is the client id: ID tokens are for that, not access tokens')
}

function isForNoApi({ keys: { audience, resource = [] } }: DraftedProvider): boolean {
  return audience === undefined && resource.length === 0
}
