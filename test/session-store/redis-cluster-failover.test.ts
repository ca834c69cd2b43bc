import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { startRedisCluster, type RedisServer } from '../support/redis-servers.ts'
import { twoStores } from './redis-bed.ts'
import { createSessions, hearEachOther, untilServing } from './redis-failover.ts'

for (const [fault, harm] of [
  ['killed', 'kill'],
  ['frozen', 'freeze'],
] as const) {
  t.test(`SE-17 a ${fault} master is replaced by its replica; sessions live on`, async (t) => {
    const own = await startRedisCluster(t)
    const { store, other } = await twoStores(t, own)
    const [first] = own.servers as [RedisServer] // a master, as all that come first
    const key = await keyIn(first)
    await createSessions(store, [key])
    await first.admin.wait(1, 1_000) // until its replica has it
    await first[harm]()
    await t.rejects(store.read(key), GatewayError)
    await untilServing(t, store, key)
    await untilServing(t, other, key)
    await hearEachOther(t, key, [store, other])
    first.thaw()
  })
}

/** A session key that lives in the first third of the slots, which the first master has. */
async function keyIn({ admin }: RedisServer): Promise<string> {
  for (let nth = 0; ; nth++) {
    if ((await admin.cluster('KEYSLOT', `{k${nth}}`)) < 5_000) return `k${nth}`
  }
}
