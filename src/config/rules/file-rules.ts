import { isAbsolute } from 'node:path'
import type { Draft, RuleReport } from './draft.ts'

/** What `session.store`, `session.file` and `workers` must agree on. */
export function checkFile(draft: Draft, report: RuleReport): void {
  const { store, file } = draft?.session ?? {}
  const place = ['session', 'file']
  if (store === 'file' && !report.isWritten(place)) {
    report.problem(
      ['session', 'store'],
      'is file, which needs session.file, such as file: { path: /var/lib/bearergate }',
    )
  }
  if (store !== undefined && store !== 'file' && report.isWritten(place)) {
    report.warning(place, `has no effect: session.store is ${store}`)
  }
  if (file?.path !== undefined && !isAbsolute(file.path)) {
    report.problem([...place, 'path'], 'must be absolute, such as /var/lib/bearergate')
  }
  if (store === 'memory' && (draft?.workers ?? 1) > 1) {
    report.problem(
      ['workers'],
      'need sessions that all of them see: session.store must be file or redis',
    )
  }
}
