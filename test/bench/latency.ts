import { interleave, smallRequests, type Rounds } from './interleaved.ts'
import type { RequestCost } from './request-cost.ts'
import { targetRow } from './target.ts'

const SHARE = 0.7

/**
 * p99 of the gateway less that of the bare proxy, both at the same rate: 70 % of what the bare proxy can do. Each connection
 * pauses at random between its requests, so that they do not come in step.
 */
export async function measureLatency(
  { bare, gateway, cookie, barePerSecond }: RequestCost,
  rounds: Rounds,
): Promise<string> {
  const plan = smallRequests(cookie)
  const pauseMs = (plan.connections / (barePerSecond * SHARE)) * 1_000
  const lua = `function delay() return math.random(0, ${Math.round(2 * pauseMs)}) end`
  const contestants = [bare, gateway].map((server) => ({ server, plan: { ...plan, lua } }))
  const [ofBare = [], ofGateway = []] = await interleave(contestants, rounds)
  const differences = ofGateway.map(({ p99Ms }, round) => p99Ms - (ofBare[round]?.p99Ms ?? NaN))
  const limit = { kind: 'most', value: 0.3, unit: ' ms' } as const
  return targetRow('p99 at 70 % load, gateway less bare', differences, limit)
}
