import type { Test } from 'tap'
import type {
  ListedSession,
  NewStoredSession,
  SessionChange,
  SessionQuery,
  SessionStore,
} from '../../src/domain/session-store.ts'

/** One storage, seen by two processes where it can be shared, with a way to let time pass. */
export interface StoreUnderTest {
  readonly store: SessionStore
  /** The same storage as another process sees it; the same object where nothing is shared. */
  readonly other: SessionStore
  nowMs(): number
  /** Lets time pass for the storage: a fake clock, or a real wait. */
  elapse(ms: number): Promise<void>
}

const IDLE_MS = 200
const LIFE_MS = 1_000
const PARALLEL = 20

/** What every session store must do, whatever it is made of. */
export function sessionStoreContract(
  t: Test,
  makeStore: (t: Test) => Promise<StoreUnderTest>,
): void {
  sessionsContract(t, makeStore)
  endingContract(t, makeStore)
  listContract(t, makeStore)
  onceContract(t, makeStore)
  noteContract(t, makeStore)
  lockContract(t, makeStore)
  watchContract(t, makeStore)
}

type MakeStore = (t: Test) => Promise<StoreUnderTest>

function sessionsContract(t: Test, makeStore: MakeStore): void {
  t.test('a created session is read back as it was, at version 1', async (t) => {
    const bed = await makeStore(t)
    const session = newSession(bed, 'a')
    await bed.store.create(session)
    const stored = await bed.other.read('a')
    t.ok(stored !== undefined && 'sealed' in stored)
    if (stored === undefined || !('sealed' in stored)) return
    t.equal(text(stored.sealed), text(session.sealed))
    t.equal(stored.version, 1)
    t.equal(stored.idleEndsAtMs, session.idleEndsAtMs)
    t.equal(await bed.store.read('never seen'), undefined)
  })

  t.test('any octets are kept: a sealed value is binary', async (t) => {
    const bed = await makeStore(t)
    const sealed = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
    await bed.store.create({ ...newSession(bed, 'a'), sealed })
    t.same([...(await sealedOf(bed.other, 'a'))], [...sealed])
  })

  t.test('compare-and-set replaces only the version it expects', async (t) => {
    const bed = await makeStore(t)
    const session = newSession(bed, 'a')
    await bed.store.create(session)
    t.equal(await bed.store.compareAndSet('a', 2, bytes('wrong')), false)
    t.equal(text(await sealedOf(bed.store, 'a')), text(session.sealed))
    t.equal(await bed.other.compareAndSet('a', 1, bytes('second')), true)
    t.equal(await bed.store.compareAndSet('a', 1, bytes('late')), false)
    t.match(await bed.store.read('a'), { version: 2, idleEndsAtMs: session.idleEndsAtMs })
    t.equal(text(await sealedOf(bed.store, 'a')), 'second')
  })

  t.test('of parallel writers over one version exactly one succeeds', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    const won = await parallel((index) =>
      either(bed, index).compareAndSet('a', 1, bytes(`${index}`)),
    )
    t.equal(won.filter(Boolean).length, 1)
    t.equal(text(await sealedOf(bed.store, 'a')), `${won.indexOf(true)}`)
    t.match(await bed.store.read('a'), { version: 2 })
  })

  t.test('SE-8 an idle session is over, and stays over', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    await bed.elapse(IDLE_MS + 10)
    t.same(await bed.store.read('a'), { ended: 'session_idle' })
    t.equal(await bed.store.touch('a', bed.nowMs() + IDLE_MS), false)
    t.equal(await bed.store.compareAndSet('a', 1, bytes('again')), false)
    t.same(await bed.other.read('a'), { ended: 'session_idle' })
  })

  t.test('SE-8 a touched session lives on, but never past its absolute end', async (t) => {
    const bed = await makeStore(t)
    const session = { ...newSession(bed, 'a'), endsAtMs: bed.nowMs() + 2 * IDLE_MS }
    await bed.store.create(session)
    await bed.elapse(IDLE_MS / 2)
    t.equal(await bed.other.touch('a', bed.nowMs() + 100 * IDLE_MS), true)
    t.match(await bed.store.read('a'), { version: 1, idleEndsAtMs: session.endsAtMs })
    await bed.elapse(IDLE_MS)
    t.match(await bed.store.read('a'), { version: 1 }, 'past the first idle end')
    await bed.elapse(IDLE_MS)
    t.same(await bed.store.read('a'), { ended: 'session_expired' })
  })

  t.test('a write does not move the idle end', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    await bed.elapse(IDLE_MS / 2)
    t.equal(await bed.store.compareAndSet('a', 1, bytes('second')), true)
    await bed.elapse(IDLE_MS / 2 + 10)
    t.same(await bed.store.read('a'), { ended: 'session_idle' })
  })
}

