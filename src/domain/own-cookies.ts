/** Every cookie of ours is named this, or starts with this and a hyphen, under any browser prefix. */
export const OWN_COOKIE_NAME = 'bearergate'

const OWN = /^(?:__(?:host|secure|http|host-http)-)?bearergate(?:-|$)/i
const MENTION = /bearergate/i

/**
 * Whether a cookie of this name is ours, in any case and with or without a browser prefix (`__Host-`,
 * `__Secure-` …): such a cookie never reaches an upstream and is never set by one (RS-4, RS-5).
 */
export function isOwnCookieName(name: string): boolean {
  return OWN.test(name.trim())
}

/**
 * A Cookie header without our cookies, the others octet for octet; `undefined` when nothing is left, and then the header
 * is not sent at all.
 */
export function withoutOwnCookies(cookieHeader: string): string | undefined {
  if (!MENTION.test(cookieHeader)) return cookieHeader
  let kept = ''
  for (let at = 0; at < cookieHeader.length;) {
    const semicolon = cookieHeader.indexOf(';', at)
    const end = semicolon < 0 ? cookieHeader.length : semicolon
    const pair = cookieHeader.slice(at, end)
    if (!isOwnCookieName(nameOf(pair))) kept += kept === '' ? pair : `;${pair}`
    at = end + 1
  }
  const start = kept.search(/[^\s;]/)
  return start < 0 ? undefined : kept.slice(start)
}

/**
 * Whether a Set-Cookie of an upstream would set a cookie of ours. A nameless cookie counts by its value, which some
 * browsers send back as if it were a name.
 */
export function setsOwnCookie(setCookie: string): boolean {
  return MENTION.test(setCookie) && isOwnCookieName(nameOf(setCookie.replace(/^[\s=]+/, '')))
}

function nameOf(pair: string): string {
  const end = pair.search(/[=;]/)
  return end < 0 ? pair : pair.slice(0, end)
}
