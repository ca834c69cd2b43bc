import { measure, type LoadPlan, type LoadResult } from './load.ts'
import type { MeasuredServer } from './servers.ts'

/** A server and the load that is meant for it. */
export interface Contestant {
  readonly server: MeasuredServer
  readonly plan: LoadPlan
}

export interface Rounds {
  readonly rounds: number
  readonly seconds: number
  /** Requests that each server answers before anything is measured; of large bodies a few do. */
  readonly warmRequests?: number
}

const WARM_REQUESTS = 30_000 // by then everything that will be compiled is
const WARM_SECONDS_AT_MOST = 20

/** Each is measured in each round, and nobody always comes right after the same one. */
export async function interleave(
  contestants: readonly Contestant[],
  { rounds, seconds, warmRequests = WARM_REQUESTS }: Rounds,
): Promise<LoadResult[][]> {
  const results: LoadResult[][] = contestants.map(() => [])
  for (const contestant of contestants) await warm(contestant, warmRequests)
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const at = (round + turn) % contestants.length
      const { server, plan } = contestants[at] as Contestant
      results[at]?.push(await measure(server, { ...plan, seconds }))
    }
  }
  return results
}

async function warm({ server, plan }: Contestant, enough: number): Promise<void> {
  let requests = 0
  for (let second = 0; requests < enough && second < WARM_SECONDS_AT_MOST; second++) {
    const { requestsPerSecond } = await measure(server, { ...plan, seconds: 1 })
    requests += requestsPerSecond
  }
}

/** Round by round, one figure of the first beside the same of the second. */
export function ratios(
  ones: readonly LoadResult[],
  others: readonly LoadResult[],
  figure: (result: LoadResult) => number = ({ cpuMicroseconds }) => cpuMicroseconds,
): number[] {
  return ones.map((one, round) => figure(one) / figure(others[round] as LoadResult))
}

/** The load of an API client: small answers, the cookie of somebody signed in. */
export function smallRequests(cookie: string, path = '/api/hello'): LoadPlan {
  const headers = { cookie, accept: 'application/json', 'user-agent': 'bench' }
  return { path, headers, connections: 32, seconds: 1 }
}

/** Answers other than 200 make a figure worthless. @throws Error when there were any */
export function mustHaveNoFailures(name: string, results: readonly LoadResult[]): void {
  const failures = results.reduce((sum, result) => sum + result.failures, 0)
  if (failures > 0) throw new Error(`${name}: ${failures} answers were not 200`)
}
