import type { Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'
import { checkBothOfPair, checkKeyPair } from './key-pair-rule.ts'

/** What the keys that say how the upstream is spoken to must agree on. */
export function checkUpstream(
  { upstream, tls, http2, websocket }: RouteDraft,
  place: Path,
  report: RuleReport,
): void {
  const written = (['certificateAuthority', 'certificate', 'key', 'serverName'] as const).filter(
    (key) => report.isWritten([...place, 'tls', key]),
  )
  if (upstream?.origin.startsWith('http:') === true) {
    for (const key of written)
      report.problem([...place, 'tls', key], 'has no effect: the upstream is not https')
  }
  if (http2 === true && websocket !== undefined && websocket !== false) {
    report.problem(
      [...place, 'websocket'],
      'needs HTTP/1.1: give WebSockets a route of their own without http2',
    )
  }
  checkBothOfPair([...place, 'tls'], report)
  checkKeyPair(tls, [...place, 'tls'], report)
}
