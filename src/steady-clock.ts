/**
 * Epoch milliseconds that never jump: an operator who sets the clock an hour ahead signs nobody out,
 * and setting it back makes no session endless (STANDARDS AT-42). Anchored when made; time that the
 * machine sleeps does not count.
 */
export function createSteadyClock(): () => number {
  const startedAtMs = Date.now() - performance.now()
  return () => Math.trunc(startedAtMs + performance.now())
}

/** What `createSharedClock` needs to give the same time in every process of this machine. */
export function steadyClockAnchor(): number {
  return Date.now() - machineMs()
}

/** The same as a steady clock, and the same in all processes that share the anchor, whenever they started. */
export function createSharedClock(anchorMs: number): () => number {
  return () => Math.trunc(anchorMs + machineMs())
}

function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
