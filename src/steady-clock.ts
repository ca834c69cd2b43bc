/**
 * Epoch milliseconds that never jump: an operator who sets the clock an hour ahead signs nobody out,
 * and setting it back makes no session endless (STANDARDS AT-42). Anchored when made; time that the
 * machine sleeps does not count.
 */
export function createSteadyClock(): () => number {
  const startedAtMs = Date.now() - performance.now()
  return () => Math.trunc(startedAtMs + performance.now())
}
