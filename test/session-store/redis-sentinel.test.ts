import t from 'tap'
import { startSentinelRedis } from '../support/redis-servers.ts'
import { emptied, twoStores } from './redis-bed.ts'
import { sessionStoreContract } from './session-store-contract.ts'

const bed = await startSentinelRedis(t)

sessionStoreContract(t, async (t) => {
  await emptied(bed)
  return twoStores(t, bed)
})
