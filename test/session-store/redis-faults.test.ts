import t, { type Test } from 'tap'
import { setTimeout as pause } from 'node:timers/promises'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { NewStoredSession, SessionStore } from '../../src/domain/session-store.ts'
import { createRedisSessionStore } from '../../src/session-store/redis-session-store.ts'
import { freePort } from '../support/gateway.ts'
import { startRedis, until } from '../support/redis-servers.ts'
import { openStore } from './redis-bed.ts'
import { BUSY_MS } from '../support/patience.ts'

const WITHIN_MS = 1_000

function session(key: string): NewStoredSession {
  const endsAtMs = Date.now() + 60_000
  return {
    key,
    sealed: Buffer.from('sealed'),
    idleEndsAtMs: endsAtMs,
    endsAtMs,
    indexKeys: ['sub'],
  }
}

/** Everything a request may ask of a store. */
const CALLS: Readonly<Record<string, (store: SessionStore) => Promise<unknown>>> = {
  create: (store) => store.create(session('new')),
  read: (store) => store.read('a'),
  compareAndSet: (store) => store.compareAndSet('a', 1, Buffer.from('x')),
  touch: (store) => store.touch('a', Date.now() + 50_000),
  end: (store) => store.end('other', 'session_revoked'),
  endByIndex: (store) => store.endByIndex('none', 'session_revoked'),
  list: (store) => store.list({ limit: 10 }),
  consumeOnce: (store) => store.consumeOnce('once', 1_000),
  remember: (store) => store.remember('key', 'note', 1_000),
  recall: (store) => store.recall('key'),
  lock: (store) => store.lock('a', 'owner', 1_000),
  renewLock: (store) => store.renewLock('a', 'owner', 1_000),
  unlock: (store) => store.unlock('a', 'nobody'),
  waitForUnlock: (store) => store.waitForUnlock('b', 60_000),
  ping: (store) => store.ping(),
}

async function eachIsRefused(t: Test, store: SessionStore): Promise<number> {
  const took = await Promise.all(
    Object.entries(CALLS).map(async ([name, call]) => {
      const startedAtMs = performance.now()
      const error: unknown = await call(store).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      t.ok(error instanceof GatewayError && error.reason === 'store_unavailable', name)
      return performance.now() - startedAtMs
    }),
  )
  return Math.max(...took)
}

async function servesAgain(store: SessionStore): Promise<void> {
  await until(() =>
    store.ping().then(
      () => true,
      () => false,
    ),
  )
  await until(() => store.watchIsLive())
}

t.test('SE-17 R1 a killed Redis fails every call at once, and is found again', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  await store.create(session('a'))
  await server.kill()
  await until(() => !store.watchIsLive())
  const tookMs = await eachIsRefused(t, store)
  t.comment(`the slowest call failed after ${tookMs.toFixed(0)} ms`)
  t.ok(tookMs < WITHIN_MS + BUSY_MS)
  await server.restart()
  await servesAgain(store)
  t.equal(await store.read('a'), undefined, 'this server keeps nothing')
  await store.create(session('a'))
  t.match(await store.read('a'), { version: 1 })
})

t.test('SE-17 R1 a frozen Redis fails every call within a second; sessions survive', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  await store.create(session('a'))
  for (const round of [1, 2]) {
    server.freeze()
    const tookMs = await eachIsRefused(t, store)
    t.comment(`round ${round}: the slowest call failed after ${tookMs.toFixed(0)} ms`)
    t.ok(tookMs < WITHIN_MS + BUSY_MS)
    await pause(2_500) // long enough for the client to give the connection up
    t.ok((await eachIsRefused(t, store)) < WITHIN_MS + BUSY_MS)
    server.thaw()
    await servesAgain(store)
    t.match(
      await store.read('a'),
      { version: 2 },
      'alive; what was sent while frozen happened later',
    )
  }
})

t.test('SE-17 a connection that breaks is made again before anybody is refused', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  await store.create(session('a'))
  for (let round = 0; round < 3; round++) {
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const untilMs = performance.now() + 300
    while (performance.now() < untilMs) {
      t.match(await store.read('a'), { version: 1 })
      await pause(5)
    }
  }
})

t.test('SE-17 a store opened before Redis is there serves as soon as it is', async (t) => {
  const { server, options } = await startRedis(t)
  await server.kill()
  const troubles: unknown[] = []
  const store = createRedisSessionStore({
    ...options,
    nowMs: Date.now,
    onTrouble: (cause) => troubles.push(cause),
  })
  t.teardown(() => store.close())
  t.ok((await eachIsRefused(t, store)) < WITHIN_MS + BUSY_MS)
  t.equal(store.watchIsLive(), false)
  t.match(troubles, [{ code: 'ECONNREFUSED' }])
  const refused: unknown = await store.read('a').catch((cause: unknown) => cause)
  t.match(refused, { cause: { cause: { code: 'ECONNREFUSED' } } }, 'the log says why')
  await server.restart()
  await servesAgain(store)
  await store.create(session('a'))
  t.match(await store.read('a'), { version: 1 })
})

