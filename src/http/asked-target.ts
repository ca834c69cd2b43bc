import type { IncomingMessage } from 'node:http'
import type { Reason } from '../domain/reason.ts'
import type { HostRule } from './host-rule.ts'

/** Where a request wants to go, by its own words. */
export interface AskedTarget {
  /** As received, in lower case; with port if it has one. */
  readonly authority: string | undefined
  /** `authority` without port; `undefined` only for HTTP/1.0 without Host. */
  readonly host: string | undefined
  /** `*`, or a path with its query. */
  readonly target: string
  /** Host, and an authority in the target, are ones we answer for. */
  readonly isServed: boolean
}

/** Methods the gateway forwards; all others are 405 (STANDARDS AT-12). The second line is WebDAV. */
export const FORWARDED_METHODS: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  ...['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'SEARCH'],
]

const forwarded = new Set(FORWARDED_METHODS)
/** Octets of path and query (STANDARDS RL-1). */
export const MAX_TARGET_LENGTH = 8_192
const ABSOLUTE_FORM = /^https?:\/\/([^/?#@\\]+)((?:[/?].*)?)$/is

/** Reads the request line and Host; `undefined` when they are malformed (RFC 9112 §3.2). */
export function askedTarget(request: IncomingMessage, hosts: HostRule): AskedTarget | undefined {
  const { url = '', headers, httpVersion } = request
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return undefined // Node takes 0.9 and 2.0 for words of the same
  if (headers.host === undefined && httpVersion !== '1.0') return undefined
  if (!url.startsWith('/') && url !== '*') return absoluteForm(url, hosts)
  if (headers.host === undefined)
    return { authority: undefined, host: undefined, target: url, isServed: true }
  const authority = headers.host.toLowerCase()
  const host = hosts.hostname(authority)
  if (host === undefined) return undefined
  return { authority, host, target: url, isServed: hosts.serves(host) }
}

/** Why a well-formed request goes nowhere, whatever its path. */
export function targetRefusal(request: IncomingMessage, asked: AskedTarget): Reason | undefined {
  const { method = '', headers } = request
  if (hasRepeatedField(request.rawHeaders) || isOddlyCoded(request)) return 'request_malformed'
  if (asked.target.length > MAX_TARGET_LENGTH) return 'uri_too_long'
  if (!asked.isServed) return 'host_refused'
  if (!forwarded.has(method)) return 'method_not_allowed'
  if (asked.target === '*' && method !== 'OPTIONS') return 'request_malformed'
  return isUnknownExpectation(headers.expect) ? 'expectation_refused' : undefined
}

/** Scheme and authority cut off; the authority counts, Host does not (RFC 9112 §3.2.2). */
function absoluteForm(url: string, hosts: HostRule): AskedTarget | undefined {
  const [, sent, rest] = ABSOLUTE_FORM.exec(url) ?? []
  if (sent === undefined || rest === undefined) return undefined
  const authority = sent.toLowerCase()
  const host = hosts.hostname(authority)
  if (host === undefined) return undefined
  const target = rest.startsWith('/') ? rest : `/${rest}`
  return { authority, host, target, isServed: hosts.isOurs(host) }
}

/** Node keeps the first of these and drops the rest; an upstream may read another one (STANDARDS HX-7, HX-22). */
export function hasRepeatedField(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  let authorizations = 0
  let contentTypes = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4) hosts += isField(name, 'host')
    else if (name.length === 12) contentTypes += isField(name, 'content-type')
    else if (name.length === 13) authorizations += isField(name, 'authorization')
  }
  return hosts > 1 || authorizations > 1 || contentTypes > 1
}

/**
 * HTTP/1.0 knows no chunks, so whoever passed them on may have framed the message otherwise (RFC 9112 §6.1); another
 * coding would be taken off the message while the body keeps it.
 */
function isOddlyCoded({ httpVersion, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked')
}

function isField(name: string, lowerCaseName: string): number {
  return name.toLowerCase() === lowerCaseName ? 1 : 0
}

function isUnknownExpectation(expect: string | undefined): boolean {
  return expect !== undefined && expect.toLowerCase() !== '100-continue'
}
