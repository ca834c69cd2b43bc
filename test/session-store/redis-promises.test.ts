import t from 'tap'
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { SessionRecord, Ticket } from '../../src/domain/session-record.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { createRedisSessionStore } from '../../src/session-store/redis-session-store.ts'
import { vault } from '../../src/session-store/vault.ts'
import { startRedis, startSecuredRedis, until } from '../support/redis-servers.ts'
import { openStore } from './redis-bed.ts'

const MINUTE_MS = 60_000
const IDLE_MS = 30 * MINUTE_MS
const LIFE_MS = 12 * 60 * MINUTE_MS
const NAMED_MS = 15 * MINUTE_MS // how long the reason of an end is remembered

const CANARY = 'eyJhbGciOiJub25lIn0.canary.token'

function newTicket(): Ticket {
  return { id: randomBytes(32).toString('base64url'), key: randomBytes(32).toString('base64url') }
}

function record(subject: string): SessionRecord {
  return {
    formatVersion: 1,
    issuer: 'https://op.example',
    subject,
    sid: 'sid-1',
    claims: { sub: subject, name: 'Alice' },
    createdAtMs: Date.now(),
    endsAtMs: Date.now() + LIFE_MS,
    refreshToken: CANARY,
    idToken: CANARY,
    accessTokens: [{ target: '', value: CANARY, obtainedAtMs: 1, expiresAtMs: 2 }],
  }
}

/** A session as the engine stores it. */
async function signIn(store: SessionStore, subject = 'alice'): Promise<Ticket> {
  const ticket = newTicket()
  const { issuer, endsAtMs } = record(subject)
  await store.create({
    key: vault.storeKey(ticket.id),
    sealed: vault.seal(ticket, 1, record(subject)),
    idleEndsAtMs: Date.now() + IDLE_MS,
    endsAtMs,
    indexKeys: [vault.indexKey('sub', issuer, subject), vault.indexKey('sid', issuer, 'sid-1')],
  })
  return ticket
}

/** A session in every state, and all else a store is asked to keep. */
async function useEverything(store: SessionStore): Promise<Ticket[]> {
  const tickets = [await signIn(store), await signIn(store), await signIn(store, 'bob')]
  const [used = '', refreshed = '', ended = ''] = tickets.map(({ id }) => vault.storeKey(id))
  await store.touch(used, Date.now() + 2 * LIFE_MS)
  const sealed = vault.seal(tickets[1] as Ticket, 2, record('alice'))
  await store.compareAndSet(refreshed, 1, sealed)
  await store.end(ended, 'refresh_rejected')
  await store.consumeOnce(vault.transactionKey('state-1'), MINUTE_MS)
  await store.remember(vault.transactionKey('state-2'), 'note', MINUTE_MS)
  await store.lock(used, 'owner', MINUTE_MS)
  await store.endByIndex(vault.indexKey('sub', 'https://op.example', 'nobody'), 'session_revoked')
  await store.ping()
  return tickets
}

async function allKeys(admin: Redis): Promise<string[]> {
  const names: string[] = []
  let cursor = '0'
  do {
    const [next, found] = await admin.scan(cursor, 'COUNT', 1_000)
    names.push(...found)
    cursor = next
  } while (cursor !== '0')
  return names
}

/** Everything of the store that a thief would find, names included. */
async function dump(admin: Redis): Promise<string> {
  const names = await allKeys(admin)
  const values = await Promise.all(names.map((name) => admin.dumpBuffer(name)))
  const plain = await Promise.all(
    names.map(async (name) =>
      (await admin.type(name)) === 'zset'
        ? (await admin.zrange(name, '0', '-1', 'WITHSCORES')).join(' ')
        : ((await admin.getBuffer(name))?.toString('latin1') ?? ''),
    ),
  )
  return [...names, ...plain, ...values.map((value) => value?.toString('latin1'))].join('\n')
}

t.test('every key has a time to live, no longer than the session', async (t) => {
  const bed = await startRedis(t)
  const store = await openStore(t, bed)
  const [used] = (await useEverything(store)) as [Ticket]
  const longest = { session: 0, reason: 0, other: 0 }
  const names = await allKeys(bed.server.admin)
  t.ok(names.length > 8)
  for (const name of names) {
    const ttlMs = await bed.server.admin.pttl(name)
    t.ok(ttlMs > 0, `${name} ends by itself`)
    const kind = name.endsWith('}') ? 'session' : name.endsWith(':end') ? 'reason' : 'other'
    longest[kind] = Math.max(longest[kind], ttlMs)
  }
  t.ok(longest.session <= LIFE_MS, 'also of one that was touched far beyond its end')
  t.ok(longest.reason <= LIFE_MS + NAMED_MS, 'a word that says why, a little longer')
  t.ok(longest.other <= LIFE_MS)
  const name = `bearergate:{${vault.storeKey(used.id)}}`
  t.ok((await bed.server.admin.pttl(name)) > IDLE_MS, 'a use moves the end')
})

