/** How many lines of one kind were held back since the last one written. */
export type LineBudget = (
  kind: string,
  linesPerSecond: number,
  nowMs: number,
) => { write: boolean; suppressed: number }

/**
 * At most `linesPerSecond` lines of each kind: a flood of refused callbacks must not become a flood
 * of log (AT-22). The next line that passes says how many did not; metrics count them all.
 */
export function createLineBudget(): LineBudget {
  const kinds = new Map<string, { second: number; written: number; suppressed: number }>()
  return (kind, linesPerSecond, nowMs) => {
    const second = Math.floor(nowMs / 1_000)
    const state = kinds.get(kind) ?? { second, written: 0, suppressed: 0 }
    kinds.set(kind, state)
    if (state.second !== second) Object.assign(state, { second, written: 0 })
    if (state.written >= linesPerSecond) {
      state.suppressed += 1
      return { write: false, suppressed: state.suppressed }
    }
    const { suppressed } = state
    Object.assign(state, { written: state.written + 1, suppressed: 0 })
    return { write: true, suppressed }
  }
}
