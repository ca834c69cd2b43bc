import t, { type Test } from 'tap'
import { setTimeout as pause } from 'node:timers/promises'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import { startReplicas, type Replica, type Replicas } from '../support/faults-replicas.ts'
import type { Answer, Visitor } from '../support/faults-visitor.ts'
import { startRedis, until } from '../support/redis-servers.ts'
import { BUSY_MS } from '../support/patience.ts'

const WITHIN_MS = 1_000
const LONGER_THAN_A_LEASE_MS = 16_000
const OUTAGE_MS = 4_000 // longer than a token lives, and than clients take to give a connection up

/** @param slackMs what this machine takes for as many answers that need no store */
function refused(t: Test, { status, reason, headers, tookMs }: Answer, slackMs: number): void {
  t.match({ status, reason }, { status: 503, reason: 'store_unavailable' })
  t.ok(headers['retry-after'], 'ER-14')
  t.notOk(headers['set-cookie'])
  t.ok(tookMs < WITHIN_MS + slackMs, `within a second: ${Math.round(tookMs)} ms`)
}

/** Both replicas, while the store does not answer: told so at once, public routes as ever. */
async function duringOutage(t: Test, replicas: Replicas, visitor: Visitor): Promise<void> {
  const both = [replicas.a, replicas.b]
  await Promise.all(both.map((replica) => untilNoticed(replica, visitor)))
  for (const { port } of both) {
    const burst = (path: string) =>
      Promise.all(Array.from({ length: 20 }, () => visitor.get(port, { path })))
    const [protectedOnes, publicOnes] = await Promise.all([burst('/api/x'), burst('/open/x')])
    const slackMs = Math.max(...publicOnes.map(({ tookMs }) => tookMs))
    for (const answer of protectedOnes) refused(t, answer, slackMs)
    for (const { status } of publicOnes) t.equal(status, 200, 'public routes are served')
  }
}

/** What is held locally may be used until the channel is missed, for 1.5 s. */
async function untilNoticed({ port }: Replica, visitor: Visitor): Promise<void> {
  await until(async () => (await visitor.get(port)).status === 503, 5_000)
}

async function servesAgain(t: Test, { port }: Replica, visitor: Visitor): Promise<void> {
  await until(async () => (await visitor.get(port)).status !== 503)
  t.match(await visitor.get(port), { status: 200, echo: { subject: visitor.name } })
}

t.test('SE-17 a frozen Redis: 503 within a second, and every session lives on', async (t) => {
  const redis = await startDurableRedis(t)
  const replicas = await startReplicas(t, {
    session: { store: 'redis', redis: { url: redis.url } },
  })
  const { a, b, provider } = replicas
  const [alice, bob] = [await replicas.signedIn('alice'), await replicas.signedIn('bob')]
  for (const round of [1, 2]) {
    redis.freeze()
    await duringOutage(t, replicas, alice)
    await pause(round === 1 ? 0 : OUTAGE_MS)
    await duringOutage(t, replicas, bob)
    redis.thaw()
    for (const replica of [a, b]) {
      await servesAgain(t, replica, alice)
      await servesAgain(t, replica, bob)
    }
  }
  t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
})

t.test(
  'SE-17 Redis freezes while a slow provider is waited for: 503 within a second',
  async (t) => {
    const redis = await startDurableRedis(t)
    const replicas = await startReplicas(t, {
      session: { store: 'redis', redis: { url: redis.url } },
    })
    const { a, b, provider, tokenGate } = replicas
    const alice = await replicas.signedIn('alice')
    await pause(replicas.accessTokenMs + 100)
    const held = tokenGate.holdAfter()
    const refreshing = alice.get(a.port)
    await held.reached
    const waiting = [refreshing, alice.get(a.port), alice.get(b.port)]
    await pause(500) // all of them are where they wait
    redis.freeze()
    const frozenAtMs = performance.now()
    for (const { status, reason, headers } of await Promise.all(waiting)) {
      t.match({ status, reason }, { status: 503, reason: 'store_unavailable' })
      t.ok(headers['retry-after'])
    }
    const tookMs = performance.now() - frozenAtMs
    t.ok(tookMs < WITHIN_MS + BUSY_MS, `within a second: ${Math.round(tookMs)} ms`)
    redis.thaw()
    held.letGo()
    for (const replica of [a, b]) await servesAgain(t, replica, alice)
    t.equal(replicas.refreshesOf('alice'), 1, 'what was granted was kept, and written')
    t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
  },
)

t.test('SE-17 a Redis that was killed and comes back with its data signs nobody out', async (t) => {
  const redis = await startDurableRedis(t)
  const replicas = await startReplicas(t, {
    session: { store: 'redis', redis: { url: redis.url } },
  })
  const { a, b, provider } = replicas
  const alice = await replicas.signedIn('alice')
  await redis.kill()
  await duringOutage(t, replicas, alice)
  await pause(OUTAGE_MS)
  await redis.restart()
  for (const replica of [a, b]) await servesAgain(t, replica, alice)
  t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
})

for (const [what, awayMs] of [
  ['is back soon', OUTAGE_MS],
  ['was away for longer than a lease', LONGER_THAN_A_LEASE_MS],
] as const) {
  t.test(
    `RT-3 tokens that were refreshed while Redis died are written when it ${what}`,
    async (t) => {
      const redis = await startDurableRedis(t)
      const replicas = await startReplicas(t, {
        session: { store: 'redis', redis: { url: redis.url } },
      })
      const { a, b, provider, tokenGate } = replicas
      const alice = await replicas.signedIn('alice')
      await pause(replicas.accessTokenMs + 100)
      const held = tokenGate.holdAfter()
      const waiting = alice.get(a.port)
      await held.reached
      await redis.kill()
      held.letGo()
      const { status } = await waiting // 200, unless the machine was so slow that Redis was missed first
      t.ok(status === 200 || status === 503, `${status}`)
      await pause(awayMs)
      await redis.restart()
      await until(async () => (await alice.get(b.port)).status !== 503)
      for (const { port } of [b, a]) t.equal((await alice.get(port)).status, 200)
      t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
    },
  )
}

t.test('SE-17 a Redis that comes back empty: everybody signs in again', async (t) => {
  const { server } = await startRedis(t)
  const replicas = await startReplicas(t, {
    session: { store: 'redis', redis: { url: server.url } },
  })
  const alice = await replicas.signedIn('alice')
  await server.kill()
  await duringOutage(t, replicas, alice)
  await server.restart()
  for (const { port } of [replicas.a, replicas.b]) {
    await until(async () => (await alice.get(port)).status !== 503)
    const answer = await alice.get(port)
    t.match(answer, { status: 401, reason: 'no_session' })
  }
  const again = await replicas.signedIn('alice')
  t.equal((await again.get(replicas.b.port)).status, 200, 'and can')
})
