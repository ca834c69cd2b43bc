import type { Draft, RuleReport } from './draft.ts'

/** What the limits of a session must agree on. */
export function checkSession(draft: Draft, report: RuleReport): void {
  const { idleTimeout, lifetime, store } = draft?.session ?? {}
  const count = ['session', 'maxSessions']
  if (store === 'redis' && report.isWritten(count))
    report.warning(count, 'has no effect: session.store is redis, whose own memory is the limit')
  const place = ['session', 'idleTimeout']
  if (idleTimeout === undefined || lifetime === undefined || !report.isWritten(place)) return
  if (idleTimeout > lifetime)
    report.problem(place, 'is longer than session.lifetime, so it would never take effect')
}
