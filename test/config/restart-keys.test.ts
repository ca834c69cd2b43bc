import t from 'tap'
import { isSameConfig, keysThatNeedRestart } from '../../src/config/restart-keys.ts'
import { parse } from './config-bed.ts'
import { EVERY_KEY } from './every-key.ts'

t.test('a configuration that is read twice is the same', async (t) => {
  const [one, other] = [parse(EVERY_KEY).config, parse(EVERY_KEY).config]
  t.ok(isSameConfig(one, other))
  t.notOk(isSameConfig(one, { ...other, publicUrl: new URL('https://other.example') }))
  t.same(keysThatNeedRestart(one, other), [])
})

t.test(
  'AT-38 everything a process is built on needs a restart, by its name in the file',
  async (t) => {
    const { config } = parse(EVERY_KEY)
    const { session, listen } = config
    const changed = {
      ...config,
      publicUrl: new URL('https://other.example'),
      listen: { ...listen, port: 1, trustedProxies: ['10.0.0.0/8'] },
      session: { ...session, secrets: [new Uint8Array(32)], lifetimeMs: 1, claims: ['other'] },
      logging: { level: 'error' },
      workers: config.workers + 1,
      routes: [],
    } as const
    t.same(keysThatNeedRestart(config, changed), [
      'publicUrl',
      'listen.port',
      'session.secrets',
      'session.lifetime',
      'workers',
      'logging.level',
    ])
  },
)
