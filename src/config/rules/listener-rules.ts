import { isLoopback } from '../formats/web-address.ts'
import type { Draft, RuleReport } from './draft.ts'
import { checkKeyPair } from './key-pair-rule.ts'

const EVERY_ADDRESS = new Set(['0.0.0.0', '::'])

/** What the two listeners and the public URL must agree on. */
export function checkListeners(draft: Draft, report: RuleReport): void {
  checkPublicUrl(draft?.publicUrl, report)
  checkPorts(draft, report)
  checkKeyPair(draft?.listen?.tls, ['listen', 'tls'], report)
  for (const [at, range] of (draft?.listen?.trustedProxies ?? []).entries()) {
    if (range?.endsWith('/0') !== true) continue
    const path = ['listen', 'trustedProxies', at]
    report.warning(
      path,
      'every peer is trusted: clients choose the address that logs and upstreams see',
    )
  }
}

function checkPublicUrl(publicUrl: URL | undefined, report: RuleReport): void {
  if (publicUrl?.protocol !== 'http:') return
  if (!isLoopback(publicUrl)) {
    report.problem(
      ['publicUrl'],
      'must be https: cookies and codes would cross the network readable; http is allowed on loopback only',
    )
    return
  }
  report.warning(
    ['publicUrl'],
    'http on loopback: for trying out only, the session cookie is not Secure',
  )
}

function checkPorts(draft: Draft, report: RuleReport): void {
  const { listen, admin } = draft ?? {}
  if (listen?.port === undefined || listen.port === 0 || listen.port !== admin?.port) return
  const hosts = [listen.host, admin.host]
  const meet =
    hosts[0] === hosts[1] || hosts.some((host) => host !== undefined && EVERY_ADDRESS.has(host))
  if (meet)
    report.problem(
      ['admin', 'port'],
      'must differ from listen.port: admin answers without sign-in and must not be public',
    )
}