function endingContract(t: Test, makeStore: MakeStore): void {
  t.test('an ended session is gone for every process, with the reason', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    t.equal(await bed.store.end('a', 'refresh_rejected'), true)
    t.equal(await bed.other.end('a', 'session_revoked'), false)
    t.same(await bed.other.read('a'), { ended: 'refresh_rejected' })
    t.equal(await bed.store.end('never seen', 'session_revoked'), false)
  })

  t.test('RT-14 nothing brings an ended session back', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    await bed.store.end('a', 'session_revoked')
    t.equal(await bed.other.compareAndSet('a', 1, bytes('zombie')), false)
    t.equal(await bed.other.compareAndSet('a', 0, bytes('zombie')), false)
    t.equal(await bed.other.touch('a', bed.nowMs() + IDLE_MS), false)
    t.same(await bed.store.read('a'), { ended: 'session_revoked' })
  })

  t.test('RT-14 an end wins over parallel writes and touches', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create(newSession(bed, 'a'))
    const ended = await parallel(async (index) => {
      if (index % 3 === 0) await either(bed, index).touch('a', bed.nowMs() + IDLE_MS)
      if (index % 3 === 1) await either(bed, index).compareAndSet('a', 1, bytes('written'))
      return index % 3 === 2 && (await either(bed, index).end('a', 'session_revoked'))
    })
    t.equal(ended.filter(Boolean).length, 1)
    t.same(await bed.store.read('a'), { ended: 'session_revoked' })
  })

  t.test('LO-9 all sessions filed under an index key end together', async (t) => {
    const bed = await makeStore(t)
    for (const key of ['a', 'b', 'c']) {
      await bed.store.create({ ...newSession(bed, key), indexKeys: ['sub', `sid of ${key}`] })
    }
    await bed.store.create({ ...newSession(bed, 'stranger'), indexKeys: ['other sub'] })
    t.same(await bed.other.endByIndex('sid of b', 'session_revoked'), ['b'])
    t.same([...(await bed.other.endByIndex('sub', 'session_revoked'))].sort(), ['a', 'c'])
    t.same(await bed.store.endByIndex('sub', 'session_revoked'), [])
    t.same(await bed.store.endByIndex('unknown', 'session_revoked'), [])
    for (const key of ['a', 'b', 'c']) {
      t.same(await bed.store.read(key), { ended: 'session_revoked' })
    }
    t.match(await bed.store.read('stranger'), { version: 1 })
  })

  t.test('an index key answers only for sessions that were still alive', async (t) => {
    const bed = await makeStore(t)
    for (const key of ['ended', 'idle', 'alive']) {
      await bed.store.create({ ...newSession(bed, key), indexKeys: ['sub'] })
    }
    await bed.store.end('ended', 'refresh_rejected')
    await bed.elapse(IDLE_MS / 2)
    await bed.store.touch('alive', bed.nowMs() + IDLE_MS)
    await bed.elapse(IDLE_MS / 2 + 10)
    t.same(await bed.store.endByIndex('sub', 'session_revoked'), ['alive'])
    t.same(await bed.store.read('ended'), { ended: 'refresh_rejected' })
    t.same(await bed.store.read('idle'), { ended: 'session_idle' })
  })

  t.test('the number of sessions follows, where it is known', async (t) => {
    const bed = await makeStore(t)
    const before = await bed.store.count()
    await bed.store.create(newSession(bed, 'a'))
    await bed.store.create(newSession(bed, 'b'))
    await bed.store.end('a', 'session_revoked')
    const after = await bed.store.count()
    t.equal(after, before === undefined ? undefined : before + 1)
  })
}

