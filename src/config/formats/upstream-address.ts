import { NO_UPSTREAM, type Upstream } from '../../domain/route.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

const MAX_SOCKET_PATH_LENGTH = 103 // the shortest sun_path there is (macOS) holds 104 with its final NUL
const SOCKET_FORM = `allowed is unix:/absolute/path of at most ${MAX_SOCKET_PATH_LENGTH} characters`
const FORMS = 'allowed are http(s)://host:port[/base] and unix:/path; none with forwardAuth'

/** Where a route goes: `http(s)://host:port[/base]`, `unix:/path`, or `none`. */
export function parseUpstream(text: string): Parsed<Upstream> {
  if (text === 'none') return accepted(NO_UPSTREAM)
  return text.startsWith('unix:') ? parseSocket(text.slice('unix:'.length)) : parseOverTcp(text)
}

function parseSocket(socketPath: string): Parsed<Upstream> {
  if (!/^\/[\u0021-\u007e]+$/.test(socketPath) || socketPath.length > MAX_SOCKET_PATH_LENGTH) {
    return refused(`is not a socket: ${SOCKET_FORM}`)
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
