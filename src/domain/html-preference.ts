import type { RequestFacts } from './request-facts.ts'

const MAX_RANGES = 50 // browsers send ten at most; 16 KB of them would cost more than the request itself

/**
 * Whether a refusal is shown as a page: to a navigation, and to whom prefers HTML over JSON by name and weight
 * (ER-3, RFC 9110 §12.5.1). Everyone else gets problem JSON.
 */
export function prefersHtml(accept: string | undefined, facts: RequestFacts): boolean {
  if (facts.navigation) return true
  if (accept === undefined) return false
  const ranges = accept.split(',', MAX_RANGES).map(parseRange)
  const html = weight(ranges, ['text/html'])
  const json = weight(ranges, ['application/json', 'application/problem+json'])
  if (html === undefined || html === 0) return false
  return json === undefined ? html >= (weight(ranges, ['application/*', '*/*']) ?? 0) : html > json
}

interface Range {
  readonly type: string
  readonly weight: number
}

function parseRange(range: string): Range {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))
  const weight = quality === undefined ? 1 : Number(quality.slice(2))
  return { type, weight: weight >= 0 && weight <= 1 ? weight : 0 }
}

function weight(ranges: readonly Range[], types: readonly string[]): number | undefined {
  const found = ranges.filter((range) => types.includes(range.type))
  return found.length === 0 ? undefined : Math.max(...found.map((range) => range.weight))
}
