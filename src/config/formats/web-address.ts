import { accepted, refused, type Parsed } from './parsed.ts'

/** Space, controls, quotes and the like: what `new URL` would repair or drop in silence. */
const VISIBLE_ASCII = /^[\u0021-\u007e]+$/

/** An absolute http(s) URL without credentials and fragment, kept as written. */
export function parseHttpUrl(text: string): Parsed<string> {
  const url = httpUrl(text)
  if (typeof url === 'string') return refused(url)
  return accepted(text)
}

/** What the browser sees: scheme, host and port, nothing behind. */
export function parsePublicUrl(text: string): Parsed<URL> {
  const url = httpUrl(text)
  if (typeof url === 'string') return refused(url)
  if (url.search !== '' || text.includes('?')) {
    // STACK O5: a query in redirect_uri is lost on its way to the token endpoint.
    return refused('must not have a query: allowed is https://host[:port]')
  }
  if (url.pathname !== '/') {
    return refused(
      'must not have a path: the gateway owns the whole host; allowed is https://host[:port]',
    )
  }
  return accepted(url)
}

/** An issuer identifier, kept as written (OpenID Connect Discovery §3: no query, no fragment). */
export function parseIssuer(text: string): Parsed<string> {
  const url = httpUrl(text)
  if (typeof url === 'string') return refused(url)
  if (text.includes('?')) return refused('must not have a query (OpenID Connect Discovery §3)')
  if (url.pathname.includes('/.well-known/')) {
    return refused(
      'is the address of a metadata document: give the issuer here and that address as discoveryUrl',
    )
  }
  return accepted(text)
}

/** Scheme, host and port as browsers send them in `Origin`. */
export function parseOrigin(text: string): Parsed<string> {
  if (text.includes('*')) return refused('has a wildcard: name each origin')
  const url = httpUrl(text)
  if (typeof url === 'string') return refused(url)
  if (url.origin !== text)
    return refused(
      `is not an origin: allowed is scheme://host[:port], lower case, without path and default port`,
    )
  return accepted(text)
}

/** One resource indicator: an absolute URI without a fragment (RFC 8707 §2). */
export function parseResource(text: string): Parsed<string> {
  if (!VISIBLE_ASCII.test(text) || !URL.canParse(text)) {
    return refused('is not an absolute URI such as https://api.example.com/ (RFC 8707 §2)')
  }
  if (text.includes('#')) return refused('must not have a fragment (RFC 8707 §2)')
  return accepted(text)
}

/** The one resource of a scalar, as a list. */
export function parseSingleResource(text: string): Parsed<readonly string[]> {
  const parsed = parseResource(text)
  return 'wrong' in parsed ? parsed : accepted([parsed.value])
}

/** True where plain HTTP stays inside the machine. */
export function isLoopback(url: URL): boolean {
  const { hostname } = url
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  )
}

/** The URL, or what is wrong with the text. */
function httpUrl(text: string): URL | string {
  if (!VISIBLE_ASCII.test(text) || !/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text)) {
    return 'is not an absolute URL such as https://app.example.com'
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return 'must not carry a user name or password'
  if (text.includes('#')) return 'must not have a fragment'
  if (text.includes('\\')) return 'must not contain a backslash'
  return url
}
