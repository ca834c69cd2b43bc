import { BlockList, isIP } from 'node:net'

/** The peers whose X-Forwarded-For we believe. */
export interface TrustedProxies {
  trusts(address: string): boolean
}

/**
 * Trusted proxies from addresses and CIDR blocks; none by default.
 *
 * @throws RangeError: an entry is neither. A hop count is refused with it: a number trusts whoever connects (FW-3).
 */
export function parseTrustedProxies(cidrs: readonly string[]): TrustedProxies {
  if (cidrs.length === 0) return { trusts: () => false }
  const list = new BlockList()
  for (const cidr of cidrs) addBlock(list, cidr)
  return { trusts: (address) => isIP(address) !== 0 && list.check(address, family(address)) }
}

function addBlock(list: BlockList, cidr: string): void {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(cidr) ?? []
  const longest = isIP(address) === 4 ? 32 : 128
  const prefix = bits === undefined ? longest : Number(bits)
  if (isIP(address) === 0 || address.includes('%') || prefix > longest) {
    throw new RangeError(`"${cidr}" is neither an address nor a CIDR block`)
  }
  list.addSubnet(address, prefix, family(address))
}

/**
 * Who asks: the peer, or, when that is a trusted proxy, the nearest address in X-Forwarded-For that is none
 * of ours, read from the right (FW-3). An entry that is no address ends the walk.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: TrustedProxies,
): { readonly address: string; readonly peerTrusted: boolean } {
  let address = plainAddress(peer) ?? peer
  if (!trusted.trusts(address)) return { address, peerTrusted: false }
  const chain = (forwardedFor ?? '').split(',')
  for (
    let entry = chain.pop();
    entry !== undefined && trusted.trusts(address);
    entry = chain.pop()
  ) {
    const next = plainAddress(withoutPort(entry.trim()))
    if (next === undefined) break
    address = next
  }
  return { address, peerTrusted: true }
}

/** `1.2.3.4:567`, `[::1]:567` and `[::1]` without brackets and port. */
function withoutPort(entry: string): string {
  const [, bracketed, dotted] = /^"?(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)"?$/.exec(entry) ?? []
  return bracketed ?? dotted ?? entry
}

/** An address in one form, without zone; IPv4 in IPv6 (`::ffff:1.2.3.4`) as the IPv4 it is. */
function plainAddress(address: string): string | undefined {
  switch (isIP(address)) {
    case 4:
      return address
    case 6:
      return fromMapped(address.replace(/%.*$/, ''))
    default:
      return undefined
  }
}

function fromMapped(address: string): string {
  if (/^::ffff:[\d.]+$/i.test(address)) return address.slice(7)
  if (!/ffff:/i.test(address)) return address
  const shortest = new URL(`http://[${address}]`).hostname
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(shortest) ?? []
  if (high === undefined || low === undefined) return address
  const bits = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}
