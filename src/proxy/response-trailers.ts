const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const NEVER =
  /^(?:trailer|transfer-encoding|te|connection|keep-alive|upgrade|host|set-cookie|location|authorization|cache-control|vary|proxy-.*|content-.*|access-control-.*)$/i

/**
 * The trailers a client may get: nothing that frames, routes or authenticates a message, no cookie (RFC 9110 §6.5.1), and
 * none of `hidden` (lower case, ER-10). name, value pairs, as `addTrailers` takes them.
 */
export function sendableTrailers(
  raw: readonly (Buffer | string)[],
  hidden: ReadonlySet<string> | undefined,
): [string, string][] {
  const trailers: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = text(raw[at]!)
    if (hidden?.has(name.toLowerCase()) === true) continue
    if (NAME.test(name) && !NEVER.test(name)) trailers.push([name, text(raw[at + 1]!)])
  }
  return trailers
}

function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}
