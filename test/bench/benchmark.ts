import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { machine, writeSection } from './benchmark-page.ts'
import { measureDecisions } from './decisions.ts'
import { measureRoutes, measureSessions, measureWorkers } from './growth.ts'
import { measureLargeBodies } from './large-bodies.ts'
import { measureLatency } from './latency.ts'
import { measureRequestCost, type RequestCost } from './request-cost.ts'
import { busyPercent, measureSections, type Section, type SectionResults } from './sections.ts'
import { pinProcesses } from './servers.ts'
import { measureSignedIdentity } from './signed-identity.ts'
import { measureStartUp } from './start-up.ts'

/**
 * Everything the gateway promises about speed, beside what others need for the same: `npm run bench`. With `--write` the
 * figures go into docs/benchmarks.md after each section. Absolute times are those of this machine; the ratios of one run are
 * the measure (DESIGN §9). `--quick` measures the cost of a request alone, `--only NAME,NAME` the sections of these names.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const names = values.quick ? ['requests'] : values.only?.split(',')
const busy = await busyPercent()
const isPinned = pinProcesses()
let cost: RequestCost | undefined

const SECTIONS: readonly Section[] = [
  {
    name: 'requests',
    minutesAtMost: 6,
    keepsServers: true,
    measure: async () => {
      cost = await measureRequestCost(rounds)
      return cost.targets
    },
  },
  {
    name: 'p99',
    minutesAtMost: 2.5,
    measure: withWrk(async () => {
      if (cost === undefined) throw new Error('it needs the servers of the section of requests')
      return [await measureLatency(cost, rounds)]
    }),
  },
  { name: 'routes', minutesAtMost: 2.5, measure: withWrk(() => measureRoutes(rounds)) },
  { name: 'decisions', minutesAtMost: 2, measure: withWrk(() => measureDecisions(rounds)) },
  {
    name: 'signed identity',
    minutesAtMost: 2.5,
    measure: withWrk(async () => [await measureSignedIdentity(rounds)]),
  },
  { name: 'sessions', minutesAtMost: 5, measure: withWrk(() => measureSessions(rounds)) },
  { name: 'large bodies', minutesAtMost: 4, measure: withWrk(() => measureLargeBodies(rounds)) },
  { name: 'start', minutesAtMost: 2.5, measure: measureStartUp },
  { name: 'workers', minutesAtMost: 2.5, measure: withWrk(() => measureWorkers(rounds)) }, // unpins
]

function withWrk<Rows>(measure: () => Promise<Rows>): () => Promise<Rows> {
  return async () => {
    if (spawnSync('wrk', ['-v']).error !== undefined) throw new Error('wrk is not installed')
    return measure()
  }
}

function page({ rows, took }: SectionResults): string {
  return `## Requests

\`npm run bench -- --write\` starts all servers, measures and writes this section; \`npm run test:setup -- bench\` installs what it
needs (\`wrk\`, nginx, Apache with mod_auth_openidc). Last run on ${machine()}: ${rounds.rounds} interleaved rounds of ${rounds.seconds} s, 32
connections kept alive, answers of 250 octets from nginx. ${isPinned ? 'The servers had one core, load and upstream the other.' : ''}
Before it began the cores were ${busy.toFixed(0)} % busy with other things. Gateway and Apache are logged in at a real OpenID
provider; that both send an access token of 1.2 KB upstream is looked at before they are measured. Gateway, nginx and
Apache write an access line for each request. CPU is that of all processes of a server, user and system. Figures are medians with the
extremes of the rounds; ratios compare within a round. Minutes taken: ${took}.

| server | CPU µs/request | ratio to bare | requests/s | p99 ms at full load |
|---|---|---|---|---|
${cost?.servers.join('\n') ?? ''}

| what | found | target | |
|---|---|---|---|
${rows.join('\n')}
`
}

let text = ''
const chosen = SECTIONS.filter(({ name }) => names === undefined || names.includes(name))
await measureSections(chosen, (results) => {
  text = page(results)
  if (values.write) writeSection('requests', text)
})
console.log(text)
process.exit(0)
