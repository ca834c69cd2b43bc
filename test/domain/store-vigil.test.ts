import t, { type Test } from 'tap'
import type { LiveSession } from '../../src/domain/session-engine.ts'
import type { AccessToken } from '../../src/domain/session-record.ts'
import type { RefreshAnswer } from '../../src/domain/sign-in.ts'
import {
  deferred,
  liveSession,
  MINUTE_MS,
  reasonOf,
  SECOND_MS,
  sessionBed,
  storeDown,
  type SessionBed,
} from './session-bed.ts'

const ANSWER_DEADLINE_MS = 500 // of a store

/** Every question ends after the deadline of the store, without an answer. */
function freeze({ breaks, clock }: SessionBed): void {
  const late = () =>
    new Promise<never>((_resolve, reject) => {
      clock.after(ANSWER_DEADLINE_MS, () => reject(storeDown()))
    })
  for (const method of ['read', 'lock', 'compareAndSet', 'waitForUnlock'] as const)
    breaks.instead[method] = late
}

function thaw({ breaks }: SessionBed): void {
  for (const method of ['read', 'lock', 'compareAndSet', 'waitForUnlock'] as const)
    delete breaks.instead[method]
}

interface Expired {
  readonly bed: SessionBed
  readonly session: LiveSession
  readonly provider: ReturnType<typeof deferred<RefreshAnswer>>
}

/** A session whose token is over, and a provider that answers when told to. */
async function expired(test: Test): Promise<Expired> {
  const provider = deferred<RefreshAnswer>()
  const bed = sessionBed(test, { grant: () => provider.promise })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  return { bed, session, provider }
}

/** What has become of it by now. */
function watched(work: unknown): { outcome: unknown } {
  const state: { outcome: unknown } = { outcome: 'waiting' }
  void reasonOf(work).then((outcome) => (state.outcome = outcome))
  return state
}

t.test('a slow provider is waited for while the store answers', async (t) => {
  const { bed, session, provider } = await expired(t)
  const waiting = bed.engine.accessToken(session)
  await bed.clock.advance(8 * SECOND_MS)
  provider.resolve(bed.answer(1))
  t.equal(((await waiting) as AccessToken).value, 'access 1')
  t.equal(bed.clock.pending(), 0, 'nobody watches any more')
})

t.test(
  'SE-17 who waits for a slow provider is told within a second when the store freezes',
  async (t) => {
    const { bed, session, provider } = await expired(t)
    const waiting = watched(bed.engine.accessToken(session))
    await bed.clock.advance(1_100)
    freeze(bed)
    await bed.clock.advance(100)
    const joined = watched(bed.engine.refresh(session))
    await bed.clock.advance(900)
    t.equal(waiting.outcome, 'store_unavailable')
    t.equal(joined.outcome, 'store_unavailable')
    provider.resolve(bed.answer(1))
    await bed.clock.advance(2 * SECOND_MS)
    thaw(bed)
    await bed.clock.advance(2 * SECOND_MS)
    const stored = liveSession(await bed.replica().find(session.ticket, 'passive'))
    t.equal(stored.record.refreshToken, 'refresh 1', 'what was granted is written')
    t.equal(bed.presented.length, 1)
    t.equal(bed.clock.pending(), 0)
  },
)

t.test('SE-17 … and joins the same refresh again as soon as the store is back', async (t) => {
  const { bed, session, provider } = await expired(t)
  const waiting = watched(bed.engine.accessToken(session))
  await bed.clock.advance(100) // the provider is asked
  freeze(bed)
  await bed.clock.advance(SECOND_MS)
  t.equal(waiting.outcome, 'store_unavailable')
  thaw(bed)
  const again = bed.engine.accessToken(session)
  await bed.clock.advance(SECOND_MS)
  provider.resolve(bed.answer(1))
  t.equal(((await again) as AccessToken).value, 'access 1')
  t.equal(bed.presented.length, 1)
})

t.test('SE-17 who waits for another replica is told within a second, too', async (t) => {
  const { bed, session, provider } = await expired(t)
  const first = watched(bed.engine.accessToken(session))
  const other = bed.replica()
  const waiting = watched(other.accessToken(liveSession(await other.find(session.ticket))))
  await bed.clock.advance(3 * SECOND_MS)
  t.same([first.outcome, waiting.outcome], ['waiting', 'waiting'])
  freeze(bed)
  await bed.clock.advance(SECOND_MS)
  t.same([first.outcome, waiting.outcome], ['store_unavailable', 'store_unavailable'])
  thaw(bed)
  provider.resolve(bed.answer(1))
  await bed.clock.advance(SECOND_MS)
})

t.test('a connection that breaks for a moment ends no wait', async (t) => {
  const { bed, session, provider } = await expired(t)
  const waiting = bed.engine.accessToken(session)
  await bed.clock.advance(200)
  bed.breaks.broken.add('waitForUnlock')
  await bed.clock.advance(400)
  bed.breaks.broken.clear()
  await bed.clock.advance(SECOND_MS)
  provider.resolve(bed.answer(1))
  t.equal(((await waiting) as AccessToken).value, 'access 1')
})

t.test('SE-17 a store that refuses is given up within a second', async (t) => {
  const { bed, session, provider } = await expired(t)
  const waiting = watched(bed.engine.accessToken(session))
  await bed.clock.advance(200)
  bed.breaks.broken.add('waitForUnlock')
  await bed.clock.advance(SECOND_MS)
  t.equal(waiting.outcome, 'store_unavailable')
  bed.breaks.broken.clear()
  provider.resolve(bed.answer(1))
  await bed.clock.advance(SECOND_MS)
})

t.test('many who wait are one question', async (t) => {
  const { bed, session, provider } = await expired(t)
  const waiting = Array.from({ length: 200 }, () => bed.engine.accessToken(session))
  await bed.clock.advance(1_100)
  const looks = bed.breaks.calls.filter((method) => method === 'waitForUnlock')
  t.equal(looks.length, 4)
  provider.resolve(bed.answer(1))
  await Promise.all(waiting)
})
