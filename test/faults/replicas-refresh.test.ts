import t, { type Test } from 'tap'
import { setTimeout as pause } from 'node:timers/promises'
import type { Answer, Visitor } from '../support/faults-visitor.ts'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import { startReplicas, type Replicas } from '../support/faults-replicas.ts'
import { isOneRefresh } from '../support/patience.ts'

const PARALLEL = 200
const SLOW_MS = 8_000 // the gateway gives a provider 10 s

async function start(t: Test): Promise<Replicas> {
  const redis = await startDurableRedis(t)
  return startReplicas(t, { session: { store: 'redis', redis: { url: redis.url } } })
}

/** `PARALLEL` requests of one visitor, every other one through the other replica. */
function burst({ a, b }: Replicas, visitor: Visitor): Promise<Answer[]> {
  const ports = [a.port, b.port]
  const requests = Array.from({ length: PARALLEL }, (_, at) => visitor.get(ports[at % 2] as number))
  return Promise.all(requests)
}

function allServed(t: Test, answers: readonly Answer[], name: string): void {
  t.same(
    countBy(answers, ({ status }) => status),
    { 200: answers.length },
    'no failure',
  )
  t.ok(
    answers.every(({ echo }) => echo?.subject === name),
    'with a token of the right user',
  )
}

function nobodyIsSignedOut(t: Test, { provider, a, b }: Replicas): void {
  t.notOk(
    provider.events.some(({ type }) => type === 'grant.revoked'),
    'no reuse was seen',
  )
  for (const replica of [a, b]) t.notMatch(replica.logText(), '"event":"session_ended"')
}

function countBy<Item>(items: readonly Item[], of: (item: Item) => number): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const item of items) counts[of(item)] = (counts[of(item)] ?? 0) + 1
  return counts
}

t.test('RT-2 AT-19 200 requests over two replicas at expiry cost one refresh', async (t) => {
  const replicas = await start(t)
  const alice = await replicas.signedIn('alice')
  for (const round of [1, 2, 3]) {
    await pause(replicas.accessTokenMs + 100)
    const [before, startedAtMs] = [replicas.refreshesOf('alice'), performance.now()]
    const answers = await burst(replicas, alice)
    const tookMs = performance.now() - startedAtMs
    allServed(t, answers, 'alice')
    const refreshes = replicas.refreshesOf('alice') - before
    t.ok(isOneRefresh(refreshes, tookMs, replicas.accessTokenMs), `round ${round}: ${refreshes}`)
  }
  nobodyIsSignedOut(t, replicas)
})

t.test('RT-2 AT-19 the same while the provider takes 8 seconds', async (t) => {
  const replicas = await start(t)
  const alice = await replicas.signedIn('alice')
  await pause(replicas.accessTokenMs + 100)
  replicas.tokenGate.slowDown(SLOW_MS)
  const answers = await burst(replicas, alice)
  allServed(t, answers, 'alice')
  t.equal(replicas.refreshesOf('alice'), 1)
  t.ok(
    answers.every(({ tookMs }) => tookMs > SLOW_MS / 2),
    'all waited for it',
  )
  nobodyIsSignedOut(t, replicas)
})

t.test('RT-15 a browser that leaves during a refresh loses nothing', async (t) => {
  const replicas = await start(t)
  const { a, b, tokenGate } = replicas
  const alice = await replicas.signedIn('alice')
  for (const hold of [tokenGate.holdBefore, tokenGate.holdAfter]) {
    await pause(replicas.accessTokenMs + 100)
    const before = replicas.refreshesOf('alice')
    const held = hold()
    const leaving = new AbortController()
    const left = alice.get(a.port, { signal: leaving.signal })
    await held.reached
    leaving.abort()
    await t.rejects(left)
    held.letGo()
    const next = await Promise.all([alice.get(b.port), alice.get(a.port)])
    allServed(t, next, 'alice')
    t.equal(replicas.refreshesOf('alice'), before + 1)
  }
  nobodyIsSignedOut(t, replicas)
})

t.test('RT-14 AT-20 a session that is signed out during its refresh stays dead', async (t) => {
  const replicas = await start(t)
  const { a, b, tokenGate } = replicas
  for (const [name, hold, at] of [
    ['alice', tokenGate.holdBefore, a],
    ['bob', tokenGate.holdAfter, a],
    ['carol', tokenGate.holdBefore, b],
    ['dave', tokenGate.holdAfter, b],
  ] as const) {
    const visitor = await replicas.signedIn(name)
    await pause(replicas.accessTokenMs + 100)
    const held = hold()
    const waiting = visitor.get(a.port)
    await held.reached
    t.equal((await visitor.signOut(at.port)).status, 303)
    held.letGo()
    t.equal((await waiting).status, 401, `${name}: who waited for the token is told`)
    const after = [await visitor.get(a.port), await visitor.get(b.port)]
    t.same(
      countBy(after, ({ status }) => status),
      { 401: 2 },
      `${name}: dead on both replicas`,
    )
  }
})
