import type { FaultWindow, FaultWindows } from './fault-windows.ts'
import type { GatewayPlace } from './gateway-place.ts'
import type { Ledger, SignOut } from './ledger.ts'
import type { SoakPlan } from './soak-arguments.ts'
import type { Verdict } from './verdict.ts'

export interface SoakResult {
  readonly plan: SoakPlan
  readonly ledger: Ledger
  readonly windows: FaultWindows
  readonly places: readonly GatewayPlace[]
  readonly judged: readonly { readonly signOut: SignOut; readonly verdict: Verdict }[]
  readonly refreshes: number
  readonly spentTwice: number
  /** The longest this process itself was kept from working: how busy the machine was. */
  readonly lagMs: number
}

const MOST_SHOWN = 20

/** The table that a soak ends with. */
export function soakReport(result: SoakResult): string {
  const { plan, ledger, judged } = result
  const lost = judged.filter(({ verdict }) => verdict.isDocumented)
  const unasked = judged.filter(({ verdict }) => !verdict.isDocumented)
  const sum = [...ledger.outcomes.entries()].filter(([what]) => isRequest(what))
  return [
    `${plan.seconds} s, seed ${plan.seed}, ${plan.users} users, store ${plan.store}, ` +
      `${result.places.length} gateway(s) of ${plan.workers} process(es)`,
    '',
    row(
      'requests sent',
      sum.reduce((total, [, count]) => total + count, 0),
    ),
    ...[...ledger.outcomes.entries()].sort(byCount).map(([what, count]) => {
      const wait = ledger.slowest.get(what)
      const slowest = wait && `  slowest ${Math.round(wait.tookMs)} ms (${wait.story})`
      return row(`  ${what}`, count) + (slowest ?? '')
    }),
    row('refreshes granted', result.refreshes),
    row('longest pause of the soak itself, ms', Math.round(result.lagMs)),
    ...lags(ledger.lagsMs),
    '',
    `${'disturbance'.padEnd(28)} times  refused  longest window  longest after its end`,
    ...disturbanceRows(result.windows.all),
    '',
    ...judged.map(
      ({ signOut: { name, reason, through, atMs }, verdict }) =>
        `lost: ${name} ${reason} through ${through} at ${(atMs / 1_000).toFixed(1)} s: ${verdict.story}`,
    ),
    row('lost with a killed process or a cut answer (documented)', lost.length),
    row('refresh tokens spent twice beyond those', result.spentTwice),
    row('WRONG ANSWERS', ledger.violations.length),
    ...ledger.violations.slice(0, MOST_SHOWN).map((line) => `  ${line}`),
    row('SIGN-OUTS NOT ASKED FOR', unasked.length),
  ].join('\n')
}

const NO_REQUESTS = new Set(['logins', 'sign-outs', 'login failed'])

function isRequest(what: string): boolean {
  return !NO_REQUESTS.has(what)
}

function byCount([, one]: [string, number], [, other]: [string, number]): number {
  return other - one
}

function row(what: string, count: number): string {
  return `${what.padEnd(58)} ${String(count).padStart(7)}`
}

function lags(lagsMs: readonly number[]): string[] {
  if (lagsMs.length === 0) return []
  const sorted = [...lagsMs].sort((one, other) => one - other)
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(0)
  return [`a signed-out session was served on for: p50 ${at(0.5)} ms, longest ${at(1)} ms`]
}

function disturbanceRows(all: readonly FaultWindow[]): string[] {
  return [...new Set(all.map(({ kind }) => kind))].sort().map((kind) => {
    const own = all.filter((window) => window.kind === kind)
    const refused = own.filter((window) => window.refused > 0)
    const longest = Math.max(0, ...refused.map((one) => one.lastRefusedMs - one.firstRefusedMs))
    const after = Math.max(0, ...refused.map((one) => one.lastRefusedMs - one.endMs))
    const total = own.reduce((count, one) => count + one.refused, 0)
    const cells = [
      kind.padEnd(28),
      String(own.length).padStart(5),
      String(total).padStart(8),
      `${Math.round(longest)} ms`.padStart(15),
      `${Math.round(after)} ms`.padStart(22),
    ]
    return cells.join(' ')
  })
}
