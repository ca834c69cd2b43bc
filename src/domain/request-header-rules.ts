/** What becomes of a received request header. */
export interface RequestHeaderRule {
  readonly action: RequestHeaderAction
  /** Of headers that must come once, one bit each (HX-22): servers differ in which of two they believe. Else 0. */
  readonly singleBit: number
}

export type RequestHeaderAction =
  | 'pass'
  | 'drop'
  /** Dropped, and told: somebody states who the user is (OB-3). */
  | 'forged'
  /** Passes only from a trusted proxy (FW-1). */
  | 'from_proxy'
  | 'connection'
  | 'cookie'
  | 'expect'
  | 'forwarded_for'
  | 'max_forwards'
  | 'te'
  | 'via'

const PASS: RequestHeaderRule = { action: 'pass', singleBit: 0 }
const DROP: RequestHeaderRule = { action: 'drop', singleBit: 0 }
const FORGED: RequestHeaderRule = { action: 'forged', singleBit: 0 }
const FROM_PROXY: RequestHeaderRule = { action: 'from_proxy', singleBit: 0 }

const ACTIONS: Readonly<Record<RequestHeaderAction, readonly string[]>> = {
  // Would pass anyway; listed to be found at once, as almost every request has them.
  pass: words(
    'accept accept-encoding accept-language cache-control if-match if-none-match pragma priority range ' +
      'sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-user traceparent tracestate ' +
      'upgrade-insecure-requests x-csrf-token x-requested-with x-xsrf-token',
  ),
  drop: [
    // Hop-by-hop (RFC 9110 §7.6.1, HX-1); the `Proxy-` ones go by pattern.
    ...words('http2-settings keep-alive trailer transfer-encoding upgrade'),
    // Ours to write.
    ...words('authorization host x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id'),
    // Another way to name a method would get round the route's methods and the CSRF rules (CS-9, AT-12).
    ...words('x-http-method x-http-method-override x-method-override'),
    // The same for the path that was judged (HX-34). Proxies that we trust pass on what clients send, as they do not know these.
    ...words('x-original-url x-rewrite-url'),
    // A proxy that does not know it passes on the client's, and we would have to extend that.
    'forwarded',
  ],
  // Identity as other gateways state it: nobody's word counts (FW-1).
  forged: words(
    'remote-email remote-groups remote-name remote-user x-forwarded-access-token x-forwarded-email ' +
      'x-forwarded-groups x-forwarded-preferred-username x-forwarded-user x-remote-user',
  ),
  from_proxy: words(
    'cf-connecting-ip cf-connecting-ipv6 client-ip fastly-client-ip fly-client-ip front-end-https ' +
      'true-client-ip wl-proxy-client-ip x-appengine-user-ip x-azure-clientip x-client-ip ' +
      'x-cluster-client-ip x-envoy-external-address x-forwarded x-http-host-override x-real-ip ' +
      'x-url-scheme',
  ),
  connection: ['connection'],
  cookie: ['cookie'],
  expect: ['expect'],
  forwarded_for: ['x-forwarded-for'],
  max_forwards: ['max-forwards'],
  te: ['te'],
  via: ['via'],
}

const SINGLE = words(
  'authorization content-length content-type expect from host if-modified-since if-range ' +
    'if-unmodified-since max-forwards origin proxy-authorization referer sec-fetch-dest sec-fetch-mode ' +
    'sec-fetch-site user-agent',
)

const STATING = ['x-auth-request-', 'x-ssl-', 'x-client-cert', 'x-webauth-']
const ODD_NAME = /[^a-z0-9-]/
const READ = new Set(['connection', 'via']) // never sent on as received, so there is nothing to drop

/**
 * The rules by lower-case name, with `identity` names (ours to state) and `dropped` ones dropped
 * whatever they are. A name without an entry follows `ruleByPattern`.
 */
export function requestHeaderRules(
  identity: readonly string[],
  dropped: Iterable<string>,
): ReadonlyMap<string, RequestHeaderRule> {
  const actions = new Map<string, RequestHeaderAction>(
    SINGLE.map((name) => [name, ruleByPattern(name).action]),
  )
  for (const [action, names] of Object.entries(ACTIONS) as [
    RequestHeaderAction,
    readonly string[],
  ][]) {
    for (const name of names) actions.set(name, action)
  }
  for (const name of dropped)
    if (!READ.has(name.toLowerCase())) actions.set(name.toLowerCase(), 'drop')
  for (const name of identity.map((one) => one.toLowerCase())) {
    if (READ.has(name)) continue
    actions.set(name.replaceAll('-', '_'), 'forged') // the twin that some servers take for the same
    actions.set(name, 'forged')
  }
  return new Map(
    [...actions].map(([name, action]) => [name, { action, singleBit: singleBit(name) }]),
  )
}

/**
 * The rule for a lower-case name that has none of its own. Names with anything but letters, digits and hyphens are
 * dropped: many servers cannot tell `x_user` or `x.user` from `x-user` (FW-5).
 */
export function ruleByPattern(name: string): RequestHeaderRule {
  if (ODD_NAME.test(name)) return DROP
  switch (name.charCodeAt(0)) {
    case 0x78: // x
      return name.charCodeAt(1) === 0x2d ? ruleOfExtension(name) : PASS
    case 0x70: // p; a bare `Proxy` becomes HTTP_PROXY in CGI programs
      return name === 'proxy' || name.startsWith('proxy-') ? DROP : PASS
    case 0x63: // c
      return name.startsWith('client-cert') ? FORGED : PASS
    case 0x73: // s
      return name.startsWith('ssl-client-') ? FORGED : PASS
    default:
      return PASS
  }
}

function ruleOfExtension(name: string): RequestHeaderRule {
  if (name.startsWith('x-forwarded-') || name.startsWith('x-original-')) return FROM_PROXY
  return STATING.some((prefix) => name.startsWith(prefix)) ? FORGED : PASS
}

function singleBit(name: string): number {
  const position = SINGLE.indexOf(name)
  return position < 0 ? 0 : 1 << position
}

function words(list: string): readonly string[] {
  return list.split(' ')
}
