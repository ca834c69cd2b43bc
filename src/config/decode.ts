import { closestWord } from './closest-word.ts'
import { FORMATS } from './formats/formats.ts'
import { interpolate, type Interpolated, type PlaceholderSource } from './interpolation.ts'
import {
  nodeOf,
  type Finding,
  type LocatedMap,
  type LocatedNode,
  type LocatedScalar,
} from './located-node.ts'
import type { SchemaNode } from './schema/schema-parts.ts'

/** Where a value stands: keys and list positions from the root. */
export type Path = readonly (string | number)[]

/** What the schema made of the file: wrong parts are missing, right ones are values. */
export interface Decoded {
  readonly value: unknown
  readonly findings: readonly Finding[]
  /** Place of a value, or of the nearest one around it that was written. */
  offsetOf(path: Path): number
  /** The value may be quoted in a message: it is no secret and nothing was put into it. */
  mayShow(path: Path): boolean
  /** It stands in the file; otherwise it is a default or absent. */
  isWritten(path: Path): boolean
}

/** Checks a tree against the schema and turns every text into its value, with all problems at once. */
export function decode(root: LocatedNode, schema: SchemaNode, source: PlaceholderSource): Decoded {
  const decoder = new Decoder(source)
  const value = decoder.value(root, schema, [])
  return {
    value,
    findings: decoder.findings,
    offsetOf: (path) => decoder.offsetOf(path),
    mayShow: (path) => !decoder.concealed.has(keyOf(path)),
    isWritten: (path) => decoder.written.has(keyOf(path)),
  }
}

