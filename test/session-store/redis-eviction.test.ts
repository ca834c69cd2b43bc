import t from 'tap'
import { createRedisSessionStore } from '../../src/session-store/redis-session-store.ts'
import { startRedis, until } from '../support/redis-servers.ts'

t.test('a Redis that may evict sessions is told of, once', async (t) => {
  const { server, options } = await startRedis(t)
  await server.admin.config('SET', 'maxmemory', '100mb')
  await server.admin.config('SET', 'maxmemory-policy', 'volatile-lru')
  const policies: string[] = []
  const onEviction = (policy: string): void => void policies.push(policy)
  const store = createRedisSessionStore({ ...options, nowMs: Date.now, onEviction })
  t.teardown(() => store.close())
  await until(() => policies.length > 0)
  await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(() =>
    store.ping().then(
      () => true,
      () => false,
    ),
  )
  t.same(policies, ['volatile-lru'])
})

t.test('one that refuses writes instead, or has no limit, is as it should be', async (t) => {
  const { server, options } = await startRedis(t)
  for (const [limit, policy] of [
    ['100mb', 'noeviction'],
    ['0', 'allkeys-lru'],
  ] as const) {
    await server.admin.config('SET', 'maxmemory', limit)
    await server.admin.config('SET', 'maxmemory-policy', policy)
    const policies: string[] = []
    const onEviction = (found: string): void => void policies.push(found)
    const store = createRedisSessionStore({ ...options, nowMs: Date.now, onEviction })
    await until(() => store.watchIsLive()) // later than the answer to the question
    t.same(policies, [])
    await store.close()
  }
})
