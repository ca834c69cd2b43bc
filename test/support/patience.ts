/** What a machine that is busy with other tests may add to any time that is promised, in milliseconds. */
export const BUSY_MS = 2_500

/** The processor time, in milliseconds, that this process spends on `work`: others on the machine do not count. */
export function processorMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