function listContract(t: Test, makeStore: MakeStore): void {
  t.test('SE-14 every session is on some page, with its ends and nothing else', async (t) => {
    const bed = await makeStore(t)
    const created = Array.from({ length: 25 }, (_, nth) => lasting(bed, `listed ${nth}`))
    for (const session of created) await bed.store.create(session)
    const listed = await listAll(bed.other, { limit: 4 })
    t.same(
      [...listed.values()].sort(byKey),
      created
        .map(({ key, idleEndsAtMs, endsAtMs }) => ({ key, idleEndsAtMs, endsAtMs }))
        .sort(byKey),
    )
  })

  t.test('SE-14 sessions are listed by what they are filed under', async (t) => {
    const bed = await makeStore(t)
    for (let nth = 0; nth < 12; nth++) {
      const indexKeys = [nth % 2 === 0 ? 'even' : 'odd', `sid ${nth}`]
      await bed.store.create({ ...lasting(bed, `a${nth}`), indexKeys })
    }
    const keys = async (indexKey: string, limit: number) =>
      [...(await listAll(bed.other, { indexKey, limit })).keys()].sort()
    t.same(await keys('even', 2), ['a0', 'a10', 'a2', 'a4', 'a6', 'a8'])
    t.same(await keys('odd', 100), ['a1', 'a11', 'a3', 'a5', 'a7', 'a9'])
    t.same(await keys('sid 3', 1), ['a3'])
    t.same(await keys('unknown', 1), [])
  })

  t.test('only sessions that are alive are listed, with the idle end they have now', async (t) => {
    const bed = await makeStore(t)
    const endsAtMs = bed.nowMs() + 60_000
    for (const key of ['ended', 'idle', 'alive']) {
      await bed.store.create({ ...newSession(bed, key), endsAtMs, indexKeys: ['sub'] })
    }
    await bed.store.end('ended', 'session_revoked')
    await bed.elapse(IDLE_MS / 2)
    const idleEndsAtMs = bed.nowMs() + 30_000 // longer than a busy machine takes to list them
    await bed.store.touch('alive', idleEndsAtMs)
    await bed.elapse(IDLE_MS / 2 + 10)
    for (const query of [{ limit: 10 }, { limit: 10, indexKey: 'sub' }]) {
      const listed = await listAll(bed.other, query)
      t.same([...listed.keys()], ['alive'])
      t.equal(listed.get('alive')?.idleEndsAtMs, idleEndsAtMs)
    }
  })

  t.test('ending what each page lists ends everything', async (t) => {
    const bed = await makeStore(t)
    for (let nth = 0; nth < 25; nth++) {
      await bed.store.create({ ...lasting(bed, `a${nth}`), indexKeys: ['sub'] })
    }
    const ended = new Set<string>()
    for await (const { key } of pagesOf(bed.other, { limit: 4 })) {
      if (await bed.store.end(key, 'session_revoked')) ended.add(key)
    }
    t.equal(ended.size, 25)
    t.equal((await listAll(bed.store, { limit: 4, indexKey: 'sub' })).size, 0)
  })

  t.test('a list is not confused by what comes and goes while it is read', async (t) => {
    const bed = await makeStore(t)
    for (let nth = 0; nth < 20; nth++) await bed.store.create(lasting(bed, `stays ${nth}`))
    const seen = new Set<string>()
    for await (const { key } of pagesOf(bed.other, { limit: 3 })) {
      if (seen.has(key)) continue
      seen.add(key)
      await bed.store.create(lasting(bed, `new beside ${key}`))
      await bed.store.end(`new beside ${key}`, 'session_revoked')
    }
    t.same([...seen].filter((key) => key.startsWith('stays')).length, 20)
  })
}

function onceContract(t: Test, makeStore: MakeStore): void {
  t.test('a key is consumed by exactly one of parallel callers', async (t) => {
    const bed = await makeStore(t)
    const won = await parallel((index) => either(bed, index).consumeOnce('tx', 5_000))
    t.equal(won.filter(Boolean).length, 1)
    t.equal(await bed.store.consumeOnce('tx', 5_000), false)
    t.equal(await bed.store.consumeOnce('another', 5_000), true)
  })

  t.test('a consumed key is forgotten after its time', async (t) => {
    const bed = await makeStore(t)
    t.equal(await bed.store.consumeOnce('tx', 100), true)
    await bed.elapse(110)
    t.equal(await bed.other.consumeOnce('tx', 100), true)
  })
}

