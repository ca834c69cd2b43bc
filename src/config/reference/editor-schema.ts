import type { FormatName } from '../formats/formats.ts'
import type { SchemaNode } from '../schema/schema-parts.ts'

type Json = Readonly<Record<string, unknown>>

/** Any scalar may be written as `${NAME}`, whatever it stands for. */
const PLACEHOLDER: Json = { type: 'string', pattern: '\\$\\{' }

/** What an editor can tell without asking us; everything else is only checked by us. */
const PATTERNS: Partial<Record<FormatName, string>> = {
  duration: '^[0-9]+(ms|s|m|h|d)$|\\$\\{',
  size: '^[0-9]+(B|KiB|MiB|GiB)$|\\$\\{',
  'public-url': '^https?://[^/?#]+/?$|\\$\\{',
  issuer: '^https?://|\\$\\{',
  'http-url': '^https?://|\\$\\{',
  upstream: '^(https?://|unix:/)|\\$\\{',
  'route-path': '^/|\\$\\{',
}

/** The schema as standard JSON Schema (draft 7), for completion and checks while editing. */
export function editorSchema(root: SchemaNode): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Bearergate configuration',
    ...editorNode(root),
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function editorNode(node: SchemaNode): Json {
  const words = {
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.default === undefined ? {} : { default: node.default }),
  }
  return { ...words, ...shape(node) }
}

function shape(node: SchemaNode): Json {
  if (node.anyOf !== undefined) return { anyOf: node.anyOf.flatMap(alternatives) }
  if (node.type === 'object') return objectShape(node)
  if (node.type === 'array') return arrayShape(node)
  const [only, ...others] = alternatives(node)
  return others.length === 0 ? { ...only } : { anyOf: [only, ...others] }
}

/** A scalar and, where it would refuse one, the placeholder. */
function alternatives(node: SchemaNode): Json[] {
  const { type, minimum, maximum } = node
  if (type === 'object' || type === 'array') return [editorNode(node)]
  if (node.enum !== undefined) return [{ enum: node.enum }, PLACEHOLDER]
  if (type === 'boolean') return [{ type }, PLACEHOLDER]
  if (type === 'scalar') return [{ type: ['string', 'number', 'boolean'] }]
  if (type === 'integer') return [{ type, minimum, maximum }, PLACEHOLDER]
  const pattern = PATTERNS[node.format ?? 'line']
  return [pattern === undefined ? { type: 'string' } : { type: 'string', pattern }]
}

function objectShape({ properties, required = [], additionalProperties }: SchemaNode): Json {
  if (properties === undefined) {
    const values = typeof additionalProperties === 'object' ? editorNode(additionalProperties) : {}
    return { type: 'object', additionalProperties: values }
  }
  const needed = required.filter((key) => properties[key]?.default === undefined)
  const children = Object.entries(properties).map(
    ([key, child]) => [key, editorNode(child)] as const,
  )
  return {
    type: 'object',
    ...(needed.length === 0 ? {} : { required: needed }),
    properties: Object.fromEntries(children),
    additionalProperties: false,
  }
}

function arrayShape({ items = {}, minItems, uniqueItems }: SchemaNode): Json {
  return {
    type: 'array',
    items: editorNode(items),
    ...(minItems === undefined ? {} : { minItems }),
    ...(uniqueItems === undefined ? {} : { uniqueItems }),
  }
}
