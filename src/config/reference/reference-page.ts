import type { SchemaNode } from '../schema/schema-parts.ts'
import { allowedWords } from './format-words.ts'
import { CLOSING, OPENING } from './reference-prose.ts'

/** The page that documents every key, in Markdown. */
export function referencePage(root: SchemaNode): string {
  const sections = Object.entries(root.properties ?? {}).map(([key, node]) =>
    topLevel(key, node, root),
  )
  return [OPENING, ...sections, CLOSING].join('\n')
}

function topLevel(key: string, node: SchemaNode, root: SchemaNode): string {
  const children = keysBelow(node, node.type === 'array' ? `${key}[]` : key, root)
  return [`## \`${key}\`\n`, ownWords(key, node, root), ...children].join('\n')
}

/** Every key below a node, flattened: `provider.idToken.algorithms`. */
function keysBelow(node: SchemaNode, name: string, root: SchemaNode): string[] {
  const owner = node.type === 'array' ? (node.items ?? {}) : node
  if (typeof owner.additionalProperties === 'object') {
    return keysBelow(ownKeysOf(owner.additionalProperties, root), `${name}.NAME`, root)
  }
  return Object.entries(owner.properties ?? {}).flatMap(([key, child]) => {
    const path = `${name}.${key}`
    return [`### \`${path}\`\n\n${ownWords(key, child, owner)}`, ...keysBelow(child, path, root)]
  })
}

/** An entry of a free map without the keys that have their place under a section of the same kind. */
function ownKeysOf(entry: SchemaNode, root: SchemaNode): SchemaNode {
  const elsewhere = new Set(Object.values(root.properties ?? {}).flatMap(keyNodes))
  const own = Object.entries(entry.properties ?? {}).filter(([, key]) => !elsewhere.has(key))
  return { ...entry, properties: Object.fromEntries(own) }
}

function keyNodes({ properties = {} }: SchemaNode): SchemaNode[] {
  return Object.values(properties)
}

function ownWords(key: string, node: SchemaNode, owner: SchemaNode): string {
  const facts = [allowedWords(node), presence(key, node, owner)].filter((fact) => fact !== '')
  const words = node.properties === undefined ? `${facts.join(' · ')}\n\n` : ''
  return `${words}${escaped(node.description ?? '')}\n`
}

function presence(key: string, node: SchemaNode, owner: SchemaNode): string {
  if (node.default !== undefined) return `default \`${shortJson(node.default)}\``
  return owner.required?.includes(key) === true ? '**required**' : 'optional'
}

function shortJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Markdown would eat the stars and tags of the descriptions. */
function escaped(text: string): string {
  return text.replace(/[*<>_[\]]/g, '\\$&')
}
