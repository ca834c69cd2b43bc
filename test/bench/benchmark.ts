import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { machine, writeSection } from './benchmark-page.ts'
import { measureDecisions } from './decisions.ts'
import { measureRoutes, measureSessions, measureWorkers } from './growth.ts'
import { measureLargeBodies } from './large-bodies.ts'
import { measureLatency } from './latency.ts'
import { measureRequestCost } from './request-cost.ts'
import { pinProcesses } from './servers.ts'
import { measureSignedIdentity } from './signed-identity.ts'
import { measureStartUp } from './start-up.ts'
import { skipped } from './target.ts'

/**
 * Everything the gateway promises about speed, beside what others need for the same: `npm run bench`. With `--write` the
 * figures go into docs/benchmarks.md. Absolute times are those of this machine; the ratios of one run are the measure
 * (DESIGN §9). `--quick` measures the cost of a request alone.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const hasWrk = spawnSync('wrk', ['-v']).error === undefined

const isPinned = pinProcesses()
const cost = await measureRequestCost(rounds)
const rows = [...cost.targets]
let workers = ''
if (!values.quick) {
  const all = 'p99, routes, decisions, signed identity, sessions, workers, large bodies'
  if (hasWrk) {
    rows.push(await measureLatency(cost, rounds))
    rows.push(await measureRoutes(rounds))
    rows.push(...(await measureDecisions(rounds)))
    rows.push(await measureSignedIdentity(rounds))
    rows.push(...(await measureSessions(rounds)))
    rows.push(...(await measureLargeBodies(rounds)))
    workers = await measureWorkers(rounds)
  } else rows.push(skipped(all, 'wrk is not installed'))
  rows.push(...(await measureStartUp()))
}

const text = `## Requests

\`npm run bench -- --write\` starts all servers, measures and writes this section; \`npm run test:setup -- bench\` installs what it
needs (\`wrk\`, nginx, Apache with mod_auth_openidc). Last run on ${machine()}: ${rounds.rounds} interleaved rounds of ${rounds.seconds} s, 32
connections kept alive, answers of 250 octets from nginx. ${isPinned ? 'The servers had one core, load and upstream the other.' : ''}
Gateway and Apache are logged in at a real OpenID provider; both send an access token of 1.2 KB upstream. Gateway, nginx and
Apache write an access line for each request. CPU is that of all processes of a server, user and system. Figures are medians with the
extremes of the rounds; ratios compare within a round.

| server | CPU µs/request | ratio to bare | requests/s | p99 ms at full load |
|---|---|---|---|---|
${cost.servers.join('\n')}

| what | found | target | |
|---|---|---|---|
${rows.join('\n')}

${workers}
`
console.log(text)
if (values.write) writeSection('requests', text)
process.exit(0)