t.test('RT-13 SE-6 a stolen Redis reads as noise', async (t) => {
  const bed = await startRedis(t)
  const tickets = await useEverything(await openStore(t, bed))
  const stolen = await dump(bed.server.admin)
  t.ok(stolen.includes('bearergate:'), 'there is something to find')
  const secrets = ['eyJ', 'canary', 'alice', 'Alice', 'bob', 'op.example', 'sid-1', 'state-1']
  for (const secret of [...secrets, ...tickets.flatMap(({ id, key }) => [id, key])])
    t.notOk(stolen.includes(secret), secret)
})

t.test('CF-5 a certificate of nobody we trust is refused', async (t) => {
  const { options } = await startSecuredRedis(t)
  const troubles: Error[] = []
  const onTrouble = (cause: unknown): void => void troubles.push(cause as Error)
  const trusting = { ...options, nowMs: Date.now, onTrouble }
  const store = createRedisSessionStore({ ...trusting, tls: {} })
  t.teardown(() => store.close())
  await t.rejects(store.ping(), GatewayError)
  t.match(troubles, [{ code: /SELF_SIGNED|SIGNATURE/ }])
})

t.test('CF-5 a certificate for another name is refused', async (t) => {
  const { options, server } = await startSecuredRedis(t)
  const troubles: Error[] = []
  const onTrouble = (cause: unknown): void => void troubles.push(cause as Error)
  const elsewhere = { host: '127.0.0.2', port: server.address.port }
  await server.admin.config('SET', 'bind', '127.0.0.1 127.0.0.2')
  const store = createRedisSessionStore({
    ...options,
    servers: { kind: 'single', server: elsewhere },
    nowMs: Date.now,
    onTrouble,
  })
  t.teardown(() => store.close())
  await t.rejects(store.ping(), GatewayError)
  t.match(troubles, [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }])
})

t.test('a wrong password is told, without being shown', async (t) => {
  const { options } = await startSecuredRedis(t)
  const troubles: Error[] = []
  const store = createRedisSessionStore({
    ...options,
    password: 'wrong-canary',
    nowMs: Date.now,
    onTrouble: (cause) => void troubles.push(cause as Error),
  })
  t.teardown(() => store.close())
  await t.rejects(store.ping(), GatewayError)
  t.match(troubles, [{ message: /^WRONGPASS / }])
  t.notOk(troubles.some(({ message, stack = '' }) => `${message} ${stack}`.includes('canary')))
})

t.test('the ACL user of our documentation can do all we need and nothing else', async (t) => {
  const bed = await startSecuredRedis(t)
  await bed.server.admin.set('other:app', 'secret')
  const { username, password, tls } = bed.options
  const thief = new Redis({
    ...bed.server.address,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    tls: { ca: tls?.certificateAuthority },
    protocol: 2,
  })
  t.teardown(() => thief.disconnect())
  for (const command of [
    ['GET', 'other:app'],
    ['SET', 'other:app', 'x'],
    ['MGET', 'bearergate:x', 'other:app'],
    ['DEL', 'other:app'],
    ['EVAL', "return redis.call('GET', 'other:app')", '0'],
    ['EVAL', "return redis.call('KEYS', '*')", '0'],
    ['PUBLISH', 'other', 'x'],
    ['SUBSCRIBE', 'other'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['CLIENT', 'LIST'],
    ['SCRIPT', 'FLUSH'],
    ['MONITOR'],
    ['DEBUG', 'SLEEP', '0'],
    ['SHUTDOWN'],
    ['REPLICAOF', 'NO', 'ONE'],
  ] as const) {
    const [name, ...rest] = command
    await t.rejects(
      thief.call(name, ...rest),
      { message: /NOPERM|can't|not allowed/ },
      command.join(' '),
    )
  }
  t.equal(await bed.server.admin.get('other:app'), 'secret')
  await useEverything(await openStore(t, bed))
  const refused = (await bed.server.admin.call('ACL', 'LOG')) as unknown[][]
  const ours = refused.filter((entry) => !String(entry).includes('other') && isAsked(entry))
  t.same(ours, [], 'the store was refused nothing')

  function isAsked(entry: readonly unknown[]): boolean {
    const word = String(entry[entry.indexOf('object') + 1]).toLowerCase()
    return /^(get|mget|set|eval|evalsha|publish|subscribe|select|info|z\w+)$/.test(word)
  }
})

t.test(
  'LO-9 a session that is ended between its filing and its storing never comes alive',
  async (t) => {
    const bed = await startRedis(t)
    const [store, other] = [await openStore(t, bed), await openStore(t, bed)]
    const { admin } = bed.server
    const endsAtMs = Date.now() + LIFE_MS
    await admin.zadd('bearergate:index:sub', endsAtMs, 'a') // as far as create had come
    t.same(await other.endByIndex('sub', 'session_revoked'), [])
    const sealed = Buffer.from('sealed')
    await store.create({ key: 'a', sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] })
    t.same(await other.read('a'), { ended: 'session_revoked' })
  },
)

t.test(
  'LO-9 however ends by index and creations cross each other, what lives can be found',
  async (t) => {
    const bed = await startRedis(t)
    const [store, other] = [await openStore(t, bed), await openStore(t, bed)]
    const endsAtMs = Date.now() + LIFE_MS
    const sealed = Buffer.from('sealed')
    const keys = Array.from({ length: 80 }, (_, nth) => `k${nth}`)
    await Promise.all(
      keys.flatMap((key, nth) => [
        store.create({ key, sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] }),
        ...(nth % 16 === 0 ? [other.endByIndex('sub', 'session_revoked')] : []),
      ]),
    )
    const alive = await whoIsAlive(store, keys)
    t.same([...(await other.endByIndex('sub', 'session_revoked'))].sort(), alive.sort())
    t.same(await whoIsAlive(store, keys), [])
  },
)

