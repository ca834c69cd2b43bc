import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/gateway.ts'
import {
  interleave,
  mustHaveNoFailures,
  ratios,
  smallRequests,
  type Rounds,
} from './interleaved.ts'
import { startScript, startUpstream, unpinProcesses } from './servers.ts'
import { startSignedInGateway } from './signed-in-gateway.ts'
import { spread } from './spread.ts'
import { targetRow } from './target.ts'

const BODY_BYTES = 250
const LOGINS = 100_000

/** 1,000 routes beside 10; the request goes to one in the middle of the few. */
export async function measureRoutes(rounds: Rounds): Promise<string[]> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const contestants = []
  for (const count of [1_000, 10]) {
    const more = Array.from({ length: count - 1 }, (_, at) => ({
      path: `/r${at}/*`,
      upstream: origin,
    }))
    const config = { routes: [{ path: '/*', upstream: origin }, ...more] }
    const server = await startSignedInGateway(await freePort(), origin, { config })
    contestants.push({ server, plan: smallRequests(server.cookie, '/r5/hello') })
  }
  const [many = [], few = []] = await interleave(contestants, rounds)
  mustHaveNoFailures('routes', [...many, ...few])
  const limit = { kind: 'most', value: 1.02 } as const
  return [targetRow('1,000 routes / 10 routes, CPU per request', ratios(many, few), limit)]
}

/**
 * 100,000 sessions in the memory store beside 10: some of them in use, and all of them in turn. The ten are what is left of as
 * many: a process that has collected garbage for so many logins is slower by a few per cent, whatever is left of them.
 */
export async function measureSessions(rounds: Rounds): Promise<string[]> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const start = async (kept: number, use: number) => {
    const port = await freePort()
    const cookies = join(folder, `cookies-${port}`)
    const args = [String(port), origin, String(LOGINS), String(kept), cookies]
    const name = `${kept} sessions`
    const server = await startScript(name, port, './many-sessions-gateway.js', args)
    const used = readFileSync(cookies, 'utf8').split('\n').slice(0, use)
    writeFileSync(cookies, used.join('\n'))
    return { server, plan: inTurn(cookies) }
  }
  const contestants = [
    await start(10, 10),
    await start(LOGINS, 1_000),
    await start(LOGINS, LOGINS), // apart: it leaves nothing in the caches that the others use
  ]
  const [ofFew = [], ofBusy = [], ofAll = []] = await interleave(contestants, rounds)
  mustHaveNoFailures('sessions', [...ofFew, ...ofBusy, ...ofAll])
  const limit = { kind: 'most', value: 1.05 } as const
  return [
    targetRow(
      '100,000 sessions, 1,000 in use / 10 sessions, CPU per request',
      ratios(ofBusy, ofFew),
      limit,
    ),
    `| 100,000 sessions, each request another one's (none is in the cache of 10,000) / 10 sessions | ${spread(ratios(ofAll, ofFew))} | – | |`,
  ]
}

/** Every request with the next cookie of the file. */
function inTurn(cookieFile: string) {
  const plan = smallRequests('')
  const lua = `local cookies = {}
for line in io.lines("${cookieFile}") do cookies[#cookies + 1] = line end
local at = 0
request = function()
  at = at % #cookies + 1
  return wrk.format("GET", nil, { ["cookie"] = cookies[at], ["accept"] = "application/json", ["user-agent"] = "bench" })
end`
  return { ...plan, headers: {}, lua }
}

/**
 * Two worker processes beside one, sessions in a file in both cases. Not pinned: there must be two cores to scale to, and
 * where there are no more, load and upstream take their share of them.
 */
export async function measureWorkers(rounds: Rounds): Promise<string[]> {
  unpinProcesses()
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const contestants = []
  for (const workers of [2, 1]) {
    const path = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
    const session = { store: 'file', file: { path } }
    const server = await startSignedInGateway(await freePort(), origin, {
      session,
      config: { workers },
    })
    contestants.push({ server, plan: smallRequests(server.cookie) })
  }
  const [two = [], one = []] = await interleave(contestants, rounds)
  mustHaveNoFailures('workers', [...two, ...one])
  const rate = ratios(two, one, ({ requestsPerSecond }) => requestsPerSecond)
  const shared = 'load and upstream run on the same cores'
  return [
    `| two workers / one, requests per second (${cpus().length} cores, ${shared}) | ${spread(rate)} | – | |`,
    `| two workers / one, CPU per request | ${spread(ratios(two, one))} | – | |`,
  ]
}
