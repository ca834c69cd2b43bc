import { freePort } from '../support/gateway.ts'
import {
  interleave,
  mustHaveNoFailures,
  ratios,
  smallRequests,
  type Rounds,
} from './interleaved.ts'
import type { LoadResult } from './load.ts'
import { startNginxProxy, startScript, startUpstream, type MeasuredServer } from './servers.ts'
import { startSignedInApache } from './signed-in-apache.ts'
import { startSignedInGateway, type SignedInGateway } from './signed-in-gateway.ts'
import { median, spread } from './spread.ts'
import { skipped, targetRow } from './target.ts'

export interface RequestCost {
  /** Rows of the table of servers. */
  readonly servers: readonly string[]
  readonly targets: readonly string[]
  readonly bare: MeasuredServer
  readonly gateway: MeasuredServer
  readonly cookie: string
  readonly barePerSecond: number
}

const BODY_BYTES = 250
const TOKEN_BYTES_AT_LEAST = 1_000

/** What a request costs in each server, and what that is beside the gateway's. */
export async function measureRequestCost(rounds: Rounds): Promise<RequestCost> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const [barePort, floorPort] = [await freePort(), await freePort()]
  const bare = await startScript('bare @fastify/http-proxy', barePort, './bare-proxy.js', [
    String(barePort),
    origin,
  ])
  const floor = await startScript(
    'node:http + undici, no rule kept',
    floorPort,
    './floor-proxy.js',
    [String(floorPort), origin],
  )
  const gateway = await startSignedInGateway(await freePort(), origin)
  const nginx = await startNginxProxy(await freePort(), upstream.port)
  const apache = await startSignedInApache(await freePort(), origin)

  await mustSendToken(gateway)
  if (apache !== undefined) await mustSendToken(apache)

  const servers = [gateway, bare, floor, nginx, apache].filter((one) => one !== undefined)
  const contestants = servers.map((server) => {
    const cookie = server === apache ? apache.cookie : gateway.cookie
    return { server, plan: smallRequests(cookie) }
  })
  const results = await interleave(contestants, rounds)
  const of = (server: MeasuredServer): LoadResult[] => results[servers.indexOf(server)] ?? []
  for (const server of servers) mustHaveNoFailures(server.name, of(server))

  const target = (server: MeasuredServer | undefined, name: string, value: number): string => {
    const what = `gateway / ${name}, CPU per request`
    if (server === undefined) return skipped(what, 'not installed')
    return targetRow(what, ratios(of(gateway), of(server)), { kind: 'most', value })
  }
  return {
    servers: servers.map((server) => row(server.name, of(server), of(bare))),
    targets: [
      target(bare, 'bare @fastify/http-proxy', 0.85),
      target(nginx, 'nginx, plain proxy', 3),
      target(apache, 'Apache mod_auth_openidc', 0.5),
    ],
    bare,
    gateway,
    cookie: gateway.cookie,
    barePerSecond: median(of(bare).map(({ requestsPerSecond }) => requestsPerSecond)),
  }
}

/** What takes no token upstream does less than it is measured for. @throws Error when it does not */
async function mustSendToken({ name, port, cookie }: SignedInGateway): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/echo`, { headers: { cookie } })
  const sent = await answer.text()
  if (!/^Bearer ey[\w-]+\.[\w-]+\.[\w-]+$/.test(sent) || sent.length < TOKEN_BYTES_AT_LEAST)
    throw new Error(
      `${name} sent ${sent.length} octets upstream: ${answer.status} ${sent.slice(0, 20)}`,
    )
}

function row(name: string, own: readonly LoadResult[], bare: readonly LoadResult[]): string {
  const cells = [
    name,
    spread(
      own.map(({ cpuMicroseconds }) => cpuMicroseconds),
      1,
    ),
    spread(ratios(own, bare)),
    median(own.map(({ requestsPerSecond }) => requestsPerSecond)).toFixed(0),
    spread(
      own.map(({ p99Ms }) => p99Ms),
      1,
    ),
  ]
  return `| ${cells.join(' | ')} |`
}
