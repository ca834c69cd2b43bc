import type { IncomingMessage } from 'node:http'

/** The request that a proxy in front asks about, in that proxy's words. */
export interface ForwardedRequest {
  readonly method: string
  /** Path and query, as the client sent them. */
  readonly target: string
  /** Lower case; with port if it has one. */
  readonly authority: string
}

export const VERIFY_PATH = '/oauth2/verify'

const METHOD_FIELDS = ['x-forwarded-method', 'x-original-method']
const TARGET_FIELDS = ['x-forwarded-uri', 'x-original-uri']
const HOST_FIELDS = ['x-forwarded-host']

/** Does this request ask whether another one may pass? */
export function asksToVerify({ url = '' }: IncomingMessage): boolean {
  return url === VERIFY_PATH || url.startsWith(`${VERIFY_PATH}?`)
}

/**
 * What a trusted proxy says it was asked; `undefined` when it leaves out method or path, or says one of them in two ways:
 * the second may be the client's own (STANDARDS FW-10). Nothing is taken for GET that might have been a POST.
 */
export function forwardedRequest({
  rawHeaders,
  headers,
}: IncomingMessage): ForwardedRequest | undefined {
  const method = onlyValue(rawHeaders, METHOD_FIELDS)
  const target = onlyValue(rawHeaders, TARGET_FIELDS)
  const authority = onlyValue(rawHeaders, HOST_FIELDS) ?? headers.host
  if (method === undefined || target?.startsWith('/') !== true) return undefined
  return { method, target, authority: authority?.toLowerCase() ?? '' }
}

/** The one value that all fields of these names agree on, however many there are. */
function onlyValue(rawHeaders: readonly string[], names: readonly string[]): string | undefined {
  const values = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (names.includes(rawHeaders[at]!.toLowerCase())) values.add(rawHeaders[at + 1]!)
  }
  return values.size === 1 ? [...values][0] : undefined
}
