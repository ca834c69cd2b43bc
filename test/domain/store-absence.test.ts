import t from 'tap'
import { createStoreAbsence } from '../../src/domain/store-absence.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { breakable, createClock, SECOND_MS } from './session-bed.ts'

function absenceBed() {
  const clock = createClock()
  const { nowMs } = clock
  const breaks = breakable(createMemorySessionStore({ maxSessions: 10, nowMs }))
  const { store } = breaks
  const absence = createStoreAbsence({ store, nowMs, shortestLeaseMs: 10 * SECOND_MS })
  return { clock, breaks, absence }
}

t.test('a store that was always there is waited for by nobody', async (t) => {
  const { clock, absence } = absenceBed()
  for (let nth = 0; nth < 3; nth++) {
    await absence.store.read('a')
    await clock.advance(20 * SECOND_MS)
    t.equal(absence.waitMs(), 0)
  }
})

for (const [seconds, isLong] of [
  [2, false],
  [20, true],
] as const) {
  const what = isLong ? 'leaves time to write' : 'changes nothing'

  t.test(`RT-2 nothing was heard for ${seconds} s: that ${what}`, async (t) => {
    const { clock, absence } = absenceBed()
    absence.heard({ kind: 'missed' })
    t.equal(absence.waitMs(), 0)
    await clock.advance(seconds * SECOND_MS)
    absence.heard({ kind: 'missed' })
    t.equal(absence.waitMs() > 0, isLong)
    await clock.advance(4 * SECOND_MS)
    t.equal(absence.waitMs(), 0)
  })

  t.test(`RT-2 nothing could be locked for ${seconds} s: that ${what}`, async (t) => {
    const { clock, absence, breaks } = absenceBed()
    breaks.broken.add('lock')
    await t.rejects(absence.store.lock('a', 'b', SECOND_MS))
    await clock.advance((seconds * SECOND_MS) / 2)
    await t.rejects(absence.store.lock('a', 'b', SECOND_MS))
    await absence.store.read('a') // as on a full disk
    await clock.advance((seconds * SECOND_MS) / 2)
    breaks.broken.clear()
    t.equal(await absence.store.lock('a', 'b', SECOND_MS), true)
    t.equal(absence.waitMs() > 0, isLong)
  })
}

t.test('a watch that was broken is no absence: the store has answered meanwhile', async (t) => {
  const { clock, absence } = absenceBed()
  absence.heard({ kind: 'missed' })
  await clock.advance(20 * SECOND_MS)
  await absence.store.read('a')
  await clock.advance(SECOND_MS)
  absence.heard({ kind: 'missed' })
  t.equal(absence.waitMs(), 0)
})