/** In messages: `routes[0].path`. */
export function nameOfPath(path: Path): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`))
    .join('')
}

class Decoder {
  readonly findings: Finding[] = []
  readonly concealed = new Set<string>()
  readonly written = new Set<string>()
  readonly #offsets = new Map<string, number>()
  readonly #source: PlaceholderSource

  constructor(source: PlaceholderSource) {
    this.#source = source
  }

  offsetOf(path: Path): number {
    const offset = this.#offsets.get(keyOf(path))
    if (offset !== undefined || path.length === 0) return offset ?? 0
    return this.offsetOf(path.slice(0, -1))
  }

  value(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    this.#offsets.set(keyOf(path), node.offset)
    if (node.kind === 'broken') return undefined
    if (schema.anyOf !== undefined) return this.#anyOf(node, schema, path)
    if (schema.type === 'object') return this.#object(node, schema, path)
    if (schema.type === 'array') return this.#array(node, schema, path)
    if (node.kind !== 'scalar') return this.#wrongKind(node, schema, path)
    return this.#scalar(node, schema, path)
  }

  #anyOf(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    const fitting = schema.anyOf?.find((alternative) => fits(node, alternative))
    return fitting === undefined
      ? this.#wrongKind(node, schema, path)
      : this.value(node, { ...fitting, secret: schema.secret ?? false }, path)
  }

  #object(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    if (node.kind !== 'map') return this.#wrongKind(node, schema, path)
    return schema.properties === undefined
      ? this.#freeMap(node, schema, path)
      : this.#section(node, schema, path)
  }

  #section(node: LocatedMap, schema: SchemaNode, path: Path): unknown {
    const properties = schema.properties ?? {}
    const written = new Map(node.entries.map((entry) => [entry.key, entry]))
    for (const { key, keyOffset } of node.entries) {
      if (!Object.hasOwn(properties, key))
        this.#unknownKey(key, keyOffset, Object.keys(properties), path)
    }
    const result: Record<string, unknown> = {}
    for (const [key, property] of Object.entries(properties)) {
      const entry = written.get(key)
      const child = entry?.value ?? this.#defaultNode(property, node.offset)
      if (entry !== undefined) this.written.add(keyOf([...path, key]))
      if (child !== undefined) result[key] = this.value(child, property, [...path, key])
      else if (schema.required?.includes(key) === true)
        this.#missing(key, property, node.offset, path)
    }
    return result
  }

  #defaultNode(schema: SchemaNode, offset: number): LocatedNode | undefined {
    return schema.default === undefined ? undefined : nodeOf(schema.default, offset)
  }

  #freeMap(node: LocatedMap, schema: SchemaNode, path: Path): unknown {
    const result = new Map<string, unknown>()
    for (const { key, keyOffset, value } of node.entries) {
      const name = this.#nameInFreeMap(key, schema)
      if ('wrong' in name) this.#say(keyOffset, path, `${quote(key)} ${name.wrong}`)
      else if (result.has(name.value))
        this.#say(keyOffset, path, `${quote(key)} is given twice, only written differently`)
      if ('wrong' in name || typeof schema.additionalProperties !== 'object') continue
      result.set(name.value, this.value(value, schema.additionalProperties, [...path, name.value]))
    }
    return Object.fromEntries(result)
  }

  #nameInFreeMap(key: string, { names }: SchemaNode): { value: string } | { wrong: string } {
    if (key === '__proto__') return { wrong: 'is not a name' } // RL-8: the one key an object cannot hold
    const parsed = FORMATS[names ?? 'line'](key, { bounds: {}, readFile: this.#source.readFile })
    return 'wrong' in parsed ? parsed : { value: parsed.value as string }
  }

  #array(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    if (node.kind !== 'list') return this.#wrongKind(node, schema, path)
    if (node.items.length < (schema.minItems ?? 0))
      this.#say(
        node.offset,
        path,
        `is empty: ${schema.whenMissing ?? 'at least one entry is needed'}`,
      )
    const seen = new Set<string>()
    return node.items.map((item, at) => {
      const value = this.value(item, schema.items ?? {}, [...path, at])
      const isScalar = item.kind === 'scalar' && value !== undefined
      const identity = isScalar ? identityOf(value) : ''
      if (schema.uniqueItems === true && isScalar && seen.has(identity)) {
        this.#say(item.offset, [...path, at], 'repeats an earlier entry')
      }
      seen.add(identity)
      return value
    })
  }

  #scalar(node: LocatedScalar, schema: SchemaNode, path: Path): unknown {
    if (schema.secret === true) this.concealed.add(keyOf(path))
    if (typeof node.value === 'string' && node.value.includes('${'))
      return this.#interpolated(node, schema, path)
    if (schema.type === 'integer') return this.#integer(node, node.value, schema, path)
    if (schema.type === 'boolean') return this.#boolean(node, node.value, path)
    if (typeof node.value !== 'string') return this.#notText(node, schema, path)
    return this.#text(node, node.value, schema, path)
  }

  #interpolated(node: LocatedScalar, schema: SchemaNode, path: Path): unknown {
    const isHeader = schema.format === 'header-value'
    const result = interpolate(
      String(node.value),
      this.#source,
      isHeader ? 'claims allowed' : 'no claims',
    )
    if (result.concealed) this.concealed.add(keyOf(path))
    for (const { at, message } of result.problems) {
      this.#say(placeOfPlaceholder(node, at), path, message)
    }
    if (result.problems.length > 0) return undefined
    if (isHeader) return this.#headerParts(node, result, schema, path)
    const text = result.parts.filter((part) => typeof part === 'string').join('')
    if (schema.type === 'integer')
      return this.#integer(node, /^\d+$/.test(text) ? Number(text) : text, schema, path)
    if (schema.type === 'boolean')
      return this.#boolean(node, text === 'true' || (text === 'false' ? false : text), path)
    return this.#text(node, text, schema, path)
  }

  #headerParts(
    node: LocatedScalar,
    { parts }: Interpolated,
    schema: SchemaNode,
    path: Path,
  ): unknown {
    const texts = parts.filter((part) => typeof part === 'string')
    const wrong = texts.some((part) => this.#text(node, part, schema, path) === undefined)
    return wrong ? undefined : parts
  }

  #integer(
    node: LocatedScalar,
    value: unknown,
    { minimum = 0, maximum = 0 }: SchemaNode,
    path: Path,
  ): unknown {
    const range = `a whole number from ${minimum} to ${maximum}`
    if (typeof value !== 'number' || !Number.isInteger(value))
      return this.#say(node.offset, path, `must be ${range}`)
    const fits = value >= minimum && value <= maximum
    return fits
      ? value
      : this.#say(node.offset, path, `${this.#shown(value, path)}is out of range: ${range}`)
  }

  #boolean(node: LocatedScalar, value: unknown, path: Path): unknown {
    return typeof value === 'boolean'
      ? value
      : this.#say(node.offset, path, 'must be true or false')
  }

  #notText(node: LocatedScalar, schema: SchemaNode, path: Path): undefined {
    if (node.value === null)
      return this.#say(node.offset, path, 'is empty: give a value, or leave the key out')
    const count = this.findings.length
    this.#text(node, node.source, schema, path)
    if (this.findings.length > count) return undefined // quotes alone would not help: the form is wrong too
    const quoted = this.concealed.has(keyOf(path)) ? '' : `: ${quote(node.source)}`
    const kind = typeof node.value === 'number' ? 'a number' : 'true or false'
    return this.#say(
      node.offset,
      path,
      `is read as ${kind}, but must be text: put it in quotes${quoted}`,
    )
  }

  #text(node: LocatedScalar, text: string, schema: SchemaNode, path: Path): unknown {
    if (schema.enum !== undefined) return this.#choice(node, text, schema.enum, path)
    const context = { bounds: schema, readFile: this.#source.readFile }
    const parsed = FORMATS[schema.format ?? 'line'](text, context)
    if (!('wrong' in parsed)) return parsed.value
    return this.#say(node.offset, path, `${this.#shown(text, path)}${parsed.wrong}`)
  }

  #choice(node: LocatedScalar, text: string, allowed: readonly string[], path: Path): unknown {
    if (allowed.includes(text)) return text
    const guess = this.concealed.has(keyOf(path)) ? undefined : closestWord(text, allowed)
    return this.#say(
      node.offset,
      path,
      `${this.#shown(text, path)}is not one of the allowed words: ${allowed.join(', ')}${didYouMean(guess)}`,
    )
  }

  #wrongKind(node: LocatedNode, schema: SchemaNode, path: Path): undefined {
    const empty = node.kind === 'scalar' && node.value === null
    const must = `must be ${kindOf(schema)}`
    return this.#say(node.offset, path, empty ? `is empty, but ${must}` : must)
  }

  #unknownKey(key: string, offset: number, allowed: readonly string[], path: Path): void {
    const guess = closestWord(key, allowed)
    const hint = guess === undefined ? `; allowed here: ${allowed.join(', ')}` : didYouMean(guess)
    this.#say(offset, path, `unknown key ${quote(key)}${hint}`)
  }

  #missing(key: string, schema: SchemaNode, offset: number, path: Path): void {
    const why = schema.whenMissing === undefined ? '' : `: ${schema.whenMissing}`
    this.#say(offset, path, `key ${quote(key)} is missing${why}`)
  }

  #shown(value: string | number, path: Path): string {
    const text = String(value)
    const hidden = this.concealed.has(keyOf(path)) || text.length > 100 || /:\/\/[^/]*@/.test(text)
    return hidden ? '' : `${quote(text)} `
  }

  #say(offset: number, path: Path, message: string): undefined {
    this.findings.push({ offset, name: nameOfPath(path), message })
    return undefined
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function didYouMean(guess: string | undefined): string {
  return guess === undefined ? '' : `; did you mean ${quote(guess)}?`
}

/** Equal values of a list have equal identities, also after parsing: `/a` twice, two spellings of one key. */
function identityOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : JSON.stringify(value)
}

function fits(node: LocatedNode, schema: SchemaNode): boolean {
  if (schema.type === 'object') return node.kind === 'map'
  if (schema.type === 'array') return node.kind === 'list'
  return node.kind === 'scalar' && node.value !== null
}

function kindOf(schema: SchemaNode): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(' or ')
  if (schema.type === 'object') return 'a map (key: value)'
  if (schema.type === 'array') return 'a list ([a, b], or one "- a" per line)'
  if (schema.type === 'boolean') return 'true or false'
  return schema.type === 'integer' ? 'a whole number' : 'text'
}

/** Offset of the placeholder in the file; of the whole text when quotes hide it. */
function placeOfPlaceholder({ offset, source }: LocatedScalar, at: number): number {
  return offset + ([...source.matchAll(/\$?\$\{/g)][at]?.index ?? 0)
}
