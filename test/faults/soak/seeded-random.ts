/** Chances that a seed decides: the same seed makes the same plan. */
export interface SeededRandom {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  pick<Item>(items: readonly Item[]): Item
  /** So many different ones, or all there are. */
  some<Item>(items: readonly Item[], count: number): Item[]
}

export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0

  /** mulberry32 */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  function pick<Item>(items: readonly Item[]): Item {
    return items[between(0, items.length - 1)] as Item
  }

  return {
    between,
    pick,
    some(items, count) {
      const left = [...items]
      return Array.from({ length: Math.min(count, left.length) }, () => {
        const one = pick(left)
        left.splice(left.indexOf(one), 1)
        return one
      })
    },
  }
}
