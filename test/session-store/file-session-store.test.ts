import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { SessionFileError } from '../../src/session-store/file-directory.ts'
import {
  createFileSessionStore,
  type FileSessionStoreOptions,
} from '../../src/session-store/file-session-store.ts'
import { COUNTED, RACED_SESSIONS, sealedSession } from './file-store-bed.ts'
import { sessionStoreContract, type StoreUnderTest } from './session-store-contract.ts'
import { BUSY_MS } from '../support/patience.ts'

const PROCESS = fileURLToPath(new URL('file-store-process.js', import.meta.url))
const HOUR_MS = 3_600_000

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-file-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function openStore(t: Test, path: string, more: Partial<FileSessionStoreOptions> = {}) {
  const limits = { maxSessions: 1_000_000, maxBytes: 2 ** 40 }
  const store = createFileSessionStore({ path, ...limits, nowMs: Date.now, ...more })
  const keepsProcess = setInterval(() => {}, 60_000) // the store's own timers keep none alive
  t.teardown(async () => {
    clearInterval(keepsProcess)
    await store.close()
  })
  return store
}

/** Another process on the same file; its words come one by one, the last is followed by `undefined`. */
function startProcess(t: Test, job: string, path: string, name = job) {
  const child = spawn(process.execPath, [PROCESS, job, path, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const words: string[] = []
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => words.push(line))
  const said = async (isEnough: (words: readonly string[]) => boolean) => {
    while (!isEnough(words)) await once(lines, 'line')
  }
  return { child, words, said, closed: once(child, 'close') }
}

async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  return error instanceof GatewayError ? error.reason : undefined
}

sessionStoreContract(t, async (t): Promise<StoreUnderTest> => {
  const path = await newFolder(t)
  let nowMs = 1_700_000_000_000
  const clock = { nowMs: () => nowMs }
  const store = openStore(t, path, clock)
  const other = openStore(t, path, clock)
  return { store, other, nowMs: () => nowMs, elapse: async (ms) => void (nowMs += ms) }
})

t.test('SE-24 nothing that was promised is lost to SIGKILL in the middle of writing', async (t) => {
  const path = await newFolder(t)
  const promised: string[] = []
  for (const round of ['first', 'second', 'third']) {
    const { child, words, said, closed } = startProcess(t, 'storm', path, round)
    await said((words) => words.length > 300)
    child.kill('SIGKILL')
    await closed
    promised.push(...words)
  }
  const store = openStore(t, path)
  const after: Record<string, number> = { created: 1, replaced: 2 }
  const least = new Map<string, number>()
  for (const word of promised) {
    const [verb = '', key = ''] = word.split(' ')
    least.set(key, after[verb] ?? Infinity)
  }
  const wrong: string[] = []
  for (const [key, version] of least) {
    const found = await store.read(key)
    const isKept =
      found !== undefined &&
      ('ended' in found ? key.endsWith('3') || version === Infinity : found.version >= version)
    if (!isKept) wrong.push(key)
  }
  t.same(wrong, [])
  t.ok(least.size > 100)
  const everybody = await store.endByIndex('everybody', 'session_revoked')
  t.equal(await store.count(), 0, `every one of ${everybody.length} was filed`)
})

t.test('of two processes that replace the same sessions each wins exactly some', async (t) => {
  const path = await newFolder(t)
  const store = openStore(t, path)
  await Promise.all(
    Array.from({ length: RACED_SESSIONS }, (_, n) => store.create(sealedSession(`raced ${n}`))),
  )
  const racers = ['one', 'two'].map((name) => startProcess(t, 'race', path, name))
  await Promise.all(racers.map(({ closed }) => closed))
  const wins = racers.flatMap(({ words }) => words.filter((word) => word.startsWith('won')))
  t.equal(wins.length, RACED_SESSIONS)
  t.equal(new Set(wins).size, RACED_SESSIONS)
})

