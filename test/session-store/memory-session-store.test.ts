import t, { type Test } from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type {
  NewStoredSession,
  SessionChange,
  SessionStore,
} from '../../src/domain/session-store.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { sessionStoreContract, type StoreUnderTest } from './session-store-contract.ts'

const MINUTE_MS = 60_000

interface Bed extends StoreUnderTest {
  advance(ms: number): void
}

function memoryBed(t: Test, maxSessions = 100, sweepEveryMs?: number): Bed {
  let nowMs = 1_700_000_000_000
  const store = createMemorySessionStore({
    maxSessions,
    nowMs: () => nowMs,
    ...(sweepEveryMs === undefined ? {} : { sweepEveryMs }),
  })
  t.teardown(() => store.close())
  const advance = (ms: number): void => void (nowMs += ms)
  return { store, other: store, nowMs: () => nowMs, elapse: async (ms) => advance(ms), advance }
}

function session(bed: Bed, key: string, idleMs = MINUTE_MS): NewStoredSession {
  const idleEndsAtMs = bed.nowMs() + idleMs
  return {
    key,
    sealed: new Uint8Array(8),
    idleEndsAtMs,
    endsAtMs: bed.nowMs() + 60 * MINUTE_MS,
    indexKeys: [],
  }
}

function nextChange(store: SessionStore): Promise<SessionChange> {
  return new Promise((resolve) => void store.watch(resolve))
}

sessionStoreContract(t, async (t) => memoryBed(t))

t.test('a full store refuses a new session and keeps those it has', async (t) => {
  const bed = memoryBed(t, 2)
  await bed.store.create(session(bed, 'a'))
  await bed.store.create(session(bed, 'b'))
  const refusal: unknown = await bed.store.create(session(bed, 'c')).catch((error) => error)
  t.ok(refusal instanceof GatewayError && refusal.reason === 'store_unavailable')
  t.match(await bed.store.read('a'), { version: 1 })
  t.match(await bed.store.read('b'), { version: 1 })
  t.equal(await bed.store.read('c'), undefined)
})

t.test('a full store makes room by what is over', async (t) => {
  const bed = memoryBed(t, 2)
  await bed.store.create(session(bed, 'a'))
  await bed.store.create(session(bed, 'b', 2 * MINUTE_MS))
  bed.advance(MINUTE_MS)
  await bed.store.create(session(bed, 'c'))
  t.same(await bed.store.read('a'), { ended: 'session_idle' })
  t.match(await bed.store.read('b'), { version: 1 })
  t.equal(await bed.store.count(), 2)
})

t.test('sessions that nobody asks for any more go away, and whoever watches is told', async (t) => {
  const bed = memoryBed(t, 10, 1)
  await bed.store.create(session(bed, 'a'))
  const change = nextChange(bed.store)
  bed.advance(MINUTE_MS)
  const keepsProcess = setTimeout(() => {}, 5_000) // the sweeper itself keeps none alive
  t.same(await change, { kind: 'ended', key: 'a', reason: 'session_idle' })
  clearTimeout(keepsProcess)
  t.equal(await bed.store.count(), 0)
})

t.test('the reason of an end is remembered for a while only', async (t) => {
  const bed = memoryBed(t)
  await bed.store.create(session(bed, 'a'))
  await bed.store.end('a', 'session_revoked')
  bed.advance(10 * MINUTE_MS)
  t.same(await bed.store.read('a'), { ended: 'session_revoked' })
  bed.advance(10 * MINUTE_MS)
  t.equal(await bed.store.read('a'), undefined)
})

t.test('a waiter stops waiting when the lease of a dead owner runs out', async (t) => {
  const bed = memoryBed(t)
  await bed.store.lock('a', 'dead', 20)
  await bed.store.waitForUnlock('a', 60_000)
  bed.advance(20)
  t.equal(await bed.store.lock('a', 'next', 1_000), true)
})

t.test('abandoned locks and consumed keys are swept', async (t) => {
  const bed = memoryBed(t, 1)
  await bed.store.lock('a', 'dead', 20)
  await bed.store.consumeOnce('tx', 20)
  bed.advance(MINUTE_MS)
  await bed.store.create(session(bed, 'one'))
  await t.rejects(bed.store.create(session(bed, 'two'))) // a full store sweeps
  t.equal(await bed.store.renewLock('a', 'dead', 1_000), false)
  t.equal(await bed.store.consumeOnce('tx', 20), true)
})

t.test('RL-9 the store knows how much it holds', async (t) => {
  const bed = memoryBed(t)
  t.equal(await bed.store.storedBytes(), 0)
  await bed.store.create({ ...session(bed, 'a'), sealed: new Uint8Array(100) })
  await bed.store.create({ ...session(bed, 'b'), sealed: new Uint8Array(30) })
  await bed.store.compareAndSet('a', 1, new Uint8Array(50))
  t.equal(await bed.store.storedBytes(), 80)
  await bed.store.end('a', 'session_revoked')
  t.equal(await bed.store.storedBytes(), 30)
})

t.test('a page can be asked for again, and an old one after newer ones', async (t) => {
  const bed = memoryBed(t)
  for (const key of ['a', 'b', 'c', 'd', 'e']) await bed.store.create(session(bed, key))
  const keys = async (cursor?: string) => {
    const page = await bed.store.list({ limit: 2, ...(cursor === undefined ? {} : { cursor }) })
    return [page.sessions.map(({ key }) => key).join(' '), page.cursor] as const
  }
  const [first, second] = await keys()
  const [, third] = await keys(second)
  for (let round = 0; round < 2; round++) {
    t.same([first, (await keys(second))[0], (await keys(third))[0]], ['a b', 'c d', 'e'])
  }
  await bed.store.end('b', 'session_revoked')
  t.equal((await keys(second))[0], 'c d')
  t.same((await bed.store.list({ limit: 2, cursor: 'nonsense' })).sessions, [])
})

t.test('a closed store holds nothing', async (t) => {
  const bed = memoryBed(t)
  await bed.store.create(session(bed, 'a'))
  await bed.store.close()
  t.equal(await bed.store.count(), 0)
})
