/** Runs something once, after a while. Returns what cancels it. */
export type After = (delayMs: number, run: () => void) => () => void

const LONGEST_MS = 2 ** 31 - 1 // setTimeout turns anything longer into 1 ms

/** The timer of the process. Whoever starts one cancels it when closing. */
export function afterTimeout(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(delayMs, LONGEST_MS))
  return () => clearTimeout(timer)
}

/** Resolves after a while. */
export function pause(after: After, delayMs: number): Promise<void> {
  return new Promise((resolve) => void after(delayMs, resolve))
}
