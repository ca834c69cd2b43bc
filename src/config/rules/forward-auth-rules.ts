import { NO_UPSTREAM } from '../../domain/route.ts'
import type { Path } from '../decode-report.ts'
import type { Draft, RuleReport } from './draft.ts'

/** Keys that only a forwarding route can use. */
const OF_FORWARDING = [
  ['stripPrefix'],
  ['headers', 'remove'],
  ['headers', 'hide'],
  ['timeouts'],
  ['maxBody'],
  ['replayForm'],
  ['cacheable'],
  ['hostHeader'],
  ['cors'],
  ['tls'],
  ['http2'],
]

/** What `forwardAuth` and the routes that others forward must agree on. */
export function checkForwardAuth(draft: Draft, report: RuleReport): void {
  const isOn = report.isWritten(['forwardAuth'])
  if (isOn && draft?.listen?.trustedProxies?.length === 0)
    report.problem(['forwardAuth'], 'needs listen.trustedProxies: nobody else may ask')
  for (const [at, route] of (draft?.routes ?? []).entries()) {
    if (route?.upstream?.origin !== NO_UPSTREAM.origin) continue
    const place: Path = ['routes', at]
    if (!isOn)
      report.problem(
        [...place, 'upstream'],
        'is none, which needs forwardAuth: nothing else could use this route',
      )
    for (const key of OF_FORWARDING) {
      if (report.isWritten([...place, ...key]))
        report.problem([...place, ...key], 'has no effect with upstream: none')
    }
  }
}
