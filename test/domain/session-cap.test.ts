import t from 'tap'
import type { SessionEngine } from '../../src/domain/session-engine.ts'
import type { Ticket } from '../../src/domain/session-record.ts'
import { vault } from '../../src/session-store/vault.ts'
import { MINUTE_MS, sessionBed, type SessionBed } from './session-bed.ts'

const ISSUER = 'https://op.example'

async function signIns(bed: SessionBed, count: number, subject = 'alice'): Promise<Ticket[]> {
  const tickets: Ticket[] = []
  for (let nth = 0; nth < count; nth++) {
    tickets.push(
      await bed.engine.create(bed.signIn({ subject, sid: `${subject} ${nth}` }), undefined),
    )
    await bed.clock.advance(1_000)
  }
  return tickets
}

/** What became of each: 'alive', or the reason of its end. */
function fates(engine: SessionEngine, tickets: readonly Ticket[]): Promise<string[]> {
  return Promise.all(
    tickets.map(async (ticket) => {
      const found = await engine.find(ticket, 'passive')
      if (found === undefined) return 'unknown'
      return 'ended' in found ? found.ended : 'alive'
    }),
  )
}

t.test('RL-9 SE-15 a login beyond the limit ends the oldest session of its subject', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 2 })
  const [stranger] = await signIns(bed, 1, 'bob')
  const tickets = await signIns(bed, 4)
  const gone = 'session_superseded'
  t.same(await fates(bed.engine, tickets), [gone, gone, 'alive', 'alive'])
  t.same(await fates(bed.replica(), tickets), [gone, gone, 'alive', 'alive'])
  t.same(await fates(bed.engine, [stranger as Ticket]), ['alive'])
  t.match(bed.eventsOf('session_ended'), [
    { reason: gone, issuer: ISSUER, subject: 'alice' },
    { reason: gone, issuer: ISSUER, subject: 'alice' },
  ])
})

t.test('RL-9 a limit of one leaves the newest', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 1 })
  const tickets = await signIns(bed, 3)
  t.same((await fates(bed.engine, tickets)).at(-1), 'alive')
  t.equal(await bed.store.count(), 1)
})

t.test('RL-9 without a limit everybody may have many', async (t) => {
  const bed = sessionBed(t)
  await signIns(bed, 30)
  t.equal(await bed.store.count(), 30)
  t.notOk(bed.breaks.calls.includes('list'), 'and a login asks for none of them')
})

t.test('RL-9 sessions that are over count no more', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 2, idleTimeoutMs: 5 * MINUTE_MS })
  const [first, second] = await signIns(bed, 2)
  await bed.engine.end(first as Ticket, 'session_revoked')
  const [third] = await signIns(bed, 1)
  t.same(await fates(bed.engine, [second as Ticket, third as Ticket]), ['alive', 'alive'])
  await bed.clock.advance(6 * MINUTE_MS)
  const fresh = await signIns(bed, 2)
  t.same(await fates(bed.engine, fresh), ['alive', 'alive'])
  t.equal(
    bed
      .eventsOf('session_ended')
      .filter((event) => 'reason' in event && event.reason === 'session_superseded').length,
    0,
  )
})

t.test('RL-9 logins at the same time on several replicas leave as many as allowed', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 3 })
  const engines = [bed.engine, bed.replica(), bed.replica()]
  const tickets = await Promise.all(
    Array.from({ length: 12 }, (_, nth) =>
      (engines[nth % 3] as SessionEngine).create(bed.signIn({ sid: `sid ${nth}` }), undefined),
    ),
  )
  const alive = (await fates(bed.engine, tickets)).filter((fate) => fate === 'alive')
  t.equal(alive.length, 3)
})

t.test('a store that fails while it is asked for the oldest turns nobody away', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 1 })
  await signIns(bed, 1)
  bed.breaks.broken.add('list')
  const [ticket] = await signIns(bed, 1)
  t.same(await fates(bed.engine, [ticket as Ticket]), ['alive'])
  t.match(bed.eventsOf('store_failed'), [{ operation: 'end_superseded_sessions' }])
  bed.breaks.broken.clear()
  await signIns(bed, 1)
  t.equal(await bed.store.count(), 1, 'the next login makes good for it')
})

t.test('RL-9 the index of a subject grows with its living sessions only', async (t) => {
  const bed = sessionBed(t, { maxPerSubject: 2 })
  await signIns(bed, 20)
  const indexKey = vault.indexKey('sub', ISSUER, 'alice')
  t.equal((await bed.store.list({ indexKey, limit: 100 })).sessions.length, 2)
})
