import type { FaultWindows } from './fault-windows.ts'
import type { GatewayLog } from './gateway-log.ts'
import type { Incarnation } from './gateway-place.ts'
import type { Ledger, SignOut } from './ledger.ts'
import { STORE_FAULTS } from './disturbances.ts'
import type { TokenCall, TokenCalls } from './token-calls.ts'

/** Why a session is gone that nobody has ended. */
export interface Verdict {
  /** Nothing but our fault when it is not. */
  readonly isDocumented: boolean
  readonly story: string
}

export interface Evidence {
  readonly calls: TokenCalls
  readonly ledger: Ledger
  readonly windows: FaultWindows
  readonly log: GatewayLog
  readonly incarnations: readonly Incarnation[]
}

const STORED_WITHIN_MS = 1_000
const WRITTEN_AFTER_MS = 6_000 // the longest pause between two attempts, and a little
const SAME_MOMENT_MS = 20 // two clocks of one machine, one of them rounded
const CALL_MS = 10_000 // the gateway's own deadline

/**
 * The documented losses (DESIGN §7, RT-4): the provider had rotated the refresh token, and the
 * answer never reached anybody who lived to store it. The provider is the witness: its last grant to
 * this user was asked for by a process that was killed at that moment, or never arrived.
 */
export function judge(evidence: Evidence, signOut: SignOut): Verdict {
  const last = evidence.calls.lastRefresh(signOut.name, signOut.atMs)
  if (last === undefined || last.decidedMs < signOut.signedInAtMs)
    return { isDocumented: false, story: 'its refresh token was never spent' }
  const ago = `its last grant, ${seconds(signOut.atMs - last.decidedMs)} before, to ${last.by},`
  if (wasServedByOthers(evidence.ledger, last))
    return { isDocumented: false, story: `${ago} was in the store` }
  const killMs = killOf(evidence, last)
  if (killMs !== undefined)
    return { isDocumented: true, story: `${ago} met SIGKILL ${nearby(killMs, last.decidedMs)}` }
  if (isUnheard(evidence, last, signOut))
    return { isDocumented: true, story: `${ago} never arrived there` }
  return { isDocumented: false, story: `${ago} arrived` }
}

/** The provider's answer was cut off, or the gateway says that it had given up before it came. */
function isUnheard({ log, incarnations }: Evidence, call: TokenCall, { atMs }: SignOut): boolean {
  if (call.wasCut) return true
  const { by, subject, decidedMs } = call
  const asked = incarnations.find(({ id }) => id === by)
  if (asked === undefined) return false
  const toMs = Math.min(decidedMs + CALL_MS, atMs) // the user signs in again after that: another session
  const ends = (fromMs: number) => log.refreshes(asked, subject, { fromMs, toMs })
  const hasArrived = ends(decidedMs - SAME_MOMENT_MS).includes('refresh_succeeded')
  return !hasArrived && ends(decidedMs - CALL_MS).includes('refresh_failed')
}

function nearby(killMs: number, decidedMs: number): string {
  const [ms, when] = [killMs - decidedMs, killMs < decidedMs ? 'before' : 'after']
  return `${seconds(Math.abs(ms))} ${when}`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}

/** Then it was in the store. */
function wasServedByOthers(ledger: Ledger, { tokenId, by }: TokenCall): boolean {
  return [...ledger.servedBy(tokenId)].some((id) => id !== by)
}

function killOf(
  { incarnations, windows }: Evidence,
  { by, decidedMs }: TokenCall,
): number | undefined {
  const kills = incarnations.find(({ id }) => id === by)?.killsMs ?? []
  return kills.find(
    (killMs) =>
      killMs > decidedMs - CALL_MS &&
      (killMs < decidedMs + STORED_WITHIN_MS || couldNotStore(windows, decidedMs, killMs)),
  )
}

/** The store was down when it had the tokens, and still or until just now when it was killed. */
function couldNotStore(windows: FaultWindows, decidedMs: number, killMs: number): boolean {
  const isDownAt = (fromMs: number, toMs: number) => windows.overlaps(STORE_FAULTS, fromMs, toMs)
  return (
    isDownAt(decidedMs - STORED_WITHIN_MS, decidedMs + STORED_WITHIN_MS) &&
    isDownAt(killMs - WRITTEN_AFTER_MS, killMs)
  )
}
