import t from 'tap'
import { createSessionCache } from '../../src/domain/session-cache.ts'
import { createSessionEndListeners } from '../../src/domain/session-end-listeners.ts'
import type { LiveSession } from '../../src/domain/live-session.ts'
import type { EndedSession } from '../../src/domain/session-store.ts'
import { createClock, MINUTE_MS } from './session-bed.ts'

const NOW_MS = 1_700_000_000_000

function session(name: string): LiveSession {
  const record = { endsAtMs: NOW_MS + 60 * MINUTE_MS } as LiveSession['record']
  const ticket = { id: name, key: 'k' }
  return { ticket, key: name, version: 1, record, idleEndsAtMs: NOW_MS + 30 * MINUTE_MS }
}

t.test(
  'SE-7 what was held during a gap is not trusted after it, though nobody asked meanwhile',
  async (t) => {
    const cache = createSessionCache(10, () => true)
    const held = session('a')
    await cache.arriving('a', async (arrival) => arrival.settle(held))
    t.equal(cache.get(held.ticket), held)
    cache.apply({ kind: 'missed' })
    t.equal(cache.get(held.ticket), undefined)
  },
)

t.test('SE-7 what was being read during a gap is not kept', async (t) => {
  const cache = createSessionCache(10, () => true)
  const found = session('a')
  const answer = await cache.arriving('a', async (arrival) => {
    cache.apply({ kind: 'missed' }) // between the read and its arrival
    return arrival.settle(found)
  })
  t.equal(answer, found, 'good for the one request that asked')
  t.equal(cache.get(found.ticket), undefined)
  await cache.arriving('a', async (arrival) => arrival.settle(found))
  t.equal(cache.get(found.ticket), found, 'read after the gap')
})

function listenersBed(look: (session: LiveSession) => Promise<LiveSession | EndedSession>) {
  const clock = createClock()
  const { after, nowMs } = clock
  const parts = { look, watchIsLive: () => true, nowMs, after, emit: () => {} }
  return { clock, listeners: createSessionEndListeners(parts) }
}

t.test('LO-15 an end during a gap is found out within a second after it', async (t) => {
  const ended = new Set<string>()
  const { clock, listeners } = listenersBed(async (session) =>
    ended.has(session.key) ? { ended: 'session_revoked' } : session,
  )
  const heard: string[] = []
  for (const name of ['a', 'b', 'c']) listeners.add(session(name), () => heard.push(name))
  await clock.advance(MINUTE_MS)
  ended.add('b')
  await clock.advance(MINUTE_MS)
  t.same(heard, [], 'nobody told of it')
  listeners.lookAgain()
  await clock.advance(1_000)
  t.same(heard, ['b'])
  t.equal(clock.pending(), 2, 'one timer for each that lives')
  listeners.close()
  t.equal(clock.pending(), 0)
})

t.test('LO-15 a look that began before the gap does not count', async (t) => {
  const answers: ((found: LiveSession | EndedSession) => void)[] = []
  const { clock, listeners } = listenersBed(
    () => new Promise((resolve) => void answers.push(resolve)),
  )
  const heard: string[] = []
  listeners.add(session('a'), (reason) => heard.push(reason))
  await clock.advance(0)
  listeners.lookAgain()
  answers[0]?.(session('a')) // read before it ended
  await clock.advance(1_000)
  answers[1]?.({ ended: 'session_revoked' })
  await clock.advance(0)
  t.same(heard, ['session_revoked'])
  t.equal(clock.pending(), 0)
})
