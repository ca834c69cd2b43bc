import { isIP } from 'node:net'

const AUTHORITY = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/

export interface HostRule {
  /** Lower case, without port; `undefined` when the authority is malformed (RFC 9112 §3.2). */
  hostname(authority: string): string | undefined
  /** May a request name this host in its Host field? */
  serves(hostname: string): boolean
  /** Is this the public URL's host or a configured one? Asked of absolute-form targets. */
  isOurs(hostname: string): boolean
}

/**
 * Which hosts we answer for. As soon as a route names a host, all others are refused; without one
 * any host is served, because balancers and probes use their own names. On loopback only names
 * that no stranger can own are served, against DNS rebinding (STANDARDS AT-10, AT-40).
 */
export function createHostRule(publicUrl: URL, routeHosts: readonly string[]): HostRule {
  const ours = new Set([publicUrl.hostname, ...routeHosts])
  const local = isLoopback(publicUrl.hostname)
  const isOurs = (hostname: string): boolean => ours.has(hostname)
  const serves = (hostname: string): boolean => {
    if (ours.has(hostname)) return true
    if (local) return isUnownable(hostname)
    return routeHosts.length === 0
  }
  let last = { authority: '', hostname: hostnameOf('') } // browsers rarely change their mind
  const hostname = (authority: string): string | undefined => {
    if (authority !== last.authority) last = { authority, hostname: hostnameOf(authority) }
    return last.hostname
  }
  return { hostname, serves, isOurs }
}

/** True for names and addresses of the own machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    (isIP(hostname) === 4 && hostname.startsWith('127.'))
  )
}

function hostnameOf(authority: string): string | undefined {
  const name = AUTHORITY.exec(authority)?.[1]?.replace(/\.$/, '') // one final dot means the same name
  return name === '' ? undefined : name
}

function isUnownable(hostname: string): boolean {
  if (hostname.startsWith('[') || isIP(hostname) !== 0) return true
  return !hostname.includes('.') || hostname.endsWith('.localhost')
}
