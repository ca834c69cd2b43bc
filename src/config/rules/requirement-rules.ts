import { nameOfPath, type Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'
import type { DraftedProvider } from './drafted-providers.ts'

type RequirementDraft = NonNullable<RouteDraft['require']>
interface RequirementSurroundings {
  /** Those of the route. */
  readonly providers: readonly DraftedProvider[]
  readonly report: RuleReport
}

type ConditionDraft = Pick<RequirementDraft, 'scope' | 'claims' | 'any'>

/** A requirement that nobody is held to, or that asks for nothing, is a mistake. */
export function checkRequirement(
  route: RouteDraft,
  place: Path,
  { providers, report }: RequirementSurroundings,
): void {
  const { require, access } = route
  if (require === undefined) return
  const path = [...place, 'require']
  if (access !== undefined && access !== 'required')
    report.problem(path, `needs access: required, as access: ${access} lets everybody pass`)
  checkCondition(require, path, report)
  if (require.maxAge !== undefined && require.maxAge % 1_000 !== 0)
    report.problem([...path, 'maxAge'], 'must be whole seconds: max_age has no fractions')
  for (const [at, group] of (require.all ?? []).entries())
    checkCondition(group, [...path, 'all', at], report)
  for (const provider of providers) checkAcr(require, path, { provider, report })
}

/** What every login at a provider must live up to is all that a login for this route could bring. */
function checkAcr(
  { acr = [] }: RequirementDraft,
  path: Path,
  { provider, report }: { readonly provider: DraftedProvider; readonly report: RuleReport },
): void {
  const { acrValues = [] } = provider.keys
  for (const [at, word] of acrValues.length === 0 ? [] : acr.entries()) {
    if (word === undefined || acrValues.includes(word)) continue
    const place = [...path, 'acr', at]
    const known = nameOfPath([...provider.place, 'acrValues'])
    report.warning(
      place,
      `${report.shown(place, word)} is not in ${known}: who signs in for this route does so with it, and is signed in everywhere`,
    )
  }
}

function checkCondition(
  condition: ConditionDraft | undefined,
  path: Path,
  report: RuleReport,
): void {
  if (condition === undefined) return
  const isNothingWritten = ['scope', 'claims', 'acr', 'maxAge', 'any', 'all'].every(
    (key) => !report.isWritten([...path, key]),
  )
  const hasNoClaims = condition.claims !== undefined && Object.keys(condition.claims).length === 0
  if (isNothingWritten) report.problem(path, 'asks for nothing: give scope or claims')
  else if (hasNoClaims) report.problem([...path, 'claims'], 'is empty: name a claim')
  for (const [at, alternative] of (condition.any ?? []).entries())
    checkCondition(alternative, [...path, 'any', at], report)
}
