import { maskSecrets } from './mask-secrets.ts'
import { printable } from './printable.ts'

/** One link of a chain of causes, for operators. */
export interface Evidence {
  readonly name: string
  readonly code?: string
  readonly status?: number
  /** The provider's own words (RFC 6749 §5.2). */
  readonly error?: string
  readonly error_description?: string
  readonly message?: string
}

const MAX_LINKS = 6 // library errors wrap three or four deep; a cycle must end too
const MAX_TEXT = 200
const MAX_STACK = 4_000 // more than is shown; masking takes time by the square of the length

/**
 * What is known about a failure: names, codes, statuses and masked messages of the whole chain of
 * causes. Only these fields are read: responses, requests, headers and bodies hanging off library
 * errors carry tokens (TK-16).
 */
export function evidence(cause: unknown): readonly Evidence[] {
  const chain: Evidence[] = []
  for (let link = cause; link !== undefined && link !== null; link = next(link)) {
    if (chain.length === MAX_LINKS) break
    chain.push(describe(link))
  }
  return chain
}

/** The masked stack of an error nobody foresaw. */
export function stackOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || cause.stack === undefined) return undefined
  return maskSecrets(cause.stack.slice(0, MAX_STACK))
    .split('\n')
    .slice(0, 12)
    .map((line) => printable(line.trim(), MAX_TEXT))
    .join(' | ')
}

function describe(link: unknown): Evidence {
  if (typeof link === 'string') return { name: 'Text', message: text(link) }
  if (typeof link !== 'object' || link === null) return { name: typeof link }
  const fields = link as Readonly<Record<string, unknown>>
  const isError = link instanceof Error
  return {
    name: text(isError ? link.name : (link.constructor?.name ?? 'Object')),
    ...strings('code', fields.code),
    ...(typeof fields.status === 'number' ? { status: fields.status } : {}),
    ...strings('error', fields.error),
    ...strings('error_description', fields.error_description),
    ...(isError && link.message !== '' ? { message: text(link.message) } : {}),
  }
}

/** An AggregateError (one failure per address tried) is told by its first. */
function next(link: unknown): unknown {
  if (link instanceof AggregateError && link.cause === undefined) return link.errors[0]
  return link instanceof Error ? link.cause : undefined
}

function strings(name: 'code' | 'error' | 'error_description', value: unknown) {
  return typeof value === 'string' ? { [name]: text(value) } : {}
}

function text(value: string): string {
  return printable(maskSecrets(value.slice(0, 2_000)), MAX_TEXT)
}
