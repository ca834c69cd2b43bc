import { IncomingMessage, type IncomingHttpHeaders } from 'node:http'
import { isIP, Socket } from 'node:net'
import { UsageError } from '../arguments.ts'

export interface ExplainedRequest {
  readonly method: string
  readonly url: string
  /** `Name: value` each. */
  readonly headers: readonly string[]
  /** The address of whoever connects. */
  readonly peer: string
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/ // RFC 9110 §5.6.2
const URL_FORM = /^(?:https?:\/\/([^/?#\\]*))?([/?*#\\].*)?$/is
// oxlint-disable-next-line no-control-regex -- no header value may have them (RFC 9110 §5.5)
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([^\u0000\n\r]*)$/

/**
 * The request as it would have come in: what Node's parser makes of these octets, without a connection. Nothing is
 * repaired, so that a hostile target is judged as what it is.
 *
 * @throws UsageError no request can be like that
 */
export function explainedRequest(
  { method, url, headers, peer }: ExplainedRequest,
  publicUrl: URL,
): IncomingMessage {
  if (!TOKEN.test(method)) throw new UsageError('METHOD is no method such as GET')
  if (isIP(peer) === 0) throw new UsageError('--peer is no IP address')
  const { authority, target } = placeOf(url)
  const fields = headers.flatMap(fieldOf)
  const hasHost = fields.some((text, at) => at % 2 === 0 && text.toLowerCase() === 'host')
  const host = hasHost ? [] : ['Host', octets(authority ?? publicUrl.host)]
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer })
  const request = new IncomingMessage(socket)
  const rawHeaders = [...host, ...fields]
  return Object.assign(request, {
    method,
    url: octets(target),
    httpVersion: '1.1',
    rawHeaders,
    headers: combined(rawHeaders),
    complete: true,
  })
}

// Of these Node keeps the first and drops the others (its documentation of message.headers).
const FIRST_COUNTS = new Set(
  'authorization content-length content-type from host if-modified-since if-unmodified-since max-forwards proxy-authorization referer user-agent'.split(
    ' ',
  ),
)

/** As node:http combines the lines of a head. */
function combined(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    const [value, earlier] = [rawHeaders[at + 1]!, headers[name]]
    if (earlier === undefined) headers[name] = value
    else if (!FIRST_COUNTS.has(name))
      headers[name] = `${earlier}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return headers
}

function placeOf(url: string): { readonly authority: string | undefined; readonly target: string } {
  const [form, authority, rest = ''] = URL_FORM.exec(url) ?? []
  if (form === undefined || url === '')
    throw new UsageError('URL is neither https://host/path nor /path')
  if (authority?.includes('@') === true)
    throw new UsageError('URL has a user name or password: browsers do not send them in it')
  const isComplete = rest.startsWith('/') || (rest === '*' && authority === undefined)
  return { authority, target: isComplete ? rest : `/${rest}` }
}

function fieldOf(text: string): string[] {
  const [, name, value] = FIELD.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new UsageError("a --header is not like 'Name: value'") // without it: it may hold a token
  return [name, octets(value.trimEnd())]
}

/** As it comes over the wire, and as Node hands it on: a character for each octet. */
function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
