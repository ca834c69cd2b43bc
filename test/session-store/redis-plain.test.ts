import t from 'tap'
import { startRedis } from '../support/redis-servers.ts'
import { emptied, twoStores } from './redis-bed.ts'
import { sessionStoreContract } from './session-store-contract.ts'

const bed = await startRedis(t)

sessionStoreContract(t, async (t) => {
  await emptied(bed)
  return twoStores(t, bed)
})
