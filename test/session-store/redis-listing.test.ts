import t from 'tap'
import type { NewStoredSession } from '../../src/domain/session-store.ts'
import { startRedis } from '../support/redis-servers.ts'
import { openStore } from './redis-bed.ts'

function session(key: string): NewStoredSession {
  const endsAtMs = Date.now() + 60_000
  return { key, sealed: new Uint8Array(8), idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] }
}

t.test('RL-9 a list clears the index of sessions that are over, and of no others', async (t) => {
  const bed = await startRedis(t)
  const store = await openStore(t, bed)
  for (const key of ['a', 'b', 'c']) await store.create(session(key))
  await store.end('a', 'session_revoked')
  await store.end('b', 'session_superseded')
  await bed.server.admin.zadd('bearergate:index:sub', Date.now() + 60_000, 'about to be stored')
  t.match(await store.list({ indexKey: 'sub', limit: 100 }), { sessions: [{ key: 'c' }] })
  const filed = await bed.server.admin.zrange('bearergate:index:sub', '0', '-1')
  t.same(filed.sort(), ['about to be stored', 'c'])
  t.same(await store.read('b'), { ended: 'session_superseded' }, 'and why it ended is still known')
})
