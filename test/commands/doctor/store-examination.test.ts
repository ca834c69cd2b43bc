import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { examineDirectory } from '../../../src/commands/doctor/directory-examination.ts'
import type { Finding } from '../../../src/commands/doctor/finding.ts'
import { fileFailure } from '../../../src/commands/doctor/store-failure.ts'
import { GatewayError } from '../../../src/domain/gateway-error.ts'
import { scriptedPlan, SECRET, tells } from '../../support/doctored.ts'
import { freePort, startGateway, type GatewayPlan } from '../../support/gateway.ts'
import { startRedis, startSecuredRedis } from '../../support/redis-servers.ts'

t.test('what is wrong with Redis is said, and what to do', async (t) => {
  const down = await freePort()
  const secured = await startSecuredRedis(t)
  const plain = await startRedis(t)
  await secured.server.admin.acl(
    'SETUSER',
    'poor',
    'on',
    '>poor-password',
    '~bearergate:*',
    '+info',
    '+select',
    '+set',
  )
  await plain.server.admin.config('SET', 'maxmemory', '100mb')
  await plain.server.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const [{ host, port }] = [secured.server.address]
  const authority = join(t.testdir({ 'ca.pem': secured.certificateAuthority }), 'ca.pem')
  const tls = { certificateAuthority: authority }
  const url = `rediss://${host}:${port}`
  const password = secured.options.password ?? ''
  const setups: [string, GatewayPlan, RegExp[]][] = [
    [
      'down',
      { url: `redis://127.0.0.1:${down}` },
      [/FAIL  the connection is refused[^\n]*\n +-> .*session\.redis/],
    ],
    [
      'wrong password',
      { url, tls, username: 'bearergate', password: 'wrong-secret' },
      [/FAIL  Redis refuses: WRONGPASS[^\n]*\n +-> correct session\.redis\.username/],
    ],
    [
      'no password',
      { url, tls },
      [/FAIL  Redis refuses: NOAUTH[^\n]*\n +-> .*give session\.redis\.password/],
    ],
    [
      'too few rights',
      { url, tls, username: 'poor', password: 'poor-password' },
      [/FAIL  Redis refuses: NOPERM[^\n]*\n +-> .*docs\/sessions\.md/],
    ],
    [
      'unknown authority',
      { url, username: 'bearergate', password },
      [
        /FAIL  the certificate comes from an authority[^\n]*\n +-> .*session\.redis\.tls\.certificateAuthority/,
      ],
    ],
    [
      'TLS spoken to without',
      { url: `redis://${host}:${port}`, username: 'bearergate', password },
      [/FAIL  [^\n]*\n +-> /],
    ],
    [
      'evicts',
      { url: plain.server.url },
      [
        /ok    a record was written/,
        /warn  Redis may evict sessions[^\n]*allkeys-lru[^\n]*\n +-> set maxmemory-policy noeviction/,
      ],
    ],
    [
      'all well, as its own user over TLS',
      { url, tls, username: 'bearergate', password },
      [/ok    a record was written/, /ok    changes made by/, /ok    Redis \d/],
    ],
  ]
  for (const [name, redis, lines] of setups)
    await t.test(name, async (t) => {
      const { plan, secrets } = await scriptedPlan(t)
      await tells(t, { ...plan, session: { store: 'redis', redis } }, lines, [
        ...secrets,
        'wrong-secret',
        'poor-password',
        password,
      ])
    })
})

t.test('the session file: tried where there is one, and never made', async (t) => {
  const { plan, secrets } = await scriptedPlan(t)
  const folder = t.testdir({ empty: {}, foreign: { 'a.txt': '' }, file: 'x' })
  const at = (name: string) => ({
    ...plan,
    session: {
      secrets: [SECRET],
      store: 'file',
      file: { path: join(folder, name), maxSize: '16MiB' },
    },
  })
  await tells(
    t,
    at('missing/sessions'),
    [/skip  \S+ is not there yet/, /ok    \d+ MiB are free/],
    secrets,
  )
  await tells(t, at('empty'), [/skip  \S+ holds no sessions yet/], secrets)
  await tells(t, at('foreign'), [/FAIL  .*holds "a.txt"/], secrets)
  await tells(t, at('file'), [/FAIL  .*not a directory/], secrets)
  t.strictSame((await readdir(folder)).sort(), ['empty', 'file', 'foreign'])
  t.strictSame(await readdir(join(folder, 'empty')), [])
  const gateway = await startGateway(t, {
    ...at('used'),
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:9' }],
  })
  await tells(t, at('used'), [/ok    a record was written/, /ok    changes made by/], secrets)
  t.equal((await gateway.ask('/readyz')).status, 200, 'a gateway that uses it goes on')
  const told: Finding[] = []
  examineDirectory(
    { path: folder, maxBytes: Number.MAX_SAFE_INTEGER },
    (one) => void told.push(one),
  )
  t.match(told, [{ status: 'warn', check: 'disk', advice: /make room/ }])
})

t.test('a session file that cannot be written is told in its own words', (t) => {
  const full = new GatewayError('store_unavailable', 'the session file is full (1 sessions)')
  t.match(fileFailure(full), { found: /is full/, advice: /raise the limits/ })
  const cause = Object.assign(new Error('write failed'), { code: 'ENOSPC' })
  const failed = new GatewayError('store_unavailable', 'not written', { cause })
  t.match(fileFailure(failed), { found: /the disk is full/ })
  t.end()
})
