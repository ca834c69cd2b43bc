import type { Upstream } from '../../domain/route.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

const FORMS = 'allowed are http(s)://host:port[/base] and unix:/path'

/** Where a route goes: `http(s)://host:port[/base]` or `unix:/path`. */
export function parseUpstream(text: string): Parsed<Upstream> {
  return text.startsWith('unix:') ? parseSocket(text.slice('unix:'.length)) : parseOverTcp(text)
}

function parseSocket(socketPath: string): Parsed<Upstream> {
  // 104: the shortest sun_path of the systems we run on, one taken by its final NUL.
  if (!/^\/[^/\u0000-\u001f\u007f][^\u0000-\u001f\u007f]{0,102}$/.test(socketPath)) {
    return refused(`is not a socket: allowed is unix:/absolute/path of at most 104 characters`)
  }
  return accepted({ origin: 'http://localhost', basePath: '', socketPath })
}

function parseOverTcp(text: string): Parsed<Upstream> {
  if (!/^https?:\/\/[^/?#\\]/.test(text) || !URL.canParse(text))
    return refused(`is not an upstream: ${FORMS}`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return refused('must not carry a user name or password')
  if (/[?#]/.test(text)) return refused(`must not have a query or fragment: ${FORMS}`)
  const written = /^https?:\/\/[^/]*(.*)$/.exec(text)?.[1] ?? ''
  if (written !== '' && written !== url.pathname) {
    return refused(
      'has a base path that would be rewritten: write it percent-encoded and without . and .. segments',
    )
  }
  return accepted({ origin: url.origin, basePath: written.replace(/\/+$/, '') })
}
