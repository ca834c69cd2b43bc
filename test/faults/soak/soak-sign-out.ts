import { setTimeout as pause } from 'node:timers/promises'
import type { Visitor } from '../../support/faults-visitor.ts'
import type { GatewayPlace } from './gateway-place.ts'
import type { Ledger } from './ledger.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface SignOutParts {
  readonly visitor: Visitor
  readonly places: readonly GatewayPlace[]
  readonly ledger: Ledger
  readonly random: SeededRandom
  readonly signedInAtMs: number
}

const DEAD_WITHIN_MS = 2_000 // 1.5 s without a word from the channel, and what this process itself is late
const PROBE_EVERY_MS = 5
const STAYS_DEAD = 3
const STAYS_DEAD_EVERY_MS = 200
const GIVE_UP_MS = 10_000

/** Signs out at one gateway, then asks all of them with the old cookie until it is dead, and a few times more. */
export async function signOutAndProbe(parts: SignOutParts): Promise<void> {
  const { visitor, places, ledger, random, signedInAtMs } = parts
  const place = random.pick(places.filter((one) => one.isUp()))
  const { port } = place
  const sender = { name: visitor.name, signedInAtMs, through: place.current().id }
  const sentMs = performance.now()
  const status = await visitor.signOut(port).then(
    (answer) => answer.status,
    () => 'connection lost',
  )
  const span = { sentMs, atMs: performance.now(), port }
  if (status === 303) {
    ledger.count('sign-outs')
    await Promise.all(places.map((one) => probe(parts, one, span.atMs)))
  } else if (status === 503) ledger.refused('503 store_unavailable', sender, span)
  else
    ledger.refused(
      typeof status === 'number' ? `sign-out answered ${status}` : status,
      sender,
      span,
    )
}

async function probe(
  { visitor, ledger }: SignOutParts,
  place: GatewayPlace,
  signedOutAtMs: number,
): Promise<void> {
  let dead = 0
  while (dead < STAYS_DEAD && performance.now() - signedOutAtMs < GIVE_UP_MS) {
    const sentMs = performance.now()
    const status = await visitor.get(place.port).then(
      (answer) => answer.status,
      () => undefined,
    )
    ledger.count('asked after a sign-out')
    if (status === 200 && dead > 0) ledger.violated(`${visitor.name} came back after a sign-out`)
    if (status === 200 && sentMs - signedOutAtMs > DEAD_WITHIN_MS) {
      return ledger.violated(`${visitor.name} is served long after a sign-out`)
    }
    if (status === 401 && dead === 0) ledger.lagged(sentMs - signedOutAtMs)
    if (status === 401) dead += 1
    await pause(dead > 0 ? STAYS_DEAD_EVERY_MS : PROBE_EVERY_MS)
  }
}
