import { BlockList, isIP } from 'node:net'
import type { ProviderOptions } from './provider-options.ts'

/**
 * What is wrong with the addresses of endpoints, one text each; the metadata is not trusted to send
 * us anywhere (STANDARDS ID-3, AT-25).
 *
 * They must be https (unless `allowInsecureHttp`), at the issuer's origin or a listed one, and never
 * a link-local address, where clouds keep their credentials.
 */
export function addressProblems(
  endpoints: Readonly<Record<string, string>>,
  options: ProviderOptions,
): string[] {
  const problems = Object.entries(endpoints).flatMap(([name, address]) => {
    const problem = addressProblem(address, options.allowInsecureHttp)
    return problem === undefined ? [] : [`${name} "${address}" ${problem}`]
  })
  return problems.length > 0 ? problems : strangerProblems(endpoints, options)
}

function addressProblem(address: string, allowInsecureHttp: boolean): string | undefined {
  if (!URL.canParse(address)) return 'is not a URL'
  const { protocol, hostname } = new URL(address)
  if (!(protocol === 'https:' || (protocol === 'http:' && allowInsecureHttp))) {
    return 'is not https (provider.allowInsecureHttp)'
  }
  return isLinkLocal(hostname) ? 'is a link-local address' : undefined
}

/** Every origin that would have to be listed, in one text; endpoints the operator wrote down are trusted. */
function strangerProblems(
  endpoints: Readonly<Record<string, string>>,
  options: ProviderOptions,
): string[] {
  const known = allowedOrigins(options)
  const strangers = new Map<string, string[]>()
  for (const [name, address] of Object.entries(endpoints)) {
    const { origin } = new URL(address)
    if (known.has(origin) || name in options.endpoints) continue
    strangers.set(origin, [...(strangers.get(origin) ?? []), name])
  }
  const list = [...strangers].map(([origin, names]) => `${origin} (${names.join(', ')})`)
  return list.length === 0 ? [] : [`provider.allowedOrigins does not list ${list.join(', ')}`]
}

function allowedOrigins(options: ProviderOptions): ReadonlySet<string> {
  const { issuer, discoveryUrl = issuer } = options
  return new Set(
    [issuer, discoveryUrl, ...options.allowedOrigins].map((one) => new URL(one).origin),
  )
}

function isLinkLocal(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  const version = isIP(address)
  if (version === 0) return METADATA_HOSTS.has(hostname.replace(/\.$/, ''))
  return linkLocal().check(address, version === 6 ? 'ipv6' : 'ipv4')
}

const METADATA_HOSTS = new Set(['metadata.google.internal', 'instance-data'])

function linkLocal(): BlockList {
  const list = new BlockList()
  list.addSubnet('169.254.0.0', 16) // IPv4-mapped IPv6 addresses are covered by the list itself
  list.addSubnet('0.0.0.0', 8)
  list.addSubnet('fe80::', 10, 'ipv6')
  list.addAddress('fd00:ec2::254', 'ipv6')
  list.addAddress('::', 'ipv6')
  return list
}