t.test('a first call right after the start waits for the connection', async (t) => {
  const { options } = await startRedis(t)
  const store = createRedisSessionStore({ ...options, nowMs: Date.now })
  t.teardown(() => store.close())
  t.equal(await store.consumeOnce('tx', 1_000), true)
})

t.test('SE-17 where nobody listens, every call fails within a second', async (t) => {
  const { options } = await startRedis(t)
  const nobody = { host: '127.0.0.1', port: await freePort() }
  for (const servers of [
    { kind: 'single', server: nobody },
    { kind: 'sentinel', sentinels: [nobody], groupName: 'sessions' },
    { kind: 'cluster', nodes: [nobody] },
  ] as const) {
    const troubles: unknown[] = []
    const onTrouble = (cause: unknown): void => void troubles.push(cause)
    const store = createRedisSessionStore({ ...options, servers, nowMs: Date.now, onTrouble })
    t.ok((await eachIsRefused(t, store)) < WITHIN_MS + BUSY_MS)
    t.equal(store.watchIsLive(), false)
    t.ok(troubles.length > 0)
    await store.close()
  }
})

t.test('SE-7 a frozen Redis is noticed within two seconds: nothing held is trusted', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  const heard: string[] = []
  store.watch(({ kind }) => void heard.push(`${kind} ${store.watchIsLive()}`))
  server.freeze()
  const frozenAtMs = performance.now()
  await until(() => !store.watchIsLive())
  const noticedMs = performance.now() - frozenAtMs
  t.comment(`noticed after ${noticedMs.toFixed(0)} ms`)
  t.ok(noticedMs < 2_000 + BUSY_MS)
  server.thaw()
  await servesAgain(store)
  t.equal(heard.at(-1), 'missed false', 'told before the channel is trusted again')
})

t.test('SE-7 a subscription that is cut is noticed at once, and replaced', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  const heard: string[] = []
  const missed = new Promise<void>((resolve) => {
    store.watch(({ kind }) => {
      heard.push(kind)
      resolve()
    })
  })
  await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await missed
  t.equal(store.watchIsLive(), false)
  await server.admin.call('SCRIPT', 'FLUSH')
  await until(() => store.watchIsLive())
  t.same(heard, ['missed', 'missed'], 'at the cut, and before it is trusted again')
  await store.create(session('a'))
  await store.end('a', 'session_revoked')
  await until(() => heard.includes('ended'))
})

t.test(
  'RT-2 a waiter is woken by the release, and looks for himself while nobody would tell',
  async (t) => {
    const { server, options } = await startRedis(t)
    const servers = [server]
    const [store, other] = [
      await openStore(t, { options, servers }),
      await openStore(t, { options, servers }),
    ]
    await store.lock('a', 'owner', 60_000)
    const before = await commandsSoFar(server.admin)
    const waiting = other.waitForUnlock('a', 60_000)
    await pause(1_000)
    const asked = (await commandsSoFar(server.admin)) - before
    await store.unlock('a', 'owner')
    const releasedAtMs = performance.now()
    await waiting
    t.ok(performance.now() - releasedAtMs < 100 + BUSY_MS)
    t.ok(asked <= 3, `no polling: ${asked} looks in a second`)
    await store.lock('a', 'owner', 60_000)
    const cutOff = other.waitForUnlock('a', 60_000)
    await until(async () => (await commandsSoFar(server.admin)) - before > asked)
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await cutOff
    t.pass('he looks again when the channel is gone')
  },
)

t.test('RT-2 a lock taken unheard, by a Redis that was frozen, is given back', async (t) => {
  const { server, options } = await startRedis(t)
  const store = await openStore(t, { options, servers: [server] })
  server.freeze()
  await t.rejects(store.lock('a', 'unheard', 60_000))
  server.thaw()
  const startedAtMs = performance.now()
  await until(() => store.lock('a', 'next', 60_000).catch(() => false))
  t.ok(performance.now() - startedAtMs < 5_000, 'long before the lease is over')
})

/** How often somebody asked for the rest of a lease. */
async function commandsSoFar(admin: { info(section: string): Promise<string> }): Promise<number> {
  const stats = await admin.info('commandstats')
  return Number(/cmdstat_pttl:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}
