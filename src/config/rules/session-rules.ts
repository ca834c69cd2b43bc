import type { Draft, RuleReport } from './draft.ts'

/** What the limits of a session must agree on. */
export function checkSession(draft: Draft, report: RuleReport): void {
  const { idleTimeout, lifetime } = draft?.session ?? {}
  const place = ['session', 'idleTimeout']
  if (idleTimeout === undefined || lifetime === undefined || !report.isWritten(place)) return
  if (idleTimeout > lifetime)
    report.problem(place, 'is longer than session.lifetime, so it would never take effect')
}