function noteContract(t: Test, makeStore: MakeStore): void {
  t.test('LO-11 a note is seen by every process as soon as it is made', async (t) => {
    const bed = await makeStore(t)
    t.equal(await bed.store.recall('sid'), undefined)
    await bed.store.remember('sid', 'first', 5_000)
    t.equal(await bed.other.recall('sid'), 'first')
    t.equal(await bed.store.recall('sid'), 'first', 'reading it does not use it up')
    await bed.other.remember('sid', '', 5_000)
    t.equal(await bed.store.recall('sid'), '', 'an empty note is a note, and the newest counts')
    t.equal(await bed.store.recall('another'), undefined)
  })

  t.test('a note is forgotten after its time; a newer one starts anew', async (t) => {
    const bed = await makeStore(t)
    await bed.store.remember('sid', 'first', 150)
    await bed.store.remember('other sid', 'first', 150)
    await bed.elapse(100)
    await bed.other.remember('sid', 'second', 5_000)
    await bed.elapse(100)
    t.equal(await bed.store.recall('sid'), 'second')
    t.equal(await bed.other.recall('other sid'), undefined)
  })

  t.test('notes, sessions, locks and consumed keys never meet', async (t) => {
    const bed = await makeStore(t)
    await bed.store.create({ ...newSession(bed, 'a'), indexKeys: ['a'] })
    await bed.store.remember('a', 'note', 5_000)
    t.equal(await bed.store.consumeOnce('a', 5_000), true)
    t.equal(await bed.store.lock('a', 'owner', 5_000), true)
    t.equal(await bed.store.recall('a'), 'note')
    t.same(await bed.store.endByIndex('a', 'session_revoked'), ['a'])
    t.equal(await bed.store.recall('a'), 'note')
  })
}

function lockContract(t: Test, makeStore: MakeStore): void {
  t.test('a lock has one owner at a time', async (t) => {
    const bed = await makeStore(t)
    t.equal(await bed.store.lock('a', 'first', 5_000), true)
    t.equal(await bed.other.lock('a', 'second', 5_000), false)
    t.equal(await bed.store.lock('b', 'second', 5_000), true, 'another key is another lock')
    t.equal(await bed.store.lock('a', 'first', 5_000), true, 'asked again by its owner')
    await bed.other.unlock('a', 'second')
    t.equal(await bed.other.lock('a', 'second', 5_000), false, 'only its owner unlocks')
    await bed.store.unlock('a', 'first')
    t.equal(await bed.other.lock('a', 'second', 5_000), true)
  })

  t.test('of parallel callers exactly one takes the lock', async (t) => {
    const bed = await makeStore(t)
    const won = await parallel((index) => either(bed, index).lock('a', `owner ${index}`, 5_000))
    t.equal(won.filter(Boolean).length, 1)
  })

  t.test('RT-2 a dead owner is survived when its lease runs out', async (t) => {
    const bed = await makeStore(t)
    await bed.store.lock('a', 'dead', 100)
    await bed.elapse(110)
    t.equal(await bed.other.lock('a', 'next', 5_000), true)
    t.equal(await bed.store.renewLock('a', 'dead', 5_000), false)
    await bed.store.unlock('a', 'dead')
    t.equal(await bed.store.lock('a', 'third', 5_000), false)
  })

  t.test('a lease that ran out cannot be renewed', async (t) => {
    const bed = await makeStore(t)
    await bed.store.lock('a', 'slow', 100)
    await bed.elapse(110)
    t.equal(await bed.store.renewLock('a', 'slow', 5_000), false)
    t.equal(await bed.store.renewLock('never locked', 'slow', 5_000), false)
  })

  t.test('a renewed lease holds', async (t) => {
    const bed = await makeStore(t)
    await bed.store.lock('a', 'owner', 150)
    await bed.elapse(100)
    t.equal(await bed.store.renewLock('a', 'owner', 150), true)
    t.equal(await bed.other.renewLock('a', 'thief', 5_000), false)
    await bed.elapse(100)
    t.equal(await bed.other.lock('a', 'thief', 150), false)
  })

  t.test(
    'waiting ends with the unlock, or after the timeout, or at once when it is free',
    async (t) => {
      const bed = await makeStore(t)
      await bed.store.waitForUnlock('free', 60_000)
      await bed.store.lock('a', 'owner', 60_000)
      await bed.other.waitForUnlock('a', 20)
      const waits = [bed.store.waitForUnlock('a', 60_000), bed.other.waitForUnlock('a', 60_000)]
      await bed.store.unlock('a', 'owner')
      await Promise.all(waits)
      t.pass('all woke up')
    },
  )

  t.test('lock and wait together let everyone pass, one after the other', async (t) => {
    const bed = await makeStore(t)
    let inside = 0
    let most = 0
    await parallel(async (index) => {
      const store = either(bed, index)
      while (!(await store.lock('a', `owner ${index}`, 5_000)))
        await store.waitForUnlock('a', 1_000)
      most = Math.max(most, ++inside)
      await Promise.resolve()
      inside -= 1
      await store.unlock('a', `owner ${index}`)
    })
    t.equal(most, 1)
  })
}

