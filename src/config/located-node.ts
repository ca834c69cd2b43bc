/** A piece of the file with its place: what the YAML said, before any meaning. */
export type LocatedNode = LocatedMap | LocatedList | LocatedScalar | BrokenNode

export interface LocatedMap {
  readonly kind: 'map'
  /** Characters from the start of the text. */
  readonly offset: number
  readonly entries: readonly LocatedEntry[]
}

export interface LocatedEntry {
  readonly key: string
  readonly keyOffset: number
  readonly value: LocatedNode
}

export interface LocatedList {
  readonly kind: 'list'
  readonly offset: number
  readonly items: readonly LocatedNode[]
}

export interface LocatedScalar {
  readonly kind: 'scalar'
  readonly offset: number
  readonly value: string | number | boolean | null
  /** As written in the file, quotes included. */
  readonly source: string
}

/** Stands for something already reported: passed over in silence. */
export interface BrokenNode {
  readonly kind: 'broken'
  readonly offset: number
}

/** A problem or warning before its place is counted in lines. */
export interface Finding {
  readonly offset: number
  /** The key it is about, as people write it: `routes[0].path`. */
  readonly name?: string
  readonly message: string
}

/** The node a default stands for: as if it had been written at `offset`. */
export function nodeOf(value: unknown, offset: number): LocatedNode {
  if (Array.isArray(value)) {
    return { kind: 'list', offset, items: value.map((item) => nodeOf(item, offset)) }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, child]) => ({
      key,
      keyOffset: offset,
      value: nodeOf(child, offset),
    }))
    return { kind: 'map', offset, entries }
  }
  return { kind: 'scalar', offset, value: value as LocatedScalar['value'], source: String(value) }
}
