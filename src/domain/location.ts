import type { Route } from './route.ts'

const AUTHORITY = /^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^/\\?#]*/i

/**
 * The upstream's Location as the browser must see it: its own origin becomes `publicOrigin`, its base path the route's
 * prefix (HX-24, P13). Redirects to other places and relative paths pass unchanged. A path that already has the route's
 * prefix (the upstream knows X-Forwarded-Prefix) keeps it once.
 */
export function mapLocation(location: string, route: Route, publicOrigin: string): string {
  const { origin } = route.upstream
  if (!URL.canParse(location, origin) || !isSameHost(new URL(location, origin), new URL(origin)))
    return location
  const authority = AUTHORITY.exec(location)?.[0]
  if (authority !== undefined)
    return publicOrigin + publicPath(location.slice(authority.length), route)
  if (!location.startsWith('/')) return location
  const path = publicPath(location, route)
  return path.startsWith('//') ? publicOrigin + path : path
}

/** The value of a Refresh header (`5; url=…`) with its address mapped. */
export function mapRefresh(refresh: string, route: Route, publicOrigin: string): string {
  const [, head, quote, address] =
    /^([^;,]*[;,]\s*url\s*=\s*)(['"]?)(.*?)\2\s*$/is.exec(refresh) ?? []
  if (head === undefined || quote === undefined || address === undefined) return refresh
  return head + quote + mapLocation(address, route, publicOrigin) + quote
}

function isSameHost(url: URL, upstream: URL): boolean {
  return url.host === upstream.host && (url.protocol === 'http:' || url.protocol === 'https:')
}

function publicPath(path: string, { upstream, stripPrefix = '' }: Route): string {
  const rest = withoutPrefix(path, upstream.basePath)
  if (rest === undefined) return path
  if (stripPrefix === '' || withoutPrefix(rest, stripPrefix) !== undefined)
    return rest === '' ? '/' : rest
  return stripPrefix + rest
}

function withoutPrefix(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined
  const rest = path.slice(prefix.length)
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined
}
