import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Alias,
  type Document,
  type Node,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import type { Finding, LocatedEntry, LocatedNode } from './located-node.ts'
import { syntaxProblem } from './yaml-syntax.ts'

/** Nodes after aliases are followed: a few lines of aliases can stand for billions (STACK §3.7). */
const MAX_NODES = 20_000
const MAX_DEPTH = 40
/** Levels before the parser's time grows out of hand: 2000 open brackets take it seconds, 8000 a minute. */
const MAX_OPEN_LEVELS = 500
const DASHES_IN_ONE_LINE = /(?:[-?:] ){200}/

/** The tree of a YAML text; `undefined` when it cannot be read, and the findings say why. */
export interface YamlTree {
  readonly root: LocatedNode | undefined
  readonly findings: readonly Finding[]
}

/**
 * Reads YAML 1.2 into plain nodes with places. Stricter than YAML: no tags, no merge keys, no second
 * document, no key twice, names of keys are strings. Nothing is lost: what is not understood is found.
 */
export function readYamlTree(text: string): YamlTree {
  const documents = opensTooManyLevels(text) ? undefined : parseDocuments(text)
  if (documents === undefined) {
    return {
      root: undefined,
      findings: [{ offset: 0, message: 'the file is nested too deeply to be read' }],
    }
  }
  const errors = withoutConsequences(documents.flatMap((document) => document.errors))
  if (errors.length > 0) {
    const findings = onePerLine(errors, text).map((error) => ({
      offset: error.pos[0],
      message: syntaxProblem(error, text),
    }))
    return { root: undefined, findings }
  }
  const [first, second] = documents
  if (second !== undefined) {
    const offset = second.range[0]
    const message = 'a second document starts here: one file holds one configuration'
    return { root: undefined, findings: [{ offset, message }] }
  }
  return first === undefined
    ? { root: undefined, findings: [] }
    : new TreeReader(first, text).read()
}

/** A rough count, brackets in quotes and comments included: no real file comes near. */
function opensTooManyLevels(text: string): boolean {
  let open = 0
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = bracket === '[' || bracket === '{' ? open + 1 : Math.max(0, open - 1)
    if (open > MAX_OPEN_LEVELS) return true
  }
  return DASHES_IN_ONE_LINE.test(text)
}

function parseDocuments(text: string): Document.Parsed[] | undefined {
  try {
    // Duplicate keys are found by us, with the rest. prettyErrors off: they quote the file.
    const options = {
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
      merge: false,
    } as const
    const documents = parseAllDocuments(text, options)
    return Array.isArray(documents) ? documents : []
  } catch (error) {
    if (error instanceof RangeError) return undefined // the stack, on input nested thousands deep
    throw error
  }
}

/** A tab puts its line on another level, and the parser stumbles over those below: the tabs say it all. */
function withoutConsequences(errors: readonly YAMLError[]): readonly YAMLError[] {
  const tabs = errors.filter(({ code }) => code === 'TAB_AS_INDENT')
  return tabs.length > 0 ? tabs : errors
}

/** One broken quote makes the parser stumble many times: the first of a line says it. */
function onePerLine(errors: readonly YAMLError[], text: string): YAMLError[] {
  let lineEnd = -1
  return errors
    .toSorted((a, b) => a.pos[0] - b.pos[0])
    .filter(({ pos: [offset] }) => {
      if (offset <= lineEnd) return false
      const end = text.indexOf('\n', offset)
      lineEnd = end < 0 ? text.length : end
      return true
    })
}

class TreeReader {
  readonly #document: Document.Parsed
  readonly #text: string
  readonly #findings: Finding[] = []
  readonly #ancestors = new Set<Node>()
  /** Filled in the order of the text, as an anchor may be given again. */
  readonly #anchors = new Map<string, Node>()
  #aliasDepth = 0
  #nodeCount = 0

  constructor(document: Document.Parsed, text: string) {
    this.#document = document
    this.#text = text
  }

