import t from 'tap'
import type { SessionEnd } from '../../src/domain/session-record.ts'
import { liveSession, MINUTE_MS, SECOND_MS, sessionBed, settle } from './session-bed.ts'

function listener(): { heard: SessionEnd[]; hear: (reason: SessionEnd) => void } {
  const heard: SessionEnd[] = []
  return { heard, hear: (reason) => heard.push(reason) }
}

t.test(
  'LO-15 all who hold something open for a session hear of its end, once, everywhere',
  async (t) => {
    const bed = sessionBed(t)
    const replica = bed.replica()
    const { ticket, session } = await bed.live()
    const far = liveSession(await replica.find(ticket))
    const [one, two, three] = [listener(), listener(), listener()]
    bed.engine.onEnd(session, one.hear)
    bed.engine.onEnd(session, two.hear)
    replica.onEnd(far, three.hear)
    await bed.clock.advance(MINUTE_MS)
    t.same([one.heard, two.heard, three.heard], [[], [], []])
    await bed.engine.end(ticket, 'session_revoked')
    for (const { heard } of [one, two, three]) t.same(heard, ['session_revoked'])
    await bed.clock.advance(60 * MINUTE_MS)
    for (const { heard } of [one, two, three]) t.same(heard, ['session_revoked'])
    t.equal(bed.clock.pending(), 0)
  },
)

t.test('LO-15 an end made here is heard of here, even if the store reports nothing', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  bed.breaks.instead.end = async () => true
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.engine.end(ticket, 'session_revoked')
  t.same(heard, ['session_revoked'])
})

t.test('LO-15 a session ended by its sid is heard of', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.engine.endBySid('https://op.example', 'sid 0')
  t.same(heard, ['session_revoked'])
})

t.test('LO-15 the limits are heard of, though nobody asks for the session', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(30 * MINUTE_MS)
  t.same(heard, ['session_idle'])
})

t.test('LO-15 the absolute end is heard of, however busy the session', async (t) => {
  const bed = sessionBed(t, { lifetimeMs: 60 * MINUTE_MS })
  const { ticket, session } = await bed.live()
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  for (let use = 0; use < 5; use++) {
    await bed.clock.advance(11 * MINUTE_MS)
    t.ok(bed.engine.peek(ticket))
    await settle()
  }
  t.same(heard, [])
  await bed.clock.advance(5 * MINUTE_MS)
  t.same(heard, ['session_expired'])
})

t.test('LO-15 looking after a session does not keep it alive', async (t) => {
  const bed = sessionBed(t, { idleTimeoutMs: 10 * MINUTE_MS })
  const { session } = await bed.live()
  bed.breaks.isLive = false
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(10 * MINUTE_MS)
  t.same(heard, ['session_idle'])
  t.notOk(bed.breaks.calls.includes('touch'))
})

t.test('LO-15 without a live channel an end is heard of within seconds', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  bed.breaks.isLive = false
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(MINUTE_MS)
  t.same(heard, [])
  bed.breaks.instead.read = async () => ({ ended: 'refresh_rejected' })
  await bed.clock.advance(5 * SECOND_MS)
  t.same(heard, ['refresh_rejected'])
})

t.test('who starts to listen after the end hears of it too', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  await bed.engine.end(ticket, 'session_revoked')
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(0)
  t.same(heard, ['session_revoked'])
})

t.test('a session that is gone without a trace is over', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  bed.breaks.isLive = false
  bed.breaks.instead.read = async () => undefined
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(0)
  t.same(heard, ['session_revoked'])
})

t.test('D-8 an outage of the store ends nothing', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  bed.breaks.isLive = false
  bed.breaks.broken.add('read')
  const { heard, hear } = listener()
  bed.engine.onEnd(session, hear)
  await bed.clock.advance(31 * MINUTE_MS)
  t.same(heard, [])
  bed.breaks.broken.clear()
  await bed.clock.advance(5 * SECOND_MS)
  t.same(heard, ['session_idle'])
})

t.test('who unsubscribed hears nothing, and leaves no timer behind', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const [left, stays] = [listener(), listener()]
  const leave = bed.engine.onEnd(session, left.hear)
  const leaveLast = bed.engine.onEnd(session, stays.hear)
  leave()
  leave()
  await bed.engine.end(ticket, 'session_revoked')
  leaveLast()
  t.same(left.heard, [])
  t.same(stays.heard, ['session_revoked'])

  const again = (await bed.live()).session
  bed.engine.onEnd(again, left.hear)()
  t.equal(bed.clock.pending(), 0)
})

t.test(
  'a session can be listened to again by others while the first look is under way',
  async (t) => {
    const bed = sessionBed(t)
    const { ticket, session } = await bed.live()
    bed.breaks.isLive = false
    const [first, second] = [listener(), listener()]
    const leave = bed.engine.onEnd(session, first.hear)
    const looking = bed.clock.advance(0)
    leave()
    bed.engine.onEnd(session, second.hear)
    await looking
    await bed.engine.end(ticket, 'session_revoked')
    t.same([first.heard, second.heard], [[], ['session_revoked']])
  },
)

t.test('LO-15 a listener that fails keeps no other one open, and the session ends', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const { heard, hear } = listener()
  bed.engine.onEnd(session, () => {
    throw new Error('told to fail')
  })
  bed.engine.onEnd(session, hear)
  t.ok(await bed.engine.end(ticket, 'session_revoked'))
  t.same(heard, ['session_revoked'])
  t.equal(bed.eventsOf('internal_error').length, 1)
})

t.test('closing leaves no timer behind', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  bed.engine.onEnd(session, () => {})
  await bed.engine.close()
  t.equal(bed.clock.pending(), 0)
})