t.test('an index is bounded: who cannot be found any more does not live on', async (t) => {
  const bed = await startRedis(t)
  const store = createRedisSessionStore({ ...bed.options, nowMs: Date.now, mostPerIndex: 3 })
  t.teardown(() => store.close())
  for (const nth of [1, 2, 3, 4, 5]) {
    const endsAtMs = Date.now() + LIFE_MS + nth * 1_000
    const sealed = Buffer.from('sealed')
    const limits = { idleEndsAtMs: endsAtMs, endsAtMs }
    await store.create({ key: `k${nth}`, sealed, ...limits, indexKeys: ['sub'] })
  }
  const keys = ['k1', 'k2', 'k3', 'k4', 'k5']
  t.same(await whoIsAlive(store, keys), ['k3', 'k4', 'k5'])
  t.same(await store.read('k1'), { ended: 'session_revoked' })
})

t.test('what is over leaves its index with the next one that is filed', async (t) => {
  const bed = await startRedis(t)
  const { admin } = bed.server
  const store = await openStore(t, bed)
  const hourAgoMs = Date.now() - 60 * MINUTE_MS
  await admin.zadd('bearergate:index:sub', hourAgoMs, 'over', Date.now() - 1_000, 'just over')
  const endsAtMs = Date.now() + LIFE_MS
  const sealed = Buffer.from('sealed')
  await store.create({ key: 'a', sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] })
  t.same(await admin.zrange('bearergate:index:sub', '0', '-1'), ['just over', 'a'])
})

t.test('two gateways with prefixes of their own never meet on one server', async (t) => {
  const bed = await startRedis(t)
  const [store, stranger] = [
    await openStore(t, bed),
    await openStore(t, { ...bed, options: { ...bed.options, keyPrefix: 'shop:' } }),
  ]
  const heard: unknown[] = []
  stranger.watch((change) => heard.push(change))
  await signIn(store)
  const endsAtMs = Date.now() + LIFE_MS
  const sealed = Buffer.from('sealed')
  await store.create({ key: 'a', sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: ['sub'] })
  t.equal(await stranger.read('a'), undefined)
  t.same(await stranger.endByIndex('sub', 'session_revoked'), [])
  const own = new Promise<unknown>((resolve) => store.watch(resolve))
  await store.end('a', 'session_revoked')
  await own
  t.same(heard, [])
})

t.test('SE-24 a record of another format counts as absent', async (t) => {
  const bed = await startRedis(t)
  const store = await openStore(t, bed)
  for (const strange of ['2 something newer', '', '1', `1${'x'.repeat(60)}`]) {
    await bed.server.admin.set('bearergate:{a}', strange)
    t.equal(await store.read('a'), undefined, strange)
    t.equal(await store.compareAndSet('a', 1, Buffer.from('x')), false)
  }
})

t.test('messages of nobody knows whom are no changes', async (t) => {
  const bed = await startRedis(t)
  const store = await openStore(t, bed)
  const heard: unknown[] = []
  store.watch((change) => heard.push(change))
  for (const text of [
    '',
    'ended',
    'ended why a',
    'replaced x a',
    'replaced 99999999999 a',
    'grown 1 a',
    'ended session_revoked a',
  ])
    await bed.server.admin.publish('bearergate:changes', text)
  await until(() => heard.length > 0)
  t.same(heard, [{ kind: 'ended', key: 'a', reason: 'session_revoked' }])
})

async function whoIsAlive(store: SessionStore, keys: readonly string[]): Promise<string[]> {
  const found = await Promise.all(keys.map((key) => store.read(key)))
  return keys.filter((_, nth) => found[nth] !== undefined && 'sealed' in found[nth])
}