  read(): YamlTree {
    const contents = this.#document.contents as Node | null
    const root = contents === null ? undefined : this.#node(contents)
    return { root, findings: this.#findings }
  }

  #node(node: Node): LocatedNode | undefined {
    const offset = node.range?.[0] ?? 0
    this.#nodeCount += 1
    if (this.#nodeCount > MAX_NODES) {
      if (this.#nodeCount === MAX_NODES + 1)
        this.#find(offset, `the file has more than ${MAX_NODES} values, aliases followed`)
      return undefined
    }
    if (this.#ancestors.has(node))
      return this.#find(offset, 'this contains itself through an alias')
    if (this.#ancestors.size > MAX_DEPTH)
      return this.#find(offset, `this is nested more than ${MAX_DEPTH} deep`)
    if (node.tag !== undefined) {
      return this.#find(offset, 'tags (!) are not used here; quote a value to make it text')
    }
    if (!isAlias(node) && node.anchor !== undefined && this.#aliasDepth === 0) {
      this.#anchors.set(node.anchor, node)
    }
    this.#ancestors.add(node)
    const located = this.#located(node, offset)
    this.#ancestors.delete(node)
    return located
  }

  #located(node: Node, offset: number): LocatedNode | undefined {
    if (isAlias(node)) return this.#alias(node, offset)
    if (isMap(node)) return { kind: 'map', offset, entries: this.#entries(node) }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.#node(item as Node) ?? nothingAt(offset))
      return { kind: 'list', offset, items }
    }
    return isScalar(node) ? this.#scalar(node, offset) : undefined
  }

  #alias(alias: Alias, offset: number): LocatedNode | undefined {
    const target = this.#anchors.get(alias.source)
    if (target === undefined) {
      return this.#find(
        offset,
        'this is an alias (*) without its anchor (&) before it; quote it if it is text',
      )
    }
    this.#aliasDepth += 1
    const located = this.#node(target)
    this.#aliasDepth -= 1
    return located
  }

  #entries(map: YAMLMap): LocatedEntry[] {
    const placeOfKey = new Map<string, number>()
    return map.items.flatMap((pair) => {
      const keyNode = pair.key as Node
      const keyOffset = keyNode.range?.[0] ?? 0
      const key = this.#key(keyNode, keyOffset)
      if (key === undefined) return []
      const earlier = placeOfKey.get(key)
      if (earlier !== undefined) {
        this.#find(
          keyOffset,
          `key ${JSON.stringify(key)} is given twice: first in line ${this.#line(earlier)}`,
        )
        return []
      }
      placeOfKey.set(key, keyOffset)
      const value = pair.value === null ? emptyAt(keyOffset) : this.#node(pair.value as Node)
      return [{ key, keyOffset, value: value ?? nothingAt(keyOffset) }]
    })
  }

  #key(node: Node, offset: number): string | undefined {
    const value = isScalar(node) && node.tag === undefined ? (node.source ?? node.value) : undefined
    if (typeof value !== 'string')
      return this.#find(offset, 'this is not a key: keys are plain words')
    if (value === '<<')
      return this.#find(
        offset,
        'merge keys (<<) are not used here: write the keys out, or alias a whole value',
      )
    return value
  }

  #scalar(node: Scalar, offset: number): LocatedNode {
    const value = node.value
    const end = node.range?.[1] ?? offset
    const source = this.#text.slice(offset, end)
    const plain =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    return { kind: 'scalar', offset, value: plain ? value : null, source }
  }

  #find(offset: number, message: string): undefined {
    this.#findings.push({ offset, message })
    return undefined
  }

  #line(offset: number): number {
    return this.#text.slice(0, offset).split('\n').length
  }
}

function emptyAt(offset: number): LocatedNode {
  return { kind: 'scalar', offset, value: null, source: '' }
}

/** Stands for what was already reported: decoded in silence. */
function nothingAt(offset: number): LocatedNode {
  return { kind: 'broken', offset }
}
