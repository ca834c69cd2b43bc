import { DecodeReport, type Path } from './decode-report.ts'
import { decodeScalar, didYouMean } from './decode-scalar.ts'
import { FORMATS } from './formats/formats.ts'
import type { PlaceholderSource } from './interpolation.ts'
import { nodeOf, type LocatedMap, type LocatedNode } from './located-node.ts'
import type { SchemaNode } from './schema/schema-parts.ts'

/** What the schema made of the file. */
export interface Decoded {
  /** Right parts are values, wrong ones are missing. */
  readonly value: unknown
  readonly report: DecodeReport
}

/** Checks a tree against the schema and turns every text into its value, with all problems at once. */
export function decode(root: LocatedNode, schema: SchemaNode, source: PlaceholderSource): Decoded {
  const report = new DecodeReport()
  const value = new Decoder(source, report).value(root, schema, [])
  return { value, report }
}

class Decoder {
  readonly #source: PlaceholderSource
  readonly #report: DecodeReport

  constructor(source: PlaceholderSource, report: DecodeReport) {
    this.#source = source
    this.#report = report
  }

  value(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    this.#report.setOffset(path, node.offset)
    if (node.kind === 'broken') return undefined
    if (schema.anyOf !== undefined) return this.#anyOf(node, schema, path)
    if (schema.type === 'object') return this.#object(node, schema, path)
    if (schema.type === 'array') return this.#array(node, schema, path)
    if (node.kind !== 'scalar') return this.#wrongKind(node, schema, path)
    return decodeScalar({ node, schema, path, source: this.#source, report: this.#report })
  }

  #anyOf(node: LocatedNode, schema: SchemaNode, path: Path): unknown {
    const fitting = schema.anyOf?.find((alternative) => fits(node, alternative))
    return fitting === undefined
      ? this.#wrongKind(node, schema, path)
      : this.value(node, fitting, path)
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
      if (Object.hasOwn(properties, key)) this.#report.setWritten([...path, key])
      else this.#unknownKey(key, keyOffset, Object.keys(properties), path)
    }
    const values = Object.entries(properties).flatMap(([key, property]) => {
      const child = written.get(key)?.value ?? defaultNode(property, node.offset)
      if (child !== undefined) return [[key, this.value(child, property, [...path, key])] as const]
      if (schema.required?.includes(key) === true) this.#missing(key, property, node.offset, path)
      return []
    })
    return Object.fromEntries(values)
  }

  #freeMap(node: LocatedMap, schema: SchemaNode, path: Path): unknown {
    const result = new Map<string, unknown>()
    for (const { key, keyOffset, value } of node.entries) {
      const name = this.#nameInFreeMap(key, schema)
      if ('wrong' in name) {
        this.#report.say(keyOffset, path, `${JSON.stringify(key)} ${name.wrong}`)
      } else if (result.has(name.value)) {
        const wrong = 'is given twice, only written differently'
        this.#report.say(keyOffset, path, `${JSON.stringify(key)} ${wrong}`)
      } else if (typeof schema.additionalProperties === 'object') {
        const child = this.value(value, schema.additionalProperties, [...path, name.value])
        result.set(name.value, child)
      }
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
    if (node.items.length < (schema.minItems ?? 0)) {
      const needed = schema.whenMissing ?? 'at least one entry is needed'
      this.#report.say(node.offset, path, `is empty: ${needed}`)
    }
    const seen = new Set<string>()
    return node.items.map((item, at) => {
      const value = this.value(item, schema.items ?? {}, [...path, at])
      if (item.kind !== 'scalar' || value === undefined) return value
      const identity = identityOf(value)
      if (seen.has(identity))
        this.#report.say(item.offset, [...path, at], 'repeats an earlier entry')
      seen.add(identity)
      return value
    })
  }

  #wrongKind(node: LocatedNode, schema: SchemaNode, path: Path): undefined {
    const empty = node.kind === 'scalar' && node.value === null
    const must = `must be ${kindOf(schema)}`
    return this.#report.say(node.offset, path, empty ? `is empty, but ${must}` : must)
  }

  #unknownKey(key: string, offset: number, allowed: readonly string[], path: Path): void {
    const hint = didYouMean(key, allowed) || `; allowed here: ${allowed.join(', ')}`
    this.#report.say(offset, path, `unknown key ${JSON.stringify(key)}${hint}`)
  }

  #missing(key: string, schema: SchemaNode, offset: number, path: Path): void {
    const why = schema.whenMissing === undefined ? '' : `: ${schema.whenMissing}`
    this.#report.say(offset, path, `key ${JSON.stringify(key)} is missing${why}`)
  }
}

function defaultNode(schema: SchemaNode, offset: number): LocatedNode | undefined {
  return schema.default === undefined ? undefined : nodeOf(schema.default, offset)
}

/** Equal values of a list have equal identities, also after parsing: two spellings of one key. */
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
  if (schema.type === 'scalar') return 'text, a number, true or false'
  return schema.type === 'integer' ? 'a whole number' : 'text'
}
