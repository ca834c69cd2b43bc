import { isIP } from 'node:net'
import { accepted, refused, type Parsed } from './parsed.ts'

const NUMERIC = /^(?:\d+|0x[0-9a-f]*)(?:\.(?:\d+|0x[0-9a-f]*))*$/
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** An address range `10.0.0.0/8`, as a list of trusted proxies takes it (STACK F1: never a hop count). */
export function parseAddressRange(text: string): Parsed<string> {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || address.includes('%')) {
    return refused(
      'is not an address range: allowed are CIDR ranges such as 10.0.0.0/8 or fd00::/8',
    )
  }
  const bits = version === 4 ? 32 : 128
  if (prefix === undefined)
    return refused(`has no prefix length: one address is written ${address}/${bits}`)
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
    return refused(`has a wrong prefix length: 0 to ${bits}`)
  }
  return accepted(text)
}

/**
 * Where a listener binds: a host name or an address, in the one spelling that others compare. Resolvers take `0` and `0x7f.1`
 * for addresses: who writes so would listen where nobody looks for it.
 */
export function parseListenHost(text: string): Parsed<string> {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  if (isIP(bare) === 6) return accepted(shortest(bare))
  if (isIP(bare) === 0 && (!HOST_NAME.test(bare) || NUMERIC.test(bare))) {
    return refused(
      'is not an address to listen on: allowed are 0.0.0.0, ::, 127.0.0.1 or a host name, without port',
    )
  }
  return accepted(bare)
}

/** IPv6 as RFC 5952 has it; IPv4 within it, as what it is. */
function shortest(address: string): string {
  const url = `http://[${address}]`
  if (!URL.canParse(url)) return address // with a zone
  const plain = new URL(url).hostname.slice(1, -1)
  return plain === '::ffff:0:0' ? '0.0.0.0' : plain
}

/** The host of a route, as requests name it: lower case, no port, no wildcard. */
export function parseRouteHost(text: string): Parsed<string> {
  const bare = /^\[(.*)\]$/.exec(text)?.[1]
  if (bare !== undefined && isIP(bare) === 6) return accepted(text.toLowerCase())
  const lower = text.toLowerCase()
  if (HOST_NAME.test(lower)) return accepted(lower)
  return refused(
    'is not a host name: allowed is app.example.com, without scheme, port and wildcard',
  )
}

/** A name that a certificate can be for: no address, as SNI has none (RFC 6066 §3). */
export function parseServerName(text: string): Parsed<string> {
  const lower = text.toLowerCase()
  if (isIP(lower) === 0 && HOST_NAME.test(lower)) return accepted(lower)
  return refused('is not a host name: allowed is orders.internal, without scheme and port')
}
