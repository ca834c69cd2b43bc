import t from 'tap'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import { startReplicas } from '../support/faults-replicas.ts'

const ROUNDS = 100
const STALE_MS = 1_500 // the promise; on a quiet machine it is some milliseconds, as the comment tells
const AT_ONCE = 4

t.test('SE-7 after a logout on one replica the session is dead on the other', async (t) => {
  const redis = await startDurableRedis(t)
  const replicas = await startReplicas(t, {
    session: { store: 'redis', redis: { url: redis.url } },
    accessTokenSeconds: 600,
  })
  const { a, b } = replicas
  const lagsMs: number[] = []
  for (let round = 0; round < ROUNDS; round += AT_ONCE) {
    const names = Array.from({ length: AT_ONCE }, (_, at) => `user-${round + at}`)
    const visitors = await Promise.all(names.map((name) => replicas.signedIn(name)))
    for (const visitor of visitors) {
      t.equal((await visitor.get(b.port)).status, 200, 'known to the other replica')
      await visitor.signOut(a.port)
      const signedOutAtMs = performance.now()
      let served = 0
      while ((await visitor.get(b.port)).status === 200) served += 1
      lagsMs.push(served === 0 ? 0 : performance.now() - signedOutAtMs)
    }
  }
  lagsMs.sort((one, other) => one - other)
  const at = (share: number) => (lagsMs[Math.ceil(lagsMs.length * share) - 1] as number).toFixed(1)
  t.comment(`served on for: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`)
  t.ok(Number(at(0.99)) < STALE_MS)
})
