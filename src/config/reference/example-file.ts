import { stringify } from 'yaml'
import type { SchemaNode } from '../schema/schema-parts.ts'

const MAX_LINE_LENGTH = 94 // with its indentation within the formatter's 100

const HEAD = `# yaml-language-server: $schema=./bearergate.schema.json
#
# Every key there is, with an example or its default. Generated from the schema, as is
# docs/configuration.md, which says more about each. A # with no space, or with two, is before a key
# that most installations leave out. The four keys that are really needed: bearergate.minimal.yaml.
`

/** An example configuration with every key, commented; those most do without are switched off by `#`. */
export function exampleFile(root: SchemaNode): string {
  const parts = Object.entries(root.properties ?? {}).map(([key, node]) =>
    keyLines(key, node).join('\n'),
  )
  return [HEAD, ...parts.map((part) => `${part}\n`)].join('\n')
}

/** A comment and the key; a key that is off is one block of comment with its children. */
function keyLines(key: string, node: SchemaNode): string[] {
  const comment = node.description === undefined ? [] : commentLines(node.description)
  const lines = valueLines(`${key}:`, node)
  if (node.alternative === true) return [...comment, ...lines.map((line) => `# ${line}`)]
  return [...comment, ...(node.exampleOff === true ? lines.map((line) => `#${line}`) : lines)]
}

function valueLines(start: string, node: SchemaNode): string[] {
  if (node.type === 'object' && node.properties !== undefined) {
    return [start, ...sectionLines(node).map(indented)]
  }
  const isExpanded = node.example === undefined && node.items?.properties !== undefined
  if (node.type === 'array' && isExpanded) {
    return [start, ...itemLines(sectionLines(node.items ?? {}))]
  }
  const value = node.example ?? yamlOf(node.default)
  const isLong = start.length + value.length > MAX_LINE_LENGTH
  return isLong ? [start, indented(value)] : [`${start} ${value}`]
}

function sectionLines(node: SchemaNode): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => keyLines(key, child))
}

/** One entry of a list: the dash stands before its first key, below that key's comment. */
function itemLines(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => !line.startsWith('#'))
  return lines.map((line, at) => {
    if (at < first) return indented(line)
    return at === first ? `  - ${line}` : indented(indented(line))
  })
}

function indented(line: string): string {
  return `  ${line}`
}

function yamlOf(value: unknown): string {
  return stringify(value, {
    collectionStyle: 'flow',
    lineWidth: 0,
    flowCollectionPadding: false,
  }).trim()
}

/** The first sentence, wrapped; indentation comes on top. */
function commentLines(description: string): string[] {
  const lines = firstSentence(description).match(/.{1,86}(?:\s|$)/g) ?? []
  return lines.map((line) => `# ${line.trim()}`)
}

function firstSentence(description: string): string {
  return /^.*?\.(?=\s|$)/.exec(description)?.[0] ?? description
}
