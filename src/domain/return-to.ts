import { canonicalTarget } from './canonical-target.ts'
import type { CanonicalTarget } from './canonical-target.ts'
import { forgivingReadings } from './path-readings.ts'

const HERE = 'http://here.invalid'
const FORM_PAGE = '/oauth2/form?id='
const FORM_ID = /^[\w-]{22}$/
const MAX_LENGTH = 2_000 // has to fit, sealed and base64-coded, into a 4,096-byte cookie (SE-4)
// oxlint-disable-next-line no-control-regex -- browsers delete tab and newline: "/\t/evil" becomes "//evil"
const LOCAL_PATH = /^\/(?![/\\])[^\\\u0000-\u001f\u007f?#]*(?:[?#][^\u0000-\u001f\u007f]*)?$/

/**
 * The local path (with query and fragment) to show after login or logout; `/` when the wish points anywhere else,
 * to one of our own endpoints but the page of a kept form, to what we would refuse, or is too long.
 *
 * The wish comes from the browser: this is the guard against open redirection (RFC 9700 §4.11, AT-6, P24).
 */
export function parseReturnTo(wish: string | undefined): string {
  if (wish === undefined || wish.length > MAX_LENGTH || !LOCAL_PATH.test(wish)) return '/'
  if (formOfReturnTo(wish) !== undefined) return wish
  if (!URL.canParse(wish, HERE)) return '/'
  const url = new URL(wish, HERE)
  if (url.origin !== HERE || !isOurs(url.pathname, url.search)) return '/'
  const path = url.pathname + url.search + url.hash
  return path.length > MAX_LENGTH ? '/' : path
}

/** The return path for a request that has to wait for a login: its own target, as far as it is a fit one. */
export function returnToTarget(target: CanonicalTarget): string {
  const octets = Buffer.from(target.path + target.query, 'latin1')
  return parseReturnTo(octets.toString('utf8'))
}

/** Where a login leads that was begun for the sake of a kept form: the page that sends it. */
export function returnToForm(formId: string): string {
  return FORM_PAGE + formId
}

/** Which kept form a return path is for; `undefined` for all other paths. */
export function formOfReturnTo(returnTo: string): string | undefined {
  if (!returnTo.startsWith(FORM_PAGE)) return undefined
  const id = returnTo.slice(FORM_PAGE.length)
  return FORM_ID.test(id) ? id : undefined
}

function isOurs(path: string, query: string): boolean {
  if (canonicalTarget(path + query) === undefined) return false
  return forgivingReadings(path).every((segments) => segments[0] !== 'oauth2')
}
