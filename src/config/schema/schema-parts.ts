import type { Static, TObject, TOptional, TProperties, TSchema, TUnsafe } from 'typebox'
import type { FormatName } from '../formats/formats.ts'

/**
 * The words the schema is written in. Each part is JSON Schema with our formats, so that one tree serves the
 * loader, the editor and the reference page. The static type is that of the value *after* loading: a
 * duration is a number of milliseconds.
 */

/** How a key reads in the schema: what every part may say of itself. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'scalar'
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false | SchemaNode
  /** Format of the names of a free map. */
  readonly names?: FormatName
  readonly items?: SchemaNode
  readonly minItems?: number
  readonly uniqueItems?: boolean
  readonly anyOf?: readonly SchemaNode[]
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly format?: FormatName
  readonly default?: unknown
  readonly description?: string
  /** Never shown in any message. */
  readonly secret?: boolean
  /** Said when the key is missing. */
  readonly whenMissing?: string
  /** Bounds of a quantity, in its own notation. */
  readonly atLeast?: string
  readonly atMost?: string
  /** YAML for the example file. Without it: the default. */
  readonly example?: string
  /** The example is commented out: most installations do without. */
  readonly exampleOff?: boolean
  /** Goes with another choice than the one the example shows: only told of there. */
  readonly alternative?: true
}

/** What is said of a key beside its type. */
export type Words = Pick<
  SchemaNode,
  'default' | 'description' | 'secret' | 'whenMissing' | 'example' | 'exampleOff' | 'alternative'
>

const OPTIONAL = Symbol('may be missing')

/** A key that may be missing, and has no default then. */
export function optional<Schema extends TSchema>(schema: Schema): TOptional<Schema> {
  return { ...schema, [OPTIONAL]: true } as unknown as TOptional<Schema>
}

/** A map with known keys only. */
export function section<Properties extends TProperties>(
  properties: Properties,
  words: Words = {},
): TObject<Properties> {
  const required = Object.keys(properties).filter((key) => !(OPTIONAL in properties[key]!))
  const node = { type: 'object', properties, required, ...words, additionalProperties: false }
  return node as unknown as TObject<Properties>
}

/** What typebox makes of JSON Schema, without typebox: loading that takes 90 ms and 7 MiB of every start. */
function part<Value>(node: object): TUnsafe<Value> {
  return node as TUnsafe<Value>
}

/** A map whose names are free. */
export function freeMap<Value extends TSchema>(names: FormatName, value: Value, words: Words) {
  type Values = Readonly<Record<string, Static<Value>>>
  return part<Values>({ type: 'object', additionalProperties: value, names, ...words })
}

/** Text of a certain form. */
export function text<Value = string>(format: FormatName, words: Words = {}) {
  return part<Value>({ type: 'string', format, ...words })
}

/** Milliseconds, written `30s`. */
export function duration(words: Words & { atLeast: string; atMost: string }) {
  return part<number>({ type: 'string', format: 'duration', ...words })
}

/** Bytes, written `10MiB`. */
export function size(words: Words & { atLeast: string; atMost: string }) {
  return part<number>({ type: 'string', format: 'size', ...words })
}

/** A number of things. */
export function count(words: Words & { minimum: number; maximum: number }) {
  return part<number>({ type: 'integer', ...words })
}

/** `true` or `false`. */
export function flag(words: Words) {
  return part<boolean>({ type: 'boolean', ...words })
}

/** Text, a number or a truth value, as YAML reads it. */
export function scalar(words: Words) {
  return part<string | number | boolean>({ type: 'scalar', format: 'line', ...words })
}

/** One word of a closed list: an enum, as a union of literals would print one error per word. */
export function choice<const Word extends string>(allowed: readonly Word[], words: Words) {
  return part<Word>({ type: 'string', enum: allowed, ...words })
}

/** A list without duplicates. */
export function list<Item extends TSchema>(item: Item, words: Words & { minItems?: number }) {
  type Items = readonly Static<Item>[]
  return part<Items>({ type: 'array', items: item, uniqueItems: true, ...words })
}

/** Either of two notations for the same thing. */
export function either<Value>(alternatives: readonly TSchema[], words: Words) {
  return part<Value>({ anyOf: alternatives, ...words })
}
