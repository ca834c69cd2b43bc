import t from 'tap'
import { startSentinelRedis, until } from '../support/redis-servers.ts'
import { twoStores } from './redis-bed.ts'
import { createSessions, hearEachOther, untilServing } from './redis-failover.ts'

for (const [fault, harm] of [
  ['killed', 'kill'],
  ['frozen', 'freeze'],
] as const) {
  t.test(`SE-17 a ${fault} master is replaced by its replica; sessions live on`, async (t) => {
    const own = await startSentinelRedis(t)
    const { store, other } = await twoStores(t, own)
    await createSessions(store, ['a', 'b'])
    await own.master.admin.wait(1, 1_000) // until the replica has them
    await own.master[harm]()
    await until(() => !store.watchIsLive())
    await untilServing(t, store, 'a')
    await untilServing(t, other, 'b')
    await hearEachOther(t, 'a', [store, other])
    own.master.thaw()
  })
}
