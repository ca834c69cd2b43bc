import type { Route } from './route.ts'

const AUTHORITY = /^(?:https?:)?\/\/[^/\\?#]+/i
const REFRESH_HEAD = /^\s*[\d.]*(?=[\s;,])\s*[;,]?\s*(?:url\s*=\s*)?/i // as browsers read it: HTML §4.2.5.3
const RELATIVE = /^(?![/\\]{2})(?!https?:)/i

/**
 * The upstream's Location as the browser must see it: its own host becomes `publicOrigin`, its base path the
 * route's prefix (HX-24, P13). Redirects to other places and relative paths pass unchanged. A path that already
 * has the route's prefix (the upstream knows X-Forwarded-Prefix) keeps it once.
 */
export function mapLocation(location: string, route: Route, publicOrigin: string): string {
  const { origin } = route.upstream
  const read = location.replace(/[\t\n\r]/g, '').trim() // as URL parsers do before anything else
  if (!URL.canParse(read, origin)) return location
  const url = new URL(read, origin)
  if (!isSameHost(url, new URL(origin))) return location
  if (!RELATIVE.test(read)) return publicOrigin + publicPath(octetsAfterHost(read, url), route)
  if (!read.startsWith('/')) return location
  const path = publicPath(read, route)
  return RELATIVE.test(path) ? path : publicOrigin + path
}

/** The value of a Refresh header (`5; url=…`, `5; …`, `5 …`) with its address mapped. */
export function mapRefresh(refresh: string, route: Route, publicOrigin: string): string {
  const head = REFRESH_HEAD.exec(refresh)?.[0]
  if (head === undefined) return refresh
  const quote = /^['"]/.exec(refresh.slice(head.length))?.[0] ?? ''
  const start = head.length + quote.length
  const closing = quote === '' ? -1 : refresh.indexOf(quote, start)
  const end = closing < 0 ? refresh.length : closing
  const address = mapLocation(refresh.slice(start, end), route, publicOrigin)
  return refresh.slice(0, start) + address + refresh.slice(end)
}

/** What follows the host, unchanged where the address is written as usual (`http://host/…`). */
function octetsAfterHost(location: string, url: URL): string {
  const authority = AUTHORITY.exec(location)?.[0]
  if (authority === undefined) return url.pathname + url.search + url.hash
  return location.slice(authority.length)
}

/** Whatever the scheme: an upstream that believes itself behind TLS means the same host. */
function isSameHost(url: URL, upstream: URL): boolean {
  return url.host === upstream.host && (url.protocol === 'http:' || url.protocol === 'https:')
}

function publicPath(path: string, { upstream, stripPrefix = '' }: Route): string {
  const rest = withoutPrefix(path, upstream.basePath)
  if (rest === undefined) return path
  const hasPrefix = stripPrefix === '' || withoutPrefix(rest, stripPrefix) !== undefined
  const mapped = hasPrefix ? rest : stripPrefix + rest
  return mapped.startsWith('/') ? mapped : `/${mapped}`
}

function withoutPrefix(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined
  const rest = path.slice(prefix.length)
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined
}
