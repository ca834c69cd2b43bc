import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createFileSessionStore } from '../../src/session-store/file-session-store.ts'
import { COUNTED, RACED_SESSIONS, sealedSession } from './file-store-bed.ts'

/*
 * A process of its own on a session file, for tests: file-store-process.js JOB PATH NAME. What it has
 * been promised it prints, one word a line, after the promise was kept.
 */
const [, , job = '', path = '', name = ''] = process.argv
const store = createFileSessionStore({
  path,
  maxSessions: 1_000_000,
  maxBytes: 2 ** 40,
  nowMs: Date.now,
})

const HOUR_MS = 3_600_000

const jobs: Record<string, () => Promise<void>> = {
  /** Creates, replaces and ends for ever: killed in the middle. */
  async storm() {
    for (let n = 0; ; n++)
      await Promise.all([0, 1, 2, 3].map((lane) => stormOne(`${name}-${lane}-${n}`).catch(refused)))
  },
  /** Who replaces version 1 of each session? */
  async race() {
    say('ready')
    for (let n = 0; n < RACED_SESSIONS; n++) {
      if (await store.compareAndSet(`raced ${n}`, 1, Buffer.from(name))) say(`won ${n}`)
    }
  },
  /** Counts in a note, under a lock: lost updates would show. */
  async count() {
    for (let n = 0; n < COUNTED; n++) {
      while (!(await store.lock('counter', name, 10_000)))
        await store.waitForUnlock('counter', 5_000)
      const before = Number((await store.recall('counter')) ?? 0)
      await store.remember('counter', String(before + 1), HOUR_MS)
      await store.unlock('counter', name)
    }
  },
  /** Creates until there is no room, says how reads and writes go then, and when there is room again. */
  async fill() {
    await store.create(sealedSession('first'))
    let n = 0
    while (await isTaken(store.create(sealedSession(`more ${n}`)))) n += 1
    const version = async () => {
      const found = await store.read('first')
      return found !== undefined && 'version' in found ? found.version : undefined
    }
    say(`full ${await isTaken(store.create(sealedSession('another')))} ${await version()}`)
    while (!(await isTaken(store.create(sealedSession(`late ${n}`))))) n += 1
    await store.compareAndSet('first', 1, Buffer.alloc(3_000, 'second'))
    say(`room ${await version()}`)
  },
  /** Tells what it hears, and the time, in nanoseconds of the machine's own clock. */
  async listen() {
    store.watch((change) => say(`${JSON.stringify(change)} ${process.hrtime.bigint()}`))
    say('ready')
    await new Promise((resolve) => setTimeout(resolve, 60_000))
  },
}

function isTaken(work: Promise<unknown>): Promise<boolean> {
  return work.then(() => true, refused).then((taken) => taken === true)
}

async function stormOne(key: string): Promise<void> {
  await store.create(sealedSession(key))
  say(`created ${key}`)
  if (await store.compareAndSet(key, 1, Buffer.alloc(3_000, 'second'))) say(`replaced ${key}`)
  if (!key.endsWith('3')) return
  if (await store.end(key, 'session_revoked')) say(`ended ${key}`)
}

/** Who was frozen finds his own deadline over. */
function refused(cause: unknown): void {
  if (!(cause instanceof GatewayError)) throw cause
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

await jobs[job]?.()
await store.close()