t.test('RT-2 a lock is held by one process at a time', async (t) => {
  const path = await newFolder(t)
  const counters = ['one', 'two'].map((name) => startProcess(t, 'count', path, name))
  await Promise.all(counters.map(({ closed }) => closed))
  t.equal(await openStore(t, path).recall('counter'), String(2 * COUNTED))
})

t.test('a change is heard in another process, its time being measured', async (t) => {
  const path = await newFolder(t)
  const store = openStore(t, path)
  const listener = startProcess(t, 'listen', path)
  await listener.said((words) => words.includes('ready'))
  const tookMs: number[] = []
  for (let n = 0; n < 100; n++) {
    await store.create(sealedSession(`s${n}`))
    const ended = store.end(`s${n}`, 'session_revoked')
    const from = process.hrtime.bigint()
    await Promise.all([ended, listener.said((words) => words.length > n + 1)])
    const at = BigInt(listener.words[n + 1]?.split(' ')[1] ?? 0)
    tookMs.push(Number(at - from) / 1e6)
  }
  tookMs.sort((a, b) => a - b)
  t.comment(`p50 ${tookMs[50]?.toFixed(1)} ms, p99 ${tookMs[98]?.toFixed(1)} ms`)
  t.ok((tookMs[98] ?? Infinity) < 1_000 + BUSY_MS)
  listener.child.kill('SIGKILL')
})

t.test('SE-17 a process that is frozen while it writes holds nobody up for long', async (t) => {
  const path = await newFolder(t)
  const store = openStore(t, path)
  await store.create(sealedSession('mine'))
  const { child, said } = startProcess(t, 'storm', path)
  for (let round = 1; round <= 5; round++) {
    await said((words) => words.length > round * 20)
    child.kill('SIGSTOP')
    const startedAtMs = performance.now()
    const answer = await refusal(store.touch('mine', Date.now() + HOUR_MS))
    t.ok(answer === undefined || answer === 'store_unavailable')
    t.ok(performance.now() - startedAtMs < 1_500 + BUSY_MS)
    t.match(await store.read('mine'), { version: 1 }, 'reading waits for nobody')
    child.kill('SIGCONT')
  }
  child.kill('SIGKILL')
  t.equal(await store.touch('mine', Date.now() + HOUR_MS), true, 'and one that died is survived')
})

t.test('SE-24 directory and files are their owner’s only', async (t) => {
  const path = join(await newFolder(t), 'new', 'directory')
  const store = openStore(t, path)
  await store.create(sealedSession('a'))
  const mode = async (name: string) => ((await stat(join(path, name))).mode & 0o777).toString(8)
  t.same(await Promise.all(['.', 'sessions.mdb', 'sessions.mdb-lock'].map(mode)), [
    '700',
    '600',
    '600',
  ])
})

const DAMAGES: Record<string, (path: string, file: string) => Promise<void>> = {
  'text instead of a database': (_, file) => writeFile(file, 'sessions: []\n'.repeat(1_000)),
  zeros: (_, file) => writeFile(file, Buffer.alloc(100_000)),
  'a few octets': (_, file) => writeFile(file, 'mdb'),
  'a file whose end is missing': (_, file) => truncate(file, 200_000),
  'somebody else’s file beside it': (path) => writeFile(join(path, 'notes.txt'), 'keep me'),
}

for (const [what, damage] of Object.entries(DAMAGES)) {
  t.test(`SE-24 ${what} is told at the start, and nothing is touched`, async (t) => {
    const path = await newFolder(t)
    const file = join(path, 'sessions.mdb')
    const before = openStore(t, path)
    await Promise.all(Array.from({ length: 200 }, (_, n) => before.create(sealedSession(`s${n}`))))
    await before.close()
    await damage(path, file)
    const octets = await readFile(file)
    try {
      openStore(t, path)
      t.fail('it was opened')
    } catch (error) {
      t.ok(error instanceof SessionFileError && error.message.includes(path))
    }
    t.ok(octets.equals(await readFile(file)))
  })
}

