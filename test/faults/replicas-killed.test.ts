import t from 'tap'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import { startReplicas } from '../support/faults-replicas.ts'
import { BUSY_MS } from '../support/patience.ts'

const SURVIVED_WITHIN_MS = 20_000 // the lease of the dead holder, 15 s, and a little

t.test('RT-2 RT-4 a replica killed during a refresh: another one goes on', async (t) => {
  const redis = await startDurableRedis(t)
  const replicas = await startReplicas(t, {
    session: { store: 'redis', redis: { url: redis.url } },
  })
  const { a, b, provider, tokenGate } = replicas
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map((name) => replicas.signedIn(name)),
  )
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('no visitor')
  await pause(replicas.accessTokenMs + 100)

  const rotated = tokenGate.holdAfter()
  const lost = bob.get(a.port)
  await rotated.reached
  const unheard = tokenGate.holdBefore()
  const cutOff = alice.get(a.port)
  await unheard.reached
  const killed = once(a.child, 'close')
  a.child.kill('SIGKILL')
  await Promise.all([killed, t.rejects(lost), t.rejects(cutOff)])
  rotated.letGo()
  unheard.letGo()

  t.equal((await carol.get(b.port)).status, 200, 'who was not concerned notices nothing')
  const [forAlice, forBob] = await Promise.all([alice.get(b.port), bob.get(b.port)])
  t.match(forAlice, { status: 200, echo: { subject: 'alice' } }, 'the provider knew nothing of it')
  t.comment(`served ${Math.round(forAlice.tookMs)} ms after the kill`)
  t.ok(forAlice.tookMs < SURVIVED_WITHIN_MS + BUSY_MS)
  t.equal(replicas.refreshesOf('alice'), 1)
  // His new refresh token died with the process: no gateway can know it, and the old one is spent.
  t.match(forBob, { status: 401, reason: 'refresh_rejected' }, 'ends cleanly, with a reason')
  t.match(await bob.get(b.port), { status: 401 })
  t.ok(provider.tokenCalls('refresh_token') <= 5, 'no loop')
})
