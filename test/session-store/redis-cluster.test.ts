import t from 'tap'
import { startRedisCluster } from '../support/redis-servers.ts'
import { emptied, twoStores } from './redis-bed.ts'
import { createSessions } from './redis-failover.ts'
import { sessionStoreContract } from './session-store-contract.ts'

const bed = await startRedisCluster(t)

sessionStoreContract(t, async (t) => {
  await emptied(bed)
  return twoStores(t, bed)
})

t.test('keys of all slots are served', async (t) => {
  const { store, other } = await twoStores(t, bed)
  const keys = Array.from({ length: 50 }, (_, nth) => `key ${nth}`)
  await createSessions(store, keys)
  for (const key of keys) t.match(await other.read(key), { version: 1 })
  t.same([...(await other.endByIndex('sub', 'session_revoked'))].sort(), [...keys].sort())
})
