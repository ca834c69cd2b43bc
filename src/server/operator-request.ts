import type { IncomingHttpHeaders } from 'node:http'
import type { Reason } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { createHostRule } from '../http/host-rule.ts'

/** What is looked at of a request. */
export interface OperatorRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** Address of whoever asks. */
  readonly peer: string
}

/** Why a request to list or end sessions is refused; `undefined` for one of an operator. */
export type OperatorRequestRule = (request: OperatorRequest) => Reason | undefined

const EVERY_ADDRESS = new Set(['0.0.0.0', '::'])
const THIS_MACHINE = /^(::ffff:)?127\.|^::1$/

/**
 * Whoever reaches the admin listener is an operator, with two exceptions. On a listener that is open
 * to every network, for probes and metrics, only this machine (or pod) is. And web pages in an
 * operator's browser are not: they say where they come from (Fetch Metadata, Origin) or, after
 * their name was pointed at this machine (DNS rebinding), use a name of their own in Host. Only names
 * that no stranger can own, addresses, and the configured host of the listener are served (AT-40).
 */
export function createOperatorRequestRule(adminHost: string): OperatorRequestRule {
  const hosts = createHostRule(new URL('http://localhost'), [adminHost.toLowerCase()])
  const isOpenToAll = EVERY_ADDRESS.has(adminHost)
  return ({ method, headers, peer }) => {
    if (isOpenToAll && !THIS_MACHINE.test(peer)) return 'origin_refused'
    const authority = headers.host?.toLowerCase() ?? ''
    const hostname = hosts.hostname(authority)
    if (hostname === undefined || !hosts.serves(hostname)) return 'host_refused'
    const { fetchSite, origin } = requestFacts(method, headers)
    if (fetchSite === 'cross-site' || fetchSite === 'same-site') return 'cross_site_refused'
    if (origin !== undefined && origin !== `http://${authority}`) return 'origin_refused'
    return undefined
  }
}
