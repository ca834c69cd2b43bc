import { claimAt } from './claim.ts'
import { REQUEST_VALUES, SESSION_VALUES, type HeaderSource } from './header-source.ts'
import type { HeaderPart } from './route.ts'

const NO_CLAIMS: Readonly<Record<string, unknown>> = {}
/** RFC 9110 §5.4 sets no limit; servers refuse 8 KiB for all headers together. */
export const MAX_VALUE_LENGTH = 4_096

/** A header value put together. `too_long`: left out, worth a warning; `absent`: something is missing. */
export type ConfiguredHeader = { readonly value: string } | 'absent' | 'too_long'

/**
 * The value of a configured header for one request. A missing, null or empty claim or session value means no header at
 * all (FW-6), never an empty one.
 *
 * Encoding of claims and session values (FW-7, HX-26): a list is joined by commas without spaces. Each claim value, or each element of a list, is
 * percent-encoded as UTF-8 where it has a comma, a percent sign, a control or non-ASCII character, or a space at either end:
 * split at commas, then percent-decode. Objects are written as JSON, encoded alike. Numbers and booleans as JSON writes them.
 * Values over 4 KiB are left out. What the request says of itself is put in as it came: an encoded path stays one.
 */
export function configuredHeader(
  parts: readonly HeaderPart[],
  source: HeaderSource,
): ConfiguredHeader {
  let value = ''
  for (const part of parts) {
    const text = partText(part, source)
    if (text === '' && typeof part !== 'string') return 'absent'
    value += text
    if (value.length > MAX_VALUE_LENGTH) return 'too_long'
  }
  return value === '' ? 'absent' : { value }
}

function partText(part: HeaderPart, source: HeaderSource): string {
  if (typeof part === 'string') return encodeLiteral(part)
  if ('request' in part) return encodeLiteral(REQUEST_VALUES[part.request](source))
  if ('claim' in part) return claimText(source.claims ?? NO_CLAIMS, part.claim)
  return source.session === undefined
    ? ''
    : elementText(SESSION_VALUES[part.session](source.session))
}

/** As long as it is, for one that will be sent; cut short after the limit for one that will not. */
function claimText(claims: Readonly<Record<string, unknown>>, path: readonly string[]): string {
  const value = claimAt(claims, path)
  if (!Array.isArray(value)) return elementText(value)
  let list = ''
  for (const element of value) {
    const text = elementText(element)
    if (text !== '') list += list === '' ? text : `,${text}`
    if (list.length > MAX_VALUE_LENGTH) break
  }
  return list
}

function elementText(element: unknown): string {
  if (element === undefined || element === null) return ''
  return encodeElement(typeof element === 'string' ? element : JSON.stringify(element))
}

const PLAIN_ELEMENT = /^(?! )[ -$&-+\--~]*(?<! )$/

function encodeElement(text: string): string {
  if (PLAIN_ELEMENT.test(text)) return text
  return text.replace(/^ +|(?<! ) +$|[^ -$&-+\--~]+/gu, percentEncode)
}

/** Text of the configuration or the request: only what no header may carry is encoded. */
function encodeLiteral(text: string): string {
  return text.replace(/[^\t -~]+/gu, percentEncode)
}

function percentEncode(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&')
}
