import { closestWord } from './closest-word.ts'
import type { DecodeReport, Path } from './decode-report.ts'
import { FORMATS } from './formats/formats.ts'
import { interpolate, type PlaceholderSource } from './interpolation.ts'
import type { LocatedScalar } from './located-node.ts'
import type { SchemaNode } from './schema/schema-parts.ts'

const LONGEST_QUOTE = 100 // characters: a longer value hides the message behind it

/** Everything a scalar is decoded with. */
export interface ScalarSpot {
  readonly node: LocatedScalar
  readonly schema: SchemaNode
  readonly path: Path
  readonly source: PlaceholderSource
  readonly report: DecodeReport
}

/** The value of a scalar, its placeholders replaced; `undefined` when the report says what is wrong. */
export function decodeScalar(spot: ScalarSpot): unknown {
  const { node, schema, path, report } = spot
  if (schema.secret === true) report.conceal(path)
  if (typeof node.value === 'string' && node.value.includes('${')) {
    return interpolated(spot, node.value)
  }
  if (schema.type === 'integer') return integer(spot, node.value)
  if (schema.type === 'boolean') return boolean(spot, node.value)
  if (schema.type === 'scalar' && isPlain(node.value)) return node.value
  return typeof node.value === 'string' ? textValue(spot, node.value) : notText(spot)
}

function isPlain(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}

/** `; did you mean "clientId"?`, or nothing when no word is near. */
export function didYouMean(wrong: string, allowed: readonly string[]): string {
  const guess = closestWord(wrong, allowed)
  return guess === undefined ? '' : `; did you mean ${JSON.stringify(guess)}?`
}

function interpolated(spot: ScalarSpot, text: string): unknown {
  const { node, schema, path, source, report } = spot
  const isHeader = schema.format === 'header-value'
  const result = interpolate(text, source, isHeader ? 'live values' : 'fixed text')
  if (result.concealed) report.conceal(path)
  for (const { at, message } of result.problems) {
    report.say(placeOfPlaceholder(node, at), path, message)
  }
  if (result.problems.length > 0) return undefined
  const texts = result.parts.filter((part) => typeof part === 'string')
  if (isHeader) {
    const areRight = texts.every((part) => textValue(spot, part) !== undefined)
    return areRight ? result.parts : undefined
  }
  return fromText(spot, texts.join(''))
}

/** Environment variables are text: where a number or a truth value is needed, they are read as one. */
function fromText(spot: ScalarSpot, text: string): unknown {
  if (spot.schema.type === 'integer') {
    return integer(spot, /^\d{1,15}$/.test(text) ? Number(text) : text)
  }
  if (spot.schema.type !== 'boolean') return textValue(spot, text)
  return boolean(spot, text === 'true' || text === 'false' ? text === 'true' : text)
}

function integer(spot: ScalarSpot, value: unknown): unknown {
  const { minimum = 0, maximum = 0 } = spot.schema
  const range = `a whole number from ${minimum} to ${maximum}`
  if (typeof value !== 'number' || !Number.isInteger(value))
    return problem(spot, `must be ${range}`)
  if (value >= minimum && value <= maximum) return value
  return problem(spot, `${shown(spot, String(value))}is out of range: ${range}`)
}

function boolean(spot: ScalarSpot, value: unknown): unknown {
  return typeof value === 'boolean' ? value : problem(spot, 'must be true or false')
}

function notText(spot: ScalarSpot): undefined {
  const { node, report, path } = spot
  if (node.value === null) return problem(spot, 'is empty: give a value, or leave the key out')
  const countBefore = report.findings.length
  textValue(spot, node.source)
  if (report.findings.length > countBefore) return undefined // quotes alone would not help: the form is wrong too
  const quoted = report.mayShow(path) ? `: ${JSON.stringify(node.source)}` : ''
  const kind = typeof node.value === 'number' ? 'a number' : 'true or false'
  return problem(spot, `is read as ${kind}, but must be text: put it in quotes${quoted}`)
}

function textValue(spot: ScalarSpot, text: string): unknown {
  const { schema, source } = spot
  if (schema.enum !== undefined) return choice(spot, text, schema.enum)
  const context = { bounds: schema, readFile: source.readFile }
  const parsed = FORMATS[schema.format ?? 'line'](text, context)
  return 'wrong' in parsed ? problem(spot, `${shown(spot, text)}${parsed.wrong}`) : parsed.value
}

function choice(spot: ScalarSpot, text: string, allowed: readonly string[]): unknown {
  if (allowed.includes(text)) return text
  const hint = spot.report.mayShow(spot.path) ? didYouMean(text, allowed) : ''
  const words = `is not one of the allowed words: ${allowed.join(', ')}`
  return problem(spot, `${shown(spot, text)}${words}${hint}`)
}

function problem({ node, path, report }: ScalarSpot, message: string): undefined {
  return report.say(node.offset, path, message)
}

/** The value in quotes before what is wrong with it, unless it may hold a secret. */
function shown({ path, report }: ScalarSpot, text: string): string {
  const mayHide = /:\/\/[^/]*@/.test(text) // a password in a URL
  return !report.mayShow(path) || mayHide || text.length > LONGEST_QUOTE
    ? ''
    : `${JSON.stringify(text)} `
}

/** Offset of the placeholder in the file; of the whole text when quotes hide it. */
function placeOfPlaceholder({ offset, source }: LocatedScalar, at: number): number {
  return offset + ([...source.matchAll(/\$?\$\{/g)][at]?.index ?? 0)
}
