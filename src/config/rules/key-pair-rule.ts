import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Path } from '../decode-report.ts'
import type { RuleReport } from './draft.ts'

/** Neither is of use without the other. */
export function checkBothOfPair(place: Path, report: RuleReport): void {
  const one: Path = [...place, 'certificate']
  const other: Path = [...place, 'key']
  if (report.isWritten(one) && !report.isWritten(other))
    report.problem(one, 'has no effect without key')
  if (report.isWritten(other) && !report.isWritten(one))
    report.problem(other, 'has no effect without certificate')
}

/** A certificate and its key at the same place must belong together; both are PEM text. */
export function checkKeyPair(
  tls: { readonly certificate?: string | undefined; readonly key?: string | undefined } | undefined,
  place: Path,
  report: RuleReport,
): void {
  const { certificate, key } = tls ?? {}
  if (certificate === undefined || key === undefined) return
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    report.problem(
      [...place, 'key'],
      'does not belong to the certificate (of several, its own must stand first)',
    )
  }
}
