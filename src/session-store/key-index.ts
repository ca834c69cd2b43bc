/** Which session keys are filed under an index key. */
export interface KeyIndex {
  add(indexKey: string, key: string): void
  delete(indexKey: string, key: string): void
  keys(indexKey: string): string[]
}

/** Most index keys have one session: a set for each of them would double the cost of a session. */
export function createKeyIndex(): KeyIndex {
  const filed = new Map<string, string | Set<string>>()

  function keys(indexKey: string): string[] {
    const found = filed.get(indexKey)
    if (found === undefined) return []
    return typeof found === 'string' ? [found] : [...found]
  }

  return {
    keys,
    add(indexKey, key) {
      const found = filed.get(indexKey)
      if (found instanceof Set) found.add(key)
      else filed.set(indexKey, found === undefined || found === key ? key : new Set([found, key]))
    },
    delete(indexKey, key) {
      const found = filed.get(indexKey)
      if (found instanceof Set) found.delete(key)
      if (found === key || (found instanceof Set && found.size === 0)) filed.delete(indexKey)
    },
  }
}
