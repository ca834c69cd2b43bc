const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const NEVER = new Set(
  (
    'age alt-svc authorization cache-control clear-site-data connection date expires host keep-alive location pragma ' +
    'refresh retry-after set-cookie strict-transport-security te trailer transfer-encoding upgrade vary warning ' +
    'www-authenticate'
  ).split(' '),
)
const NEVER_OF_KIND = /^(?:access-control|content|proxy)-/

/**
 * The trailers a client may get: nothing that frames, routes, controls or authenticates a message, no cookie (RFC 9110 §6.5.1), and
 * none of `hidden` (lower case, ER-10). name, value pairs, as `addTrailers` takes them.
 */
export function sendableTrailers(
  raw: readonly (Buffer | string)[],
  hidden: ReadonlySet<string> | undefined,
): [string, string][] {
  const trailers: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = text(raw[at]!)
    if (NAME.test(name) && mayTrail(name.toLowerCase(), hidden))
      trailers.push([name, text(raw[at + 1]!)])
  }
  return trailers
}

function mayTrail(lowerCaseName: string, hidden: ReadonlySet<string> | undefined): boolean {
  if (NEVER.has(lowerCaseName) || NEVER_OF_KIND.test(lowerCaseName)) return false
  return hidden?.has(lowerCaseName) !== true
}

function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}
