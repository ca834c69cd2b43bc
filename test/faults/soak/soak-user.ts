import { setTimeout as pause } from 'node:timers/promises'
import { createVisitor, type Visitor } from '../../support/faults-visitor.ts'
import type { GatewayPlace } from './gateway-place.ts'
import type { Ledger, Sender } from './ledger.ts'
import type { SeededRandom } from './seeded-random.ts'
import { isConnectionLoss, tryLogin } from './soak-login.ts'
import { signOutAndProbe } from './soak-sign-out.ts'

/** Somebody who signs in, sends requests at a steady rate, and now and then signs out and in again. */
export interface SoakUser {
  readonly name: string
  signOutSoon(): void
  /** Leaves every page that is loading. */
  leave(): void
  /** Resolves when the first login has succeeded. */
  readonly arrived: Promise<void>
  /** When the last request was sent that was served, of `performance.now()`. */
  lastServedMs(): number
  stop(): Promise<void>
}

export interface SoakUserParts {
  readonly name: string
  readonly publicOrigin: string
  readonly places: readonly GatewayPlace[]
  readonly ledger: Ledger
  readonly random: SeededRandom
  /** Between two requests, ms. */
  readonly everyMs: number
}

const MOST_AT_ONCE = 6 // as many as browsers open to one site
const LONGEST_ANSWER_MS = 40_000
const LOGIN_AGAIN_MS = 300

export function startSoakUser(parts: SoakUserParts): SoakUser {
  const { name, publicOrigin, places, ledger, random, everyMs } = parts
  const state = { isOver: false, wantsSignOut: false, lastServedMs: 0 }
  const loading = new Set<AbortController>()
  let arrive = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))

  async function live(): Promise<void> {
    while (!state.isOver) {
      const cookie = await cookieOfLogin()
      arrive()
      if (cookie !== undefined) await visit(cookie)
    }
  }

  async function cookieOfLogin(): Promise<string | undefined> {
    while (!state.isOver) {
      const cookie = await tryLogin({ name, publicOrigin, ledger })
      if (cookie !== undefined) return cookie
      await pause(LOGIN_AGAIN_MS)
    }
    return undefined
  }

  async function visit(cookie: string): Promise<void> {
    const session = { isOver: false, signedInAtMs: performance.now() }
    const closers: (() => unknown)[] = []
    const owner = { teardown: (close: () => unknown) => void closers.push(close) }
    const visitor = createVisitor(owner, {
      name,
      publicOrigin,
      cookie,
      timeoutMs: LONGEST_ANSWER_MS,
    })
    const underWay = new Set<Promise<void>>()
    while (!state.isOver && !session.isOver && !state.wantsSignOut) {
      if (underWay.size < MOST_AT_ONCE) {
        const sent: Promise<void> = send(visitor, session).finally(() => underWay.delete(sent))
        underWay.add(sent)
      }
      await pause(everyMs)
    }
    await Promise.all(underWay)
    if (state.wantsSignOut && !session.isOver)
      await signOutAndProbe({ visitor, places, ledger, random, signedInAtMs: session.signedInAtMs })
    state.wantsSignOut = false
    await Promise.all(closers.map((close) => close()))
  }

  async function send(
    visitor: Visitor,
    session: { isOver: boolean; readonly signedInAtMs: number },
  ): Promise<void> {
    const up = places.filter((place) => place.isUp())
    const { port, current } = random.pick(up.length > 0 ? up : places)
    const sender: Sender = { name, signedInAtMs: session.signedInAtMs, through: current().id }
    const controller = new AbortController()
    loading.add(controller)
    const sentMs = performance.now()
    try {
      const answer = await visitor.get(port, { signal: controller.signal })
      if (session.isOver && answer.status === 401) return
      const atMs = performance.now()
      if (answer.status === 200) state.lastServedMs = Math.max(state.lastServedMs, sentMs)
      if (ledger.answered(sender, answer, { sentMs, atMs, port }) === 'over') session.isOver = true
    } catch (cause) {
      if (controller.signal.aborted) return ledger.count('left by the client')
      const what = isConnectionLoss(cause) ? 'connection lost' : String(cause)
      ledger.refused(what, sender, { sentMs, atMs: performance.now(), port })
    } finally {
      loading.delete(controller)
    }
  }

  const lived = live()
  return {
    name,
    arrived,
    lastServedMs: () => state.lastServedMs,
    signOutSoon: () => void (state.wantsSignOut = true),
    leave() {
      for (const controller of loading) controller.abort()
    },
    stop() {
      state.isOver = true
      return lived
    },
  }
}