t.test('a path that is a file is told at the start', async (t) => {
  const path = join(await newFolder(t), 'file')
  await writeFile(path, 'mine')
  t.throws(() => openStore(t, path), SessionFileError)
  t.equal(await readFile(path, 'utf8'), 'mine')
})

t.test('directories that are missing are made, and closed to others', async (t) => {
  const path = join(await newFolder(t), 'not', 'there', 'yet')
  await openStore(t, path).create(sealedSession('a'))
  t.equal(((await stat(path)).mode & 0o777).toString(8), '700')
})

t.test('a path where nothing can be made is told at the start, not tried for ever', async (t) => {
  for (const path of ['/proc/bearergate', '/proc/bearergate/sessions'])
    t.throws(() => openStore(t, path), { name: 'SessionFileError', message: /another in session/ })
})

t.test('a full store refuses a new session and keeps those it has', async (t) => {
  const counted = openStore(t, await newFolder(t), { maxSessions: 2 })
  await counted.create(sealedSession('a'))
  await counted.create(sealedSession('b'))
  t.equal(await refusal(counted.create(sealedSession('c'))), 'store_unavailable')
  t.match(await counted.read('a'), { version: 1 })

  const weighed = openStore(t, await newFolder(t), { maxBytes: 100_000 })
  const fill = async (n: number): Promise<number> =>
    (await refusal(weighed.create(sealedSession(`s${n}`)))) === undefined ? fill(n + 1) : n
  const fits = await fill(0)
  t.ok(fits > 5 && fits < 100)
  t.equal(
    await weighed.compareAndSet('s0', 1, Buffer.alloc(3_000)),
    true,
    'a refresh is still kept',
  )
  for (let n = 0; n < fits; n += 2) await weighed.end(`s${n}`, 'session_revoked')
  await weighed.create(sealedSession('again'))
  t.ok(((await weighed.storedBytes()) ?? Infinity) < 150_000)
})

t.test(
  'SE-17 a disk that is full: reads are answered, writes refused, and all is well when there is room',
  { skip: process.platform === 'linux' ? false : 'prlimit is part of Linux' },
  async (t) => {
    const path = await newFolder(t)
    const { child, words, said, closed } = startProcess(t, 'fill', path)
    limitFileSize(child, '300000:')
    await said((words) => words.length > 0)
    t.same(words, ['full false 1'])
    limitFileSize(child, 'unlimited')
    t.same(await closed, [0, null])
    t.same(words, ['full false 1', 'room 2'])
  },
)

/** What the process may write is what its disk has room for; the soft limit only, so that it can be taken back. */
function limitFileSize({ pid }: ChildProcess, limit: string): void {
  spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}`])
}

t.test('what is over goes away by itself, and whoever watches is told', async (t) => {
  let nowMs = 1_700_000_000_000
  const path = await newFolder(t)
  const clock = { nowMs: () => nowMs, sweepEveryMs: 5 }
  const store = openStore(t, path, clock)
  const session = { ...sealedSession('a'), idleEndsAtMs: nowMs + 1_000, endsAtMs: nowMs + HOUR_MS }
  await store.create(session)
  await store.lock('dead', 'owner', 1_000)
  await store.consumeOnce('tx', 1_000)
  const told = nextEnd(store)
  nowMs += 1_000
  t.same(await told, { kind: 'ended', key: 'a', reason: 'session_idle' })
  t.equal(await store.count(), 0)
  t.same(await store.read('a'), { ended: 'session_idle' })
  t.same(await store.endByIndex('everybody', 'session_revoked'), [])
  nowMs += 20 * 60_000
  t.equal(await store.read('a'), undefined, 'the reason is remembered for a while only')
})

function nextEnd(store: SessionStore) {
  return new Promise((resolve) => void store.watch(resolve))
}
