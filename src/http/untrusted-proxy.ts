import { parseTrustedProxies } from '../domain/client-address.ts'
import type { Emit } from '../domain/events.ts'

// RFC 1918, RFC 4193, RFC 6598 and loopback: where proxies of one's own are. Strangers may send what they like.
const NEAR = parseTrustedProxies([
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8'],
  ...['fc00::/7', '::1/128'],
])

/**
 * Warns, once in a process, when a neighbour that is not in `listen.trustedProxies` sends X-Forwarded-For: then all who come
 * through it count as one client, in the log and for the limits of sign-ins.
 */
export function untrustedProxyWarning(emit: Emit): (address: string) => void {
  let isSaid = false
  return (address) => {
    if (isSaid || !NEAR.trusts(address)) return
    isSaid = true
    emit({
      type: 'warning',
      code: 'untrusted_proxy',
      message: `${address} sends X-Forwarded-For but is not in listen.trustedProxies: all who come through it count as one client. If it is your proxy, name it there; said once`,
    })
  }
}
