import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/gateway.ts'
import { ACL_RULES, startRedis } from '../support/redis-servers.ts'
import type { Closers } from './closers.ts'
import { measure, type LoadPlan, type LoadResult } from './load.ts'
import { startUpstream } from './servers.ts'
import { startSignedInGateway, type SignedInGateway } from './signed-in-gateway.ts'
import { median, middleHalf } from './spread.ts'

export interface StoreSpeedPlan {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  /** Only the stores of these names; absent: all. */
  readonly only?: readonly string[]
  /** Node options for the gateways, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[]
}

type SessionPlan = Readonly<Record<string, unknown>>

const BODY_BYTES = 250
const WARM_SECONDS = 5
const MEASURE = 'memory'
const CONTROL = `${MEASURE}, a second process`
const DEAF = { username: 'deaf', password: 'no-channel' } as const

/** CPU and throughput of a request with a session, one gateway process for each store, as rows of a Markdown table. */
export async function measureStoreSpeed(
  closers: Closers,
  { rounds, seconds, connections, only, nodeOptions = [] }: StoreSpeedPlan,
): Promise<string[]> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const gateways: SignedInGateway[] = []
  for (const [name, session] of Object.entries(await sessionPlans(closers))) {
    if (only !== undefined && !only.includes(name)) continue
    const options = { name, session, nodeOptions }
    gateways.push(await startSignedInGateway(await freePort(), origin, options))
  }
  const results = new Map<SignedInGateway, LoadResult[]>(gateways.map((one) => [one, []]))
  const load = (gateway: SignedInGateway, loadSeconds: number) =>
    measure(gateway, loadOf(gateway, connections, loadSeconds))
  for (const gateway of gateways) await load(gateway, WARM_SECONDS)
  for (let round = 0; round < rounds; round++) {
    const found = await thereAndBack(rotated(gateways, round), (one) => load(one, seconds))
    for (const [gateway, result] of found) results.get(gateway)?.push(result)
  }
  const base = baseOf(results)
  return [...results].map(([{ name }, own]) => row(name, own, base))
}

/** Each is measured twice: while a machine gets slower, it is slower for all. */
async function thereAndBack(
  gateways: readonly SignedInGateway[],
  load: (gateway: SignedInGateway) => Promise<LoadResult>,
): Promise<ReadonlyMap<SignedInGateway, LoadResult>> {
  const found = new Map<SignedInGateway, LoadResult>()
  for (const gateway of [...gateways, ...gateways.toReversed()]) {
    const result = await load(gateway)
    const before = found.get(gateway)
    found.set(gateway, before === undefined ? result : together(before, result))
  }
  return found
}

/** What the others are compared with, round by round. */
function baseOf(results: ReadonlyMap<SignedInGateway, readonly LoadResult[]>): LoadResult[] {
  const [first = [], second = first] = [...results]
    .filter(([{ name }]) => name.startsWith(MEASURE))
    .map(([, own]) => own)
  return first.map((result, round) => together(result, second[round] ?? result))
}

/**
 * `session` of the configuration for each way to keep them; memory, the measure, comes first. It comes a second time, as
 * a control: what the two differ by is the measuring.
 */
async function sessionPlans(closers: Closers): Promise<Readonly<Record<string, SessionPlan>>> {
  const path = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  closers.teardown(() => rm(path, { recursive: true, force: true }))
  const { server } = await startRedis(closers)
  const rules = ACL_RULES.replace('&bearergate:* ', '') // may not subscribe: its channel never lives
  await server.admin.acl('SETUSER', DEAF.username, 'on', `>${DEAF.password}`, ...rules.split(' '))
  return {
    [MEASURE]: {},
    [CONTROL]: {},
    file: { store: 'file', file: { path } },
    redis: { store: 'redis', redis: { url: server.url } },
    'redis without its channel': { store: 'redis', redis: { url: server.url, ...DEAF } },
  }
}

/** Two results of equal time as one. */
function together(one: LoadResult, other: LoadResult): LoadResult {
  const requestsPerSecond = (one.requestsPerSecond + other.requestsPerSecond) / 2
  const spent =
    one.cpuMicroseconds * one.requestsPerSecond + other.cpuMicroseconds * other.requestsPerSecond
  return {
    requestsPerSecond,
    cpuMicroseconds: spent / 2 / requestsPerSecond,
    p99Ms: Math.max(one.p99Ms, other.p99Ms),
    failures: one.failures + other.failures,
  }
}

/** Nobody always comes right after the same one. */
function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

function loadOf({ cookie }: SignedInGateway, connections: number, seconds: number): LoadPlan {
  const headers = { cookie, accept: 'application/json', 'user-agent': 'bench' }
  return { path: '/api/hello', headers, connections, seconds }
}

function row(name: string, own: readonly LoadResult[], base: readonly LoadResult[]): string {
  const cpu = own.map((result) => result.cpuMicroseconds)
  const rate = own.map((result) => result.requestsPerSecond)
  const cells = [
    name,
    median(cpu).toFixed(1),
    middleHalf(cpu.map((value, at) => value / (base[at] as LoadResult).cpuMicroseconds)),
    median(rate).toFixed(0),
    middleHalf(rate.map((value, at) => value / (base[at] as LoadResult).requestsPerSecond)),
    String(own.reduce((sum, result) => sum + result.failures, 0)),
  ]
  return `| ${cells.join(' | ')} |`
}
