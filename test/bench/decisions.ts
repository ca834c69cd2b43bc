import { randomBytes } from 'node:crypto'
import { parseConfig } from '../../src/config/load-config.ts'
import { decideAccess, type SessionFacts } from '../../src/domain/access-decision.ts'
import { canonicalTarget } from '../../src/domain/canonical-target.ts'
import type { RequestHeaderFacts } from '../../src/domain/own-request-headers.ts'
import { requestFacts } from '../../src/domain/request-facts.ts'
import { requestHeaderPlan, upstreamRequestHeaders } from '../../src/domain/request-headers.ts'
import { buildRouteTable } from '../../src/domain/route-table.ts'
import { upstreamPath } from '../../src/domain/upstream-path.ts'
import { freePort } from '../support/gateway.ts'
import { interleave, mustHaveNoFailures, smallRequests, type Rounds } from './interleaved.ts'
import { startUpstream } from './servers.ts'
import { startSignedInGateway } from './signed-in-gateway.ts'
import { spread } from './spread.ts'
import { targetRow } from './target.ts'

const BODY_BYTES = 250
const ROUTES = 500
const PATH = '/r5/hello'
const REPETITIONS = 200_000

/**
 * What the decision and the headers of a request cost, alone and beside all the gateway does for one: target to route, facts,
 * requirement, headers from claims. One route of 500 is asked for.
 */
export async function measureDecisions(rounds: Rounds): Promise<string[]> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const config = { routes: routesTo(origin, ROUTES) }
  const server = await startSignedInGateway(await freePort(), origin, { config })
  const plan = smallRequests(server.cookie, PATH)
  const [results = []] = await interleave([{ server, plan }], rounds)
  mustHaveNoFailures('decisions', results)

  const of = (count: number) => decider(origin, count, plan.headers)
  const [few, own, many] = [of(10), of(ROUTES), of(1_000)]
  for (const decide of [few, own, many]) cpuMicroseconds(decide)
  const inRounds = results.map(({ cpuMicroseconds: whole }) => {
    const [ofFew, ofOwn, ofMany] = [few, own, many].map(cpuMicroseconds) as [number, number, number]
    return { whole, ofFew, ofOwn, ofMany }
  })
  const microseconds = spread(inRounds.map(({ ofOwn }) => ofOwn))
  return [
    targetRow(
      `${ROUTES} routes: decision and headers (${microseconds} µs) / all CPU of the gateway per request`,
      inRounds.map(({ ofOwn, whole }) => ofOwn / whole),
      { kind: 'most', value: 0.05 },
    ),
    targetRow(
      '1,000 routes / 10 routes, decision and headers alone',
      inRounds.map(({ ofMany, ofFew }) => ofMany / ofFew),
      { kind: 'most', value: 1.05 },
    ),
  ]
}

function routesTo(upstream: string, count: number): object[] {
  return Array.from({ length: count }, (_, at) => ({
    path: at === 0 ? '/*' : `/r${at}/*`,
    upstream,
    require: { claims: { email_verified: true, groups: ['admin', 'staff'] } },
    headers: { set: { 'X-User': '${claims.email}', 'X-Groups': '${claims.groups}' } },
  }))
}

const CLAIMS = {
  sub: 'alice',
  email: 'alice@example.com',
  email_verified: true,
  groups: ['staff'],
}
const TOKEN = 't'.repeat(1_200)

/** One request through the pure functions, as the gateway calls them. */
function decider(upstream: string, count: number, fields: Readonly<Record<string, string>>) {
  const text = JSON.stringify({
    publicUrl: 'http://127.0.0.1:8080',
    provider: { issuer: 'http://127.0.0.1:9', clientId: 'bench', clientSecret: 'bench-secret' },
    session: { secrets: [randomBytes(32).toString('hex')] },
    routes: routesTo(upstream, count),
  })
  const source = { env: {}, readFile: () => ({ wrong: 'no files' }) }
  const { routes } = parseConfig(text, 'bench', source).config
  const table = buildRouteTable(routes)
  const plans = routes.map((route) => requestHeaderPlan({ route, routes, pseudonym: 'bench' }))
  const headers: Readonly<Record<string, string>> = { host: '127.0.0.1:8080', ...fields }
  const rawHeaders = Object.entries(headers).flat()
  const session: SessionFacts = {
    kind: 'active',
    claims: CLAIMS,
    scope: 'openid',
    acr: undefined,
    authAgeMs: undefined,
  }

  return (): unknown => {
    const target = canonicalTarget(PATH)
    if (target === undefined) throw new Error('the path is refused')
    const match = table.match('127.0.0.1', 'GET', target.path)
    if (match.kind !== 'route') throw new Error('no route')
    const facts = requestFacts('GET', headers)
    const decision = decideAccess(match.route, session, facts, ['http://127.0.0.1:8080'])
    if (decision.kind !== 'forward') throw new Error(`decided: ${decision.kind}`)
    const built = upstreamRequestHeaders(rawHeaders, plans[match.index]!, FACTS)
    if (built.kind !== 'headers') throw new Error('headers are refused')
    return [upstreamPath(match.route, target), built.headers]
  }
}

const FACTS: RequestHeaderFacts = {
  token: TOKEN,
  claims: CLAIMS,
  session: undefined,
  peerAddress: '127.0.0.1',
  peerTrusted: false,
  method: 'GET',
  httpVersion: '1.1',
  proto: 'http',
  host: '127.0.0.1:8080',
  path: PATH,
  clientAddress: '127.0.0.1',
  requestId: 'aaaaaaaaaaaaaaaaaaaaaa',
}

/** CPU time of this process for one call, from many. */
function cpuMicroseconds(call: () => unknown): number {
  const before = process.cpuUsage()
  let last: unknown
  for (let at = 0; at < REPETITIONS; at++) last = call()
  const { user, system } = process.cpuUsage(before)
  if (last === undefined) throw new Error('nothing was done')
  return (user + system) / REPETITIONS
}
