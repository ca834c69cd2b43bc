import type { SessionByKey, SessionSelection } from '../domain/session-operations.ts'

/** What a request says, before anybody looked at it: names are unique. */
export type Parameters = ReadonlyMap<string, string>

/** What an operator asked for cannot be understood; the message says what is allowed. */
export class OperatorParameterError extends Error {
  override readonly name = 'OperatorParameterError'
}

/** Parameters of a query or a form. @throws OperatorParameterError one is given twice */
export function formParameters(text: string): Parameters {
  const given = new URLSearchParams(text)
  const parameters = new Map(given)
  if (parameters.size !== given.size) throw new OperatorParameterError('a parameter is given twice')
  return parameters
}

/** Parameters of a flat JSON object. @throws OperatorParameterError it is something else */
export function jsonParameters(text: string): Parameters {
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OperatorParameterError('the body is not a JSON object')
  }
  return new Map(Object.entries(value).map(([name, given]) => [name, word(name, given)]))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new OperatorParameterError('the body is not JSON', { cause })
  }
}

function word(name: string, given: unknown): string {
  if (typeof given === 'string' || given === true) return String(given)
  throw new OperatorParameterError(`${name} must be text`)
}

/**
 * Whose sessions are meant; the issuer is the provider's unless given, and must be given where there are several.
 *
 * @throws OperatorParameterError none of the words, several of them, or another one
 */
export function sessionSelection(
  parameters: Parameters,
  issuers: readonly string[],
): SessionSelection | SessionByKey {
  refuseOthers(parameters, ['subject', 'sid', 'key', 'all', 'issuer'])
  const given = ['subject', 'sid', 'key', 'all'].filter((name) => parameters.has(name))
  const [kind] = given
  if (given.length !== 1) {
    throw new OperatorParameterError('exactly one of subject, sid, key and all=true is needed')
  }
  const value = parameters.get(kind ?? '') ?? ''
  if (value === '') throw new OperatorParameterError(`${kind} is empty`)
  if (kind === 'subject') return { kind, issuer: issuerOf(parameters, issuers), subject: value }
  if (kind === 'sid') return { kind, issuer: issuerOf(parameters, issuers), sid: value }
  if (parameters.has('issuer')) throw new OperatorParameterError('issuer goes with subject or sid')
  if (kind === 'key') return { kind, key: value }
  if (value !== 'true') throw new OperatorParameterError('all is either true or left out')
  return { kind: 'all' }
}

/** The same subject at two providers is two people (STANDARDS ID-14). */
function issuerOf(parameters: Parameters, issuers: readonly string[]): string {
  const [sole = '', another] = issuers
  const named = parameters.get('issuer')
  if (named === undefined && another !== undefined) {
    throw new OperatorParameterError(`issuer is needed, one of ${issuers.join(', ')}`)
  }
  return named ?? sole
}

export interface ListWish {
  readonly selection: SessionSelection
  readonly page: { readonly limit: number; readonly cursor?: string }
}

const DEFAULT_LIMIT = 100
const MOST_LIMIT = 1_000
const CURSOR = /^[\w.:-]{1,200}$/

/** Which page of which sessions; all of them unless a subject or a sid is given. @throws OperatorParameterError */
export function listWish(parameters: Parameters, issuers: readonly string[]): ListWish {
  const { limit, cursor, ...whose } = Object.fromEntries(parameters)
  if (whose.key !== undefined) throw new OperatorParameterError('key only ends a session')
  const named = whose.subject !== undefined || whose.sid !== undefined
  const selection = sessionSelection(
    new Map(Object.entries(named ? whose : { all: 'true', ...whose })),
    issuers,
  )
  if (selection.kind === 'key') throw new OperatorParameterError('key only ends a session')
  if (cursor !== undefined && !CURSOR.test(cursor)) {
    throw new OperatorParameterError('cursor is not one that a page gave')
  }
  return {
    selection,
    page: { limit: pageSize(limit), ...(cursor === undefined ? {} : { cursor }) },
  }
}

function pageSize(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (size >= 1 && size <= MOST_LIMIT) return size
  throw new OperatorParameterError(`limit is a whole number from 1 to ${MOST_LIMIT}`)
}

function refuseOthers(parameters: Parameters, known: readonly string[]): void {
  const other = [...parameters.keys()].find((name) => !known.includes(name))
  if (other === undefined) return
  throw new OperatorParameterError(`unknown parameter; allowed are ${known.join(', ')}`)
}
