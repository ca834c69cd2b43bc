import { deserialize, serialize } from 'node:v8'
import t from 'tap'
import { packConfig, unpackConfig } from '../../src/commands/worker-order.ts'
import { parse } from '../config/config-bed.ts'
import { EVERY_KEY } from '../config/every-key.ts'

t.test('a worker runs by exactly the configuration of the main process', async (t) => {
  const { config } = parse(EVERY_KEY)
  const arrived: unknown = deserialize(serialize(packConfig(config)))
  t.strictSame(unpackConfig(arrived as ReturnType<typeof packConfig>), config)
})
