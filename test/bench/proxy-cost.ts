import { freePort } from '../support/gateway.ts'
import { measure, type LoadPlan, type LoadResult } from './load.ts'
import { startScript, startUpstream, type MeasuredServer } from './servers.ts'
import { startSignedInGateway } from './signed-in-gateway.ts'
import { median, spread } from './spread.ts'

/**
 * What a request costs: CPU time of the server's process and p99, the gateway with a session beside the bare
 * @fastify/http-proxy, in interleaved rounds. Absolute times are those of this machine; the ratios are the measure
 * (DESIGN §9). `npm run bench [rounds] [seconds]`
 */
const [rounds = 5, seconds = 3] = process.argv.slice(2).map(Number)
const BODY_BYTES = 250

const upstream = await startUpstream(await freePort(), BODY_BYTES)
const origin = `http://127.0.0.1:${upstream.port}`
const [barePort, floorPort] = [await freePort(), await freePort()]
const bare = await startScript('bare http-proxy', barePort, './bare-proxy.js', [
  String(barePort),
  origin,
])
const floor = await startScript('node:http + undici', floorPort, './floor-proxy.js', [
  String(floorPort),
  origin,
])
const gateway = await startSignedInGateway(await freePort(), origin)
const servers: readonly MeasuredServer[] = [bare, gateway, floor]
const results = new Map<MeasuredServer, LoadResult[]>(servers.map((server) => [server, []]))

const plan: LoadPlan = {
  path: '/api/hello',
  headers: { cookie: gateway.cookie, accept: 'application/json', 'user-agent': 'bench' },
  connections: 32,
  seconds,
}
for (const server of servers) await measure(server, { ...plan, seconds: 2 }) // warm
for (let round = 0; round < rounds; round++) {
  for (const server of servers) results.get(server)?.push(await measure(server, plan))
}

const bareResults = results.get(bare) as LoadResult[]
console.log(
  `upstream: ${upstream.name}, ${BODY_BYTES} B; ${rounds} rounds of ${seconds} s, 32 connections\n`,
)
console.log(
  'server                 CPU µs/request   ratio to bare      p99 ms   ratio   requests/s   not 200',
)
for (const [{ name }, own] of results) console.log(row(name, own))
process.exit(0)

function row(name: string, own: readonly LoadResult[]): string {
  const cpu = own.map((result) => result.cpuMicroseconds)
  const ratios = cpu.map((value, at) => value / (bareResults[at] as LoadResult).cpuMicroseconds)
  const p99 = own.map((result) => result.p99Ms)
  const p99Ratio = median(p99.map((value, at) => value / (bareResults[at] as LoadResult).p99Ms))
  const cells = [
    name.padEnd(20),
    `${median(cpu).toFixed(1)} (min ${Math.min(...cpu).toFixed(1)})`.padStart(18),
    spread(ratios).padStart(18),
    median(p99).toFixed(2).padStart(9),
    p99Ratio.toFixed(2).padStart(7),
    String(Math.round(median(own.map((result) => result.requestsPerSecond)))).padStart(12),
    String(own.reduce((sum, result) => sum + result.failures, 0)).padStart(9),
  ]
  return cells.join(' ')
}
