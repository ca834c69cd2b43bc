import type { Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'

/** Forms are kept where a POST can come to us and a login would let it through; elsewhere nobody would notice that they are not. */
export function checkReplayForm(route: RouteDraft, place: Path, report: RuleReport): void {
  if (route.replayForm !== true) return
  const obstacle = obstacleOf(route)
  if (obstacle !== undefined) report.problem([...place, 'replayForm'], `has no effect ${obstacle}`)
}

function obstacleOf({ access, credentials, methods, maxBody }: RouteDraft): string | undefined {
  if (access !== undefined && access !== 'required') return `with access: ${access}`
  if (credentials?.includes('session') === false) return 'where credentials does not name session'
  if (methods?.includes('POST') === false) return 'without POST among methods'
  if (maxBody === 0) return 'with maxBody: 0B'
  return undefined
}