function watchContract(t: Test, makeStore: MakeStore): void {
  t.test('every change is heard, whoever made it', async (t) => {
    const bed = await makeStore(t)
    t.equal(bed.store.watchIsLive(), true)
    const heard = listen(bed.store)
    for (const key of ['a', 'b'])
      await bed.other.create({ ...newSession(bed, key), indexKeys: [key] })
    await bed.other.compareAndSet('a', 1, bytes('second'))
    t.same(await heard.next(), { kind: 'replaced', key: 'a', version: 2 })
    await bed.store.end('a', 'refresh_rejected')
    t.same(await heard.next(), { kind: 'ended', key: 'a', reason: 'refresh_rejected' })
    await bed.other.endByIndex('b', 'session_revoked')
    t.same(await heard.next(), { kind: 'ended', key: 'b', reason: 'session_revoked' })
  })

  t.test('who unsubscribed hears nothing more', async (t) => {
    const bed = await makeStore(t)
    const left = listen(bed.store)
    const stays = listen(bed.store)
    left.stop()
    await bed.store.create(newSession(bed, 'a'))
    await bed.store.end('a', 'session_revoked')
    await stays.next()
    t.same(left.all, [])
  })

  t.test('it answers when asked whether it can serve', async (t) => {
    const bed = await makeStore(t)
    await t.resolves(bed.store.ping())
  })
}

function newSession(bed: StoreUnderTest, key: string): NewStoredSession {
  const nowMs = bed.nowMs()
  return {
    key,
    sealed: bytes(`sealed ${key}`),
    idleEndsAtMs: nowMs + IDLE_MS,
    endsAtMs: nowMs + LIFE_MS,
    indexKeys: [],
  }
}

/** Lives longer than any test: for stores whose time is real. */
function lasting(bed: StoreUnderTest, key: string): NewStoredSession {
  const nowMs = bed.nowMs()
  return { ...newSession(bed, key), idleEndsAtMs: nowMs + 60_000, endsAtMs: nowMs + 120_000 }
}

function parallel<Result>(run: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: PARALLEL }, (_, index) => run(index)))
}

function either(bed: StoreUnderTest, index: number): SessionStore {
  return index % 2 === 0 ? bed.store : bed.other
}

async function sealedOf(store: SessionStore, key: string): Promise<Uint8Array> {
  const stored = await store.read(key)
  if (stored === undefined || 'ended' in stored) throw new Error(`${key} is gone`)
  return stored.sealed
}

/** Page after page, as an operator reads them. */
async function* pagesOf(store: SessionStore, query: SessionQuery): AsyncGenerator<ListedSession> {
  let cursor: string | undefined
  do {
    const page = await store.list({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    yield* page.sessions
    cursor = page.cursor
  } while (cursor !== undefined)
}

async function listAll(
  store: SessionStore,
  query: SessionQuery,
): Promise<Map<string, ListedSession>> {
  const listed = new Map<string, ListedSession>()
  for await (const session of pagesOf(store, query)) listed.set(session.key, session)
  return listed
}

function byKey(a: ListedSession, b: ListedSession): number {
  return a.key < b.key ? -1 : 1
}

interface Heard {
  readonly all: SessionChange[]
  next(): Promise<SessionChange>
  stop(): void
}

function listen(store: SessionStore): Heard {
  const all: SessionChange[] = []
  let read = 0
  let wake = (): void => {}
  const stop = store.watch((change) => {
    all.push(change)
    wake()
  })
  return {
    all,
    stop,
    async next() {
      if (all.length === read) await new Promise<void>((resolve) => (wake = resolve))
      return all[read++] as SessionChange
    },
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function text(sealed: Uint8Array): string {
  return new TextDecoder().decode(sealed)
}
