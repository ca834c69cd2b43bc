import { REQUEST_VALUES, SESSION_VALUES } from '../domain/header-source.ts'
import type { HeaderPart } from '../domain/route.ts'
import type { FileReader } from './file-reader.ts'

/** Where `${…}` is read from. */
export interface PlaceholderSource {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: FileReader
}

export interface Interpolated {
  readonly parts: readonly HeaderPart[]
  /** Something came from the environment or a file: never show it. */
  readonly concealed: boolean
  /** `at`: the how-manieth `${` of the text it is about, from 0. */
  readonly problems: readonly { readonly at: number; readonly message: string }[]
}

/** Whether a text may have parts that only a request will tell. */
type Liveness = 'live values' | 'fixed text'

const OPENING = /\$?\$\{/g
const CLAIM_STEP = /^(?:\.([A-Za-z0-9_-]+)|\["([^"\\\p{Cc}]+)"\]|\['([^'\\\p{Cc}]+)'\])/u

/**
 * Replaces `${NAME}` by the environment variable and `${file:PATH}` by the file's text without its last line
 * break; `$${` stands for a literal `${`. What is put in is never read again. `${claims.…}`, `${session.…}` and
 * `${request.…}` are parts of their own, allowed where `liveness` says so.
 */
export function interpolate(
  text: string,
  source: PlaceholderSource,
  liveness: Liveness,
): Interpolated {
  const parts: HeaderPart[] = []
  const problems: { at: number; message: string }[] = []
  let concealed = false
  let readUpTo = 0
  for (const [at, opening] of [...text.matchAll(OPENING)].entries()) {
    if (opening.index < readUpTo) continue // inside the placeholder before it
    parts.push(text.slice(readUpTo, opening.index))
    readUpTo = opening.index + opening[0].length
    if (opening[0] === '$${') {
      parts.push('${')
      continue
    }
    const end = closingBrace(text, readUpTo)
    const expression = text.slice(readUpTo, end)
    const outcome =
      end < 0 ? 'is not closed: write ${NAME}' : evaluate(expression, source, liveness)
    readUpTo = end < 0 ? text.length : end + 1
    if (typeof outcome === 'string') problems.push({ at, message: outcome })
    else {
      parts.push(outcome.part)
      concealed ||= typeof outcome.part === 'string'
    }
  }
  parts.push(text.slice(readUpTo))
  return { parts: merged(parts), concealed, problems }
}

function evaluate(
  expression: string,
  source: PlaceholderSource,
  liveness: Liveness,
): { part: HeaderPart } | string {
  const [, root] = /^(claims|session|request)(?=[.["'])/.exec(expression) ?? []
  if (expression === 'claims' || root !== undefined) return livePart(expression, root, liveness)
  if (expression.startsWith('file:')) return filePart(expression.slice('file:'.length), source)
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(expression)) {
    return 'has a ${…} that is not understood: allowed are ${NAME}, ${file:PATH} and, in headers.set of a route, ${claims.…}, ${session.…} and ${request.…}; a literal ${ is written $${'
  }
  const value = Object.hasOwn(source.env, expression) ? source.env[expression] : undefined
  if (value === undefined) return `environment variable ${expression} is not set`
  if (value === '') return `environment variable ${expression} is empty`
  return { part: value }
}

function filePart(path: string, { readFile }: PlaceholderSource): { part: HeaderPart } | string {
  if (path === '') return 'names no file: write ${file:/path}'
  const file = readFile(path)
  if ('wrong' in file) return `file ${JSON.stringify(path)} ${file.wrong}`
  const text = file.value.replace(/\r?\n$/, '')
  return text === '' ? `file ${JSON.stringify(path)} is empty` : { part: text }
}

function livePart(
  expression: string,
  root: string | undefined,
  liveness: Liveness,
): { part: HeaderPart } | string {
  if (liveness === 'fixed text')
    return `has \${${root ?? expression}.…}, which is known only while a request is served: allowed in headers.set of a route`
  if (root === 'session') return named('session', expression, SESSION_VALUES)
  if (root === 'request') return named('request', expression, REQUEST_VALUES)
  return claimPart(expression)
}

function named(
  root: 'session' | 'request',
  expression: string,
  values: Readonly<Record<string, unknown>>,
): { part: HeaderPart } | string {
  const name = expression.slice(root.length + 1)
  if (Object.hasOwn(values, name)) return { part: { [root]: name } as unknown as HeaderPart }
  return `does not name anything known of the ${root}: allowed are ${Object.keys(values).join(', ')}`
}

function claimPart(expression: string): { part: HeaderPart } | string {
  const claim: string[] = []
  let rest = expression.slice('claims'.length)
  while (rest !== '') {
    const step = CLAIM_STEP.exec(rest)
    const name = step?.[1] ?? step?.[2] ?? step?.[3]
    if (step === null || name === undefined || name === '__proto__') return CLAIM_FORMS
    claim.push(name)
    rest = rest.slice(step[0].length)
  }
  return claim.length === 0 ? CLAIM_FORMS : { part: { claim } }
}

const CLAIM_FORMS =
  'does not name a claim: write ${claims.email}, ${claims.address.country} or ${claims["https://acme.example/roles"]}'

/** The `}` that closes a placeholder: one inside quotes does not. */
function closingBrace(text: string, from: number): number {
  let quote = ''
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at)
    if (quote !== '') quote = character === quote ? '' : quote
    else if (character === '}') return at
    else if (character === '"' || character === "'") quote = character
  }
  return -1
}

function merged(parts: readonly HeaderPart[]): HeaderPart[] {
  const result: HeaderPart[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (typeof part === 'string' && typeof last === 'string')
      result[result.length - 1] = last + part
    else if (part !== '') result.push(part)
  }
  return result
}
