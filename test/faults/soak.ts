import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { ProviderEvent } from '../support/openid-provider.ts'
import { disturbances } from './soak/disturbances.ts'
import { createFaultWindows } from './soak/fault-windows.ts'
import { createLedger, type Ledger } from './soak/ledger.ts'
import { createSeededRandom } from './soak/seeded-random.ts'
import { parseSoakArguments, type SoakPlan } from './soak/soak-arguments.ts'
import { soakReport } from './soak/soak-report.ts'
import { startSoakUser, type SoakUser } from './soak/soak-user.ts'
import { startSoakWorld } from './soak/soak-world.ts'
import { judge } from './soak/verdict.ts'
import { wrongLines } from './soak/wrong-lines.ts'

/**
 * Users at a steady rate while parts are killed, frozen and repaired at random: every answer is
 * checked, every session that is lost must be accounted for. Ends with 1 on any violation.
 * Wants a core of its own: a gateway that gets none for half a second finds its store late, and says 503.
 *
 * `npm run soak -- [--seconds 300] [--seed 1] [--users 30] [--rate 5] [--store redis|file] [--workers 1]
 * [--only 'Redis killed']`
 */
const QUIET_MS = [500, 3_000] as const // between two disturbances
const HEALED_MS = 35_000 // the longest pause of a refresh that failed, and a little

const closers: (() => unknown)[] = []
const owner = { teardown: (close: () => unknown) => void closers.push(close) }
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(130))
process.once('uncaughtException', (cause) => void fail(cause))
process.once('unhandledRejection', (cause) => void fail(cause))

await end((await soak(parseSoakArguments(process.argv.slice(2)))) ? 0 : 1)

async function soak(plan: SoakPlan): Promise<boolean> {
  const random = createSeededRandom(plan.seed)
  const lag = monitorEventLoopDelay()
  lag.enable()
  const windows = createFaultWindows()
  const ledger = createLedger(windows)
  const world = await startSoakWorld(owner, plan, createSeededRandom(plan.seed + 1))
  const users = Array.from({ length: plan.users }, (_, nth) =>
    startSoakUser({
      ...world,
      ledger,
      name: `user-${nth}`,
      random: createSeededRandom(plan.seed + 100 + nth),
      everyMs: 1_000 / plan.requestsPerSecond,
    }),
  )
  await Promise.all(users.map((user) => user.arrived))

  const kinds = disturbances({ ...world, random, windows, workers: plan.workers, users }).filter(
    ({ kind }) => plan.only === undefined || kind === plan.only,
  )
  const endAtMs = performance.now() + plan.seconds * 1_000
  while (performance.now() < endAtMs) {
    const { kind, run } = random.pick(kinds)
    say(`${Math.round((endAtMs - performance.now()) / 1_000)} s left: ${kind}`)
    await run()
    await pause(random.between(...QUIET_MS))
  }
  await untilServed(users, ledger)
  await Promise.all(users.map((user) => user.stop()))

  const incarnations = world.places.flatMap((place) => place.incarnations)
  const evidence = { ...world, ledger, windows, incarnations }
  const judged = ledger.signOuts.map((signOut) => ({ signOut, verdict: judge(evidence, signOut) }))
  const unasked = judged.filter(({ verdict }) => !verdict.isDocumented)
  for (const line of wrongLines(incarnations)) ledger.violated(line)
  const spentTwice = reuses(world.provider.events) - (judged.length - unasked.length)
  const refreshes = world.calls.all.filter(({ grantType }) => grantType === 'refresh_token').length
  const lagMs = lag.max / 1e6
  say(soakReport({ plan, ledger, windows, ...world, judged, refreshes, spentTwice, lagMs }))
  return ledger.violations.length === 0 && unasked.length === 0 && spentTwice <= 0
}

/** Nobody stays locked out when all is repaired. */
async function untilServed(users: readonly SoakUser[], ledger: Ledger): Promise<void> {
  const fromMs = performance.now()
  const waiting = () => users.filter((user) => user.lastServedMs() < fromMs)
  while (waiting().length > 0 && performance.now() - fromMs < HEALED_MS) await pause(100)
  for (const { name } of waiting()) ledger.violated(`${name} is not served again`)
}

function reuses(events: readonly ProviderEvent[]): number {
  return events.filter(({ error }) => error?.includes('already used') === true).length
}

async function fail(cause: unknown): Promise<void> {
  console.error(cause)
  await end(1)
}

async function end(code: number): Promise<never> {
  for (const close of closers.reverse()) await close()
  process.exit(code)
}

function say(text: string): void {
  console.log(text)
}
