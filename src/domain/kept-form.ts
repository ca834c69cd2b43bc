import type { CanonicalTarget } from './canonical-target.ts'
import type { RequestFacts } from './request-facts.ts'
import { parseReturnTo } from './return-to.ts'
import type { Route } from './route.ts'

/** A form that waits in its browser until its user has signed in again. */
export interface KeptForm {
  /** 128 random bits, base64url: it is handed over once. */
  readonly id: string
  /** Path and query that it was sent to. */
  readonly target: string
  /** `application/x-www-form-urlencoded`, octet for octet. */
  readonly body: string
  /** `subjectMark` of the user whose session was over. Absent: nobody had been signed in. */
  readonly owner?: string
  /** Names of the providers that its route takes, separated by commas. Absent: there is only one. */
  readonly providers?: string
}

export type FormField = readonly [name: string, value: string]

/** Largest form that is kept: every octet of it is held in memory for a moment, for somebody who is not signed in. */
export const MAX_KEPT_FORM_BYTES = 65_536

const MAX_FIELDS = 1_000 // each is an element of a page
const FORM_TYPE = 'application/x-www-form-urlencoded'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * Whether a form may be kept that arrived without a good enough session. Only one that a page of our own origin sent as a
 * navigation: nobody else gets anything kept, let alone sent, in the name of who signs in next (STANDARDS CS-1, AT-13).
 */
export function mayKeepForm(
  { replayForm }: Pick<Route, 'replayForm'>,
  request: {
    readonly facts: RequestFacts
    readonly headers: Headers
    readonly target: CanonicalTarget | undefined
  },
  publicOrigin: string,
): boolean {
  const { facts, headers, target } = request
  if (!replayForm || target === undefined) return false
  return isOwnFormPost(facts, publicOrigin) && isForm(headers) && isRepeatable(target)
}

/** Stricter than for sessions: browsers name the origin of every form they post. */
function isOwnFormPost(facts: RequestFacts, publicOrigin: string): boolean {
  const { method, navigation, prefetch, origin, fetchSite } = facts
  if (method !== 'POST' || !navigation || prefetch || origin !== publicOrigin) return false
  return fetchSite === undefined || fetchSite === 'same-origin'
}

function isForm(headers: Headers): boolean {
  const type = String(headers['content-type'] ?? '').toLowerCase()
  return (
    type === FORM_TYPE &&
    headers['content-encoding'] === undefined &&
    headers['expect'] === undefined
  )
}

/** A browser told to post there would ask for the very same octets. */
function isRepeatable({ path, query }: CanonicalTarget): boolean {
  return parseReturnTo(path + query) === path + query
}

/**
 * The fields of a form, or `undefined` when a browser that is given these fields would not send the very octets of `body`
 * again: another charset than UTF-8, or not made by a form at all.
 */
export function formFields(body: string): readonly FormField[] | undefined {
  const fields = [...new URLSearchParams(body)]
  if (fields.length > MAX_FIELDS || !fields.every(isSendable)) return undefined
  return new URLSearchParams(fields).toString() === body ? fields : undefined
}

/** Browsers leave out fields without a name, cannot show NUL, and send every line break as CR LF (HTML §4.10.21.4). */
function isSendable([name, value]: FormField): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name === '' || /[\u0000\r\n]/.test(name)) return false
  // oxlint-disable-next-line no-control-regex -- the same
  return !/\u0000|\r(?!\n)|(?<!\r)\n/.test(value)
}
