import type { IncomingMessage } from 'node:http'
import type { Reason } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { createHostRule } from '../http/host-rule.ts'

/** Why a request to change or list sessions is refused; `undefined` for one of an operator. */
export type OperatorRequestRule = (request: IncomingMessage) => Reason | undefined

/**
 * Whoever reaches the admin listener is an operator, except web pages in an operator's browser.
 * Those either say where they come from (Fetch Metadata, Origin) or, after their name was pointed
 * at this machine (DNS rebinding), use a name of their own in Host: only names that no stranger can
 * own, addresses, and the configured host of the listener are served (AT-40).
 */
export function createOperatorRequestRule(adminHost: string): OperatorRequestRule {
  const hosts = createHostRule(new URL('http://localhost'), [adminHost.toLowerCase()])
  return ({ method = '', headers }) => {
    const authority = headers.host?.toLowerCase() ?? ''
    const hostname = hosts.hostname(authority)
    if (hostname === undefined || !hosts.serves(hostname)) return 'host_refused'
    const { fetchSite, origin } = requestFacts(method, headers)
    if (fetchSite === 'cross-site' || fetchSite === 'same-site') return 'cross_site_refused'
    if (origin !== undefined && origin !== `http://${authority}`) return 'origin_refused'
    return undefined
  }
}
