import t from 'tap'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import { startReplicas } from '../support/faults-replicas.ts'

const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`
const skip = existsSync(FAKETIME) ? false : 'no faketime here: npm run test:setup'
const REQUESTS = 40

for (const offset of ['+90', '-90']) {
  t.test(
    `AT-42 a replica whose clock is off by ${offset} s signs nobody out`,
    { skip },
    async (t) => {
      const redis = await startDurableRedis(t)
      const replicas = await startReplicas(t, {
        session: { store: 'redis', redis: { url: redis.url } },
        envOfB: { LD_PRELOAD: FAKETIME, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' },
      })
      const { a, b, provider } = replicas
      const alice = await replicas.signedIn('alice')
      const statuses = new Set<number>()
      for (const round of [1, 2, 3]) {
        await pause(replicas.accessTokenMs + 100)
        const ports = Array.from(
          { length: REQUESTS },
          (_, at) => [a.port, b.port][at % 2] as number,
        )
        const answers = await Promise.all(ports.map((port) => alice.get(port)))
        for (const { status, echo } of answers) {
          statuses.add(status)
          t.equal(echo?.subject, 'alice')
        }
        t.comment(`round ${round}: ${replicas.refreshesOf('alice')} refreshes so far`)
        // Each clock may find the other's token expired: one refresh for each of them, not for each call.
        t.ok(replicas.refreshesOf('alice') <= 4 * round)
      }
      t.same([...statuses], [200])
      t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
    },
  )
}
