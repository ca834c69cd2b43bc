import type { Answer } from '../../support/faults-visitor.ts'
import type { FaultWindows, RequestSpan } from './fault-windows.ts'

/** Everything that was sent, and what became of it. */
export interface Ledger {
  readonly outcomes: ReadonlyMap<string, number>
  /** What must not happen, one line each. */
  readonly violations: readonly string[]
  readonly signOuts: readonly SignOut[]
  /** How long sessions were served on elsewhere after a sign-out, ms. */
  readonly lagsMs: readonly number[]
  /** The longest wait for each refusal. */
  readonly slowest: ReadonlyMap<string, Wait>
  /** Notes an answer of the gateway to a request with a session; says what it means for the session. */
  answered(sender: Sender, answer: Answer, span: RequestSpan): 'kept' | 'over'
  /** Notes a request that was not answered, or not as wished. */
  refused(what: string, sender: Sender, span: RequestSpan): void
  count(outcome: string): void
  violated(text: string): void
  lagged(lagMs: number): void
  /** The gateway processes through which a token reached the upstream. */
  servedBy(tokenId: string): ReadonlySet<string>
}

export interface Wait {
  readonly tookMs: number
  /** When, at which gateway, and what was disturbed meanwhile. */
  readonly story: string
}

export interface Sender {
  readonly name: string
  readonly signedInAtMs: number
  /** The gateway process that was asked. */
  readonly through: string
}

/** A session that was there and is not, though nobody has asked for it. */
export interface SignOut extends Sender {
  readonly reason: string
  readonly atMs: number
}

export function createLedger(windows: FaultWindows): Ledger {
  const outcomes = new Map<string, number>()
  const violations: string[] = []
  const signOuts: SignOut[] = []
  const lagsMs: number[] = []
  const slowest = new Map<string, Wait>()
  const served = new Map<string, Set<string>>()
  const startedAtMs = performance.now()

  function count(outcome: string): void {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  function violated(text: string): void {
    violations.push(`${sinceStart(performance.now())}: ${text}`)
  }

  const sinceStart = (atMs: number): string => `${((atMs - startedAtMs) / 1_000).toFixed(1)} s`

  function refused(what: string, { name, through }: Sender, span: RequestSpan): void {
    count(what)
    const tookMs = span.atMs - span.sentMs
    if (tookMs > (slowest.get(what)?.tookMs ?? 0)) {
      const during = windows.feltIn(span).join(', ')
      slowest.set(what, { tookMs, story: `${sinceStart(span.atMs)}, ${through}; ${during}` })
    }
    if (windows.excuses(what, span)) return
    violated(
      `${what} for ${name} through ${through} after ${Math.round(tookMs)} ms, without a reason`,
    )
  }

  function checkServed({ name, through }: Sender, { echo }: Answer): void {
    count('200')
    if (echo?.subject !== name)
      return violated(`${name} got an answer for "${echo?.subject}" through ${through}`)
    served.set(echo.tokenId, (served.get(echo.tokenId) ?? new Set()).add(through))
  }

  function checkRefused(sender: Sender, answer: Answer, span: RequestSpan): void {
    const { status, reason = 'no reason', headers } = answer
    refused(`${status} ${reason}`, sender, span)
    if (status === 503 && headers['retry-after'] === undefined)
      violated(`503 ${reason} without Retry-After`)
    if (headers['set-cookie'] !== undefined) violated(`${status} ${reason} with Set-Cookie`)
  }

  return {
    outcomes,
    violations,
    signOuts,
    lagsMs,
    slowest,
    count,
    violated,
    refused,
    lagged: (lagMs) => void lagsMs.push(lagMs),
    servedBy: (tokenId) => served.get(tokenId) ?? new Set(),
    answered(sender, answer, span) {
      if (answer.status === 200) checkServed(sender, answer)
      else if (answer.status >= 500) checkRefused(sender, answer, span)
      else if (answer.status === 401) {
        count('401')
        signOuts.push({ ...sender, reason: answer.reason ?? 'no reason', atMs: span.atMs })
        return 'over'
      } else {
        count(String(answer.status))
        violated(`${answer.status} ${answer.reason} for ${sender.name} through ${sender.through}`)
      }
      return 'kept'
    },
  }
}
