import type { Draft, RuleReport } from './draft.ts'

/** What the two counts of sign-ins must agree on. */
export function checkLoginLimit(draft: Draft, report: RuleReport): void {
  const { perAddress, total } = draft?.loginLimit ?? {}
  const place = ['loginLimit', 'perAddress']
  if (perAddress === 0) report.warning(place, 'off: one client can keep the provider busy')
  if (perAddress === 0 && total === 0 && report.isWritten(['loginLimit', 'window']))
    report.problem(['loginLimit', 'window'], 'has no effect: perAddress and total are both off')
  if (perAddress === undefined || total === undefined || total === 0) return
  if (perAddress > total && report.isWritten(place))
    report.problem(place, 'is more than loginLimit.total, so it would never take effect')
}
