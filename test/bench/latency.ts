import { interleave, mustHaveNoFailures, smallRequests, type Rounds } from './interleaved.ts'
import { measure, type LoadPlan, type LoadResult } from './load.ts'
import type { RequestCost } from './request-cost.ts'
import type { MeasuredServer } from './servers.ts'
import { median } from './spread.ts'
import { skipped, targetRow } from './target.ts'

const SHARE = 0.7
const LOOK_SECONDS = 2
const LOOKS = 3
const FAIR_PERCENT = 10 // what else runs here took more from one than from the other

/**
 * p99 of the gateway less that of the bare proxy, both at the same rate: 70 % of what the bare proxy can do. Each connection
 * pauses at random between its requests, so that they do not come in step.
 */
export async function measureLatency(
  { bare, gateway, cookie, barePerSecond }: RequestCost,
  rounds: Rounds,
): Promise<string> {
  const plan = smallRequests(cookie)
  const wanted = barePerSecond * SHARE
  const pauseMs = await pauseFor(bare, plan, wanted)
  const paused = { ...plan, lua: pausing(pauseMs) }
  const contestants = [bare, gateway].map((server) => ({ server, plan: paused }))
  const [ofBare = [], ofGateway = []] = await interleave(contestants, rounds)
  mustHaveNoFailures('p99', [...ofBare, ...ofGateway])
  const differences = ofGateway.map(({ p99Ms }, round) => p99Ms - (ofBare[round]?.p99Ms ?? NaN))
  const limit = { kind: 'most', value: 0.3, unit: ' ms' } as const
  const [bareShare, gatewayShare] = [shareOf(ofBare), shareOf(ofGateway)]
  const what = `p99 at 70 % of the bare proxy's rate (bare ${bareShare} %, gateway ${gatewayShare} %), gateway less bare`
  if (Math.abs(bareShare - gatewayShare) > FAIR_PERCENT) return skipped(what, 'too unlike a load')
  return targetRow(what, differences, limit)

  function shareOf(results: readonly LoadResult[]): number {
    const rate = median(results.map(({ requestsPerSecond }) => requestsPerSecond))
    return Math.round((100 * rate) / barePerSecond)
  }
}

/** The mean pause by which the bare proxy gets so many requests per second: what answers take is not known before. */
async function pauseFor(bare: MeasuredServer, plan: LoadPlan, wanted: number): Promise<number> {
  let pauseMs = (plan.connections / wanted) * 1_000
  for (let look = 0; look < LOOKS; look++) {
    const load = { ...plan, seconds: LOOK_SECONDS, lua: pausing(pauseMs) }
    const { requestsPerSecond } = await measure(bare, load)
    const roundMs = (rate: number): number => (plan.connections / rate) * 1_000
    pauseMs = Math.max(0, pauseMs + roundMs(wanted) - roundMs(requestsPerSecond))
  }
  return pauseMs
}

/** wrk pauses whole milliseconds: which ones, chance decides, so that the mean is right. */
function pausing(pauseMs: number): string {
  return `function delay() return math.floor(math.random() * ${(2 * pauseMs).toFixed(3)} + math.random()) end`
}
