import { freePort } from '../support/gateway.ts'
import { interleave, mustHaveNoFailures, ratios, type Rounds } from './interleaved.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import { BIG_BYTES, startScript, startUpstream } from './servers.ts'
import { startSignedInGateway } from './signed-in-gateway.ts'
import { median } from './spread.ts'
import { targetRow } from './target.ts'

const CONNECTIONS = 4
const WARM_BODIES = 300 // 3 GB: some seconds, in which everything is compiled

/** Octets per second of CPU at 10 MiB each way, the gateway beside the bare proxy. */
export async function measureLargeBodies(rounds: Rounds): Promise<string[]> {
  const files = await startUpstream(await freePort(), 2)
  const sinkPort = await freePort()
  const sink = await startScript('sink', sinkPort, './node-upstream.js', [String(sinkPort), '2'])
  const down = { path: '/big', headers: {}, connections: CONNECTIONS, seconds: 1 }
  const body = `wrk.method = "POST"; wrk.body = string.rep("x", ${BIG_BYTES})`
  const up = { ...down, path: '/sink', headers: { 'sec-fetch-site': 'same-origin' }, lua: body }
  return [
    await compare('down', files.port, down, rounds),
    await compare('up', sink.port, up, rounds),
  ]
}

async function compare(
  way: string,
  upstreamPort: number,
  plan: LoadPlan,
  rounds: Rounds,
): Promise<string> {
  const origin = `http://127.0.0.1:${upstreamPort}`
  const gateway = await startSignedInGateway(await freePort(), origin)
  const port = await freePort()
  const bare = await startScript('bare', port, './bare-proxy.js', [String(port), origin])
  const contestants = [
    { server: gateway, plan: { ...plan, headers: { ...plan.headers, cookie: gateway.cookie } } },
    { server: bare, plan },
  ]
  const [ofGateway = [], ofBare = []] = await interleave(contestants, {
    ...rounds,
    warmRequests: WARM_BODIES,
  })
  mustHaveNoFailures(way, [...ofGateway, ...ofBare])
  const perSecond = ({ cpuMicroseconds }: LoadResult): number => BIG_BYTES / cpuMicroseconds
  const mebibytes = (median(ofGateway.map(perSecond)) * 1e6) / 1024 / 1024
  const what = `10 MiB bodies ${way}, octets per CPU second, gateway (${mebibytes.toFixed(0)} MiB) / bare`
  return targetRow(what, ratios(ofGateway, ofBare, perSecond), { kind: 'least', value: 0.9 })
}
