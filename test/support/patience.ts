/** What a machine that is busy with other tests may add to any time that is promised, in milliseconds. */
export const BUSY_MS = 2_500

/** The processor time, in milliseconds, that this process spends on `work`: others on the machine do not count. */
export function processorMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/**
 * Whether requests at the expiry of a token cost no more refreshes than they must: one, and another
 * for each token that aged while a slow machine was still at them. Times in milliseconds.
 */
export function isOneRefresh(refreshes: number, tookMs: number, accessTokenMs: number): boolean {
  return refreshes >= 1 && refreshes <= 1 + Math.floor(tookMs / (0.75 * accessTokenMs))
}
