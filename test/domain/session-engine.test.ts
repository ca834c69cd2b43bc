import t from 'tap'
import type { SessionRecord, Ticket } from '../../src/domain/session-record.ts'
import { vault } from '../../src/session-store/vault.ts'
import { liveSession, MINUTE_MS, reasonOf, SECOND_MS, sessionBed, settle } from './session-bed.ts'

t.test('a created session is found by its ticket, here and in another process', async (t) => {
  const bed = sessionBed(t)
  const ticket = await bed.engine.create(bed.signIn(), undefined)
  const found = liveSession(await bed.replica().find(ticket))
  t.equal(found.record.subject, 'alice')
  t.equal(found.version, 1)
  t.equal(found.idleEndsAtMs, bed.clock.nowMs() + 30 * MINUTE_MS)
  t.equal(found.record.endsAtMs, bed.clock.nowMs() + 12 * 60 * MINUTE_MS)
  t.equal(bed.engine.peek(ticket)?.key, found.key)
})

t.test('AT-23 a ticket that fits only in part opens nothing', async (t) => {
  const bed = sessionBed(t)
  const ticket = await bed.engine.create(bed.signIn(), undefined)
  const other = await bed.engine.create(bed.signIn(), undefined)
  const foreign: Ticket[] = [
    { id: ticket.id, key: other.key },
    { id: other.id, key: ticket.key },
    { id: '', key: '' },
    { id: vault.storeKey(ticket.id), key: ticket.key },
  ]
  for (const wrong of foreign) {
    t.equal(bed.engine.peek(wrong), undefined)
    t.equal(await bed.engine.find(wrong), undefined)
    t.equal(await bed.replica().find(wrong), undefined)
  }
  t.ok(bed.engine.peek(ticket), 'the rightful one still does')
})

t.test('AT-2 a new sign-in has a new ticket, and the session it replaces is dead', async (t) => {
  const bed = sessionBed(t)
  const planted = await bed.engine.create(bed.signIn(), undefined)
  const ticket = await bed.engine.create(bed.signIn({ subject: 'bob' }), planted)
  t.notSame(ticket, planted)
  t.equal(bed.engine.peek(planted), undefined)
  t.same(await bed.replica().find(planted), { ended: 'session_revoked' })
  t.equal(liveSession(await bed.engine.find(ticket)).record.subject, 'bob')
})

t.test('a ticket that never was can be replaced', async (t) => {
  const bed = sessionBed(t)
  const ticket = await bed.engine.create(bed.signIn(), { id: 'planted', key: 'planted' })
  t.ok(bed.engine.peek(ticket))
  t.equal(await bed.engine.find({ id: 'planted', key: 'planted' }), undefined)
})

t.test('SE-8 use keeps a session alive, idleness ends it', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  for (let use = 0; use < 5; use++) {
    await bed.clock.advance(20 * MINUTE_MS)
    t.ok(bed.engine.peek(ticket), 'in use')
    await settle()
  }
  await bed.clock.advance(30 * MINUTE_MS)
  t.equal(bed.engine.peek(ticket), undefined)
  t.same(await bed.engine.find(ticket), { ended: 'session_idle' })
  t.match(bed.eventsOf('session_ended'), [{ reason: 'session_idle', subject: 'alice' }])
})

t.test('SE-8 sliding never moves the absolute end', async (t) => {
  const bed = sessionBed(t, { lifetimeMs: 60 * MINUTE_MS })
  const { ticket } = await bed.live()
  for (let use = 0; use < 5; use++) {
    await bed.clock.advance(10 * MINUTE_MS)
    t.ok(await bed.engine.find(ticket))
  }
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(bed.engine.peek(ticket), undefined)
  t.same(await bed.engine.find(ticket), { ended: 'session_expired' })
})

t.test('SE-8 a session in use until its absolute end was not idle', async (t) => {
  const bed = sessionBed(t, { lifetimeMs: 60 * MINUTE_MS })
  const { ticket } = await bed.live()
  await bed.clock.advance(29.5 * MINUTE_MS)
  t.ok(await bed.engine.find(ticket))
  await bed.clock.advance(29.5 * MINUTE_MS + SECOND_MS)
  t.ok(await bed.engine.find(ticket))
  await bed.clock.advance(MINUTE_MS - SECOND_MS)
  t.same(await bed.engine.find(ticket), { ended: 'session_expired' })
})

t.test('SE-8 the limits hold although the clock of the store lags behind', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  await bed.clock.advance(31 * MINUTE_MS)
  const sealed = vault.seal(ticket, 1, session.record)
  const { idleEndsAtMs } = session
  bed.breaks.instead.read = async () => ({ sealed, version: 1, idleEndsAtMs })
  t.same(await bed.engine.find(ticket), { ended: 'session_idle' })
})

t.test('SE-18 a passive look never extends the session', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const endsAtMs = session.idleEndsAtMs
  for (let look = 0; look < 2; look++) {
    await bed.clock.advance(14 * MINUTE_MS)
    t.equal(liveSession(await bed.engine.find(ticket, 'passive')).idleEndsAtMs, endsAtMs)
  }
  await bed.clock.advance(2 * MINUTE_MS)
  t.same(await bed.engine.find(ticket, 'passive'), { ended: 'session_idle' })
  t.notOk(bed.breaks.calls.includes('touch'))
})

t.test('the store hears of use at most once a minute', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  for (let second = 0; second < 180; second++) {
    await bed.clock.advance(SECOND_MS)
    bed.engine.peek(ticket)
  }
  t.equal(bed.breaks.calls.filter((call) => call === 'touch').length, 3)
  t.equal(bed.breaks.calls.filter((call) => call === 'read').length, 0)
})

t.test('a use that cannot be written down is told, and the session goes on', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  bed.breaks.broken.add('touch')
  await bed.clock.advance(2 * MINUTE_MS)
  t.ok(bed.engine.peek(ticket))
  await settle()
  t.match(bed.eventsOf('store_failed'), [{ operation: 'touch' }])
  t.ok(bed.engine.peek(ticket))
})

t.test('a session that went away unheard is dropped at its next use', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  await bed.clock.advance(2 * MINUTE_MS)
  bed.breaks.instead.touch = async () => false
  t.ok(bed.engine.peek(ticket))
  await settle()
  t.equal(bed.engine.peek(ticket), undefined)
})

t.test('SE-7 an ended session is dead everywhere at once', async (t) => {
  const bed = sessionBed(t)
  const replica = bed.replica()
  const { ticket } = await bed.live()
  t.ok(await replica.find(ticket))
  t.ok(replica.peek(ticket))
  const record = await bed.engine.end(ticket, 'session_revoked')
  t.equal(record?.refreshToken, 'refresh 0')
  t.equal(record?.idToken, 'id token 0')
  for (const engine of [bed.engine, replica]) {
    t.equal(engine.peek(ticket), undefined)
    t.same(await engine.find(ticket), { ended: 'session_revoked' })
  }
  t.equal(await bed.engine.end(ticket, 'session_revoked'), undefined)
  t.match(bed.eventsOf('session_ended'), [
    { reason: 'session_revoked', issuer: 'https://op.example', subject: 'alice', sid: 'sid 0' },
  ])
})

t.test('an end that the store does not take is told to the caller', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  bed.breaks.broken.add('end')
  t.equal(await reasonOf(bed.engine.end(ticket, 'session_revoked')), 'store_unavailable')
  t.equal(bed.engine.peek(ticket), undefined, 'it is not served from here meanwhile')
  bed.breaks.broken.clear()
  t.ok(await bed.engine.end(ticket, 'session_revoked'))
})

t.test('LO-9 sessions end by the sid and by the subject, of the issuer only', async (t) => {
  const bed = sessionBed(t)
  const sids = ['sid 1', 'sid 2', undefined] as const
  const sessions = await Promise.all(
    sids.map((sid) => bed.engine.create(withSid(bed.signIn(), sid), undefined)),
  )
  const [first, second, third] = sessions as [Ticket, Ticket, Ticket]
  t.equal(await bed.engine.endBySid('https://other.example', 'sid 1'), 0)
  t.equal(await bed.engine.endBySid('https://op.example', 'sid 1'), 1)
  t.same(await bed.engine.find(first), { ended: 'session_revoked' })
  t.ok(bed.engine.peek(second))
  t.equal(await bed.engine.endBySubject('https://op.example', 'bob'), 0)
  t.equal(await bed.engine.endBySubject('https://op.example', 'alice'), 2)
  for (const ticket of [second, third]) {
    t.same(await bed.engine.find(ticket), { ended: 'session_revoked' })
  }
  t.match(bed.eventsOf('session_ended'), [
    { sid: 'sid 1' },
    { subject: 'alice' },
    { subject: 'alice' },
  ])
})

function withSid<From extends { sid?: string }>(signIn: From, sid: string | undefined): From {
  const { sid: _, ...rest } = signIn
  return (sid === undefined ? rest : { ...rest, sid }) as From
}

t.test('a login transaction is completed once, however many callbacks arrive', async (t) => {
  const bed = sessionBed(t)
  const engines = [bed.engine, bed.replica()]
  const won = await Promise.all(
    Array.from({ length: 20 }, async (_, at) => engines[at % 2]?.consumeTransaction('state')),
  )
  t.equal(won.filter(Boolean).length, 1)
  await bed.clock.advance(15 * MINUTE_MS)
  t.equal(await bed.engine.consumeTransaction('state'), false, 'as long as its cookie may live')
  t.equal(await bed.engine.consumeTransaction('another state'), true)
})

t.test('SE-24 a record that cannot be opened counts as absent', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const damaged = vault.seal(ticket, 7, session.record)
  await bed.store.compareAndSet(session.key, 1, damaged)
  t.equal(await bed.engine.find(ticket), undefined)
  t.match(bed.eventsOf('warning'), [{ code: 'session_unreadable' }])
  t.equal(await bed.engine.end(ticket, 'session_revoked'), undefined)
  t.same(await bed.store.read(session.key), { ended: 'session_revoked' }, 'and can be ended')
})

t.test('SE-24 a record of a newer format counts as absent', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const newer = { ...session.record, formatVersion: 2 } as unknown as SessionRecord
  await bed.store.compareAndSet(session.key, 1, vault.seal(ticket, 2, newer))
  t.equal(await bed.engine.find(ticket), undefined)
})

t.test('SE-17 with the store down, what is not in the cache cannot be told', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  bed.breaks.broken.add('read').add('create')
  t.equal(await reasonOf(bed.replica().find(ticket)), 'store_unavailable')
  t.equal(await reasonOf(bed.engine.create(bed.signIn(), undefined)), 'store_unavailable')
  t.ok(bed.engine.peek(ticket), 'what is in the cache is served: nothing has been heard against it')
})

t.test('while changes cannot be heard, the store is asked each time', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  bed.breaks.isLive = false
  t.equal(bed.engine.peek(ticket), undefined)
  t.ok(await bed.engine.find(ticket))
  t.equal(bed.engine.peek(ticket), undefined)
  bed.breaks.isLive = true
  t.equal(bed.engine.peek(ticket), undefined, 'an old copy is not trusted again')
  t.ok(await bed.engine.find(ticket))
  t.ok(bed.engine.peek(ticket))
})

t.test('the cache is bounded: the session unused for the longest time gives way', async (t) => {
  const bed = sessionBed(t, { cacheEntries: 2 })
  const first = await bed.engine.create(bed.signIn(), undefined)
  const second = await bed.engine.create(bed.signIn(), undefined)
  await bed.clock.advance(2 * MINUTE_MS)
  t.ok(bed.engine.peek(first))
  await bed.engine.create(bed.signIn(), undefined)
  t.equal(bed.engine.peek(second), undefined)
  t.ok(bed.engine.peek(first))
  t.ok(await bed.engine.find(second), 'only its copy is gone')
})

t.test('AT-42 a clock set back does not make sessions endless', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  await bed.clock.advance(-20 * MINUTE_MS)
  t.ok(bed.engine.peek(ticket))
  await bed.clock.advance(31 * MINUTE_MS)
  t.same(await bed.engine.find(ticket), { ended: 'session_idle' })
})

for (const jumpMs of [60 * MINUTE_MS, -60 * MINUTE_MS]) {
  t.test(
    `AT-42 the wall clock jumps by ${jumpMs / MINUTE_MS} min: no logout, one refresh`,
    async (t) => {
      const bed = sessionBed(t)
      const { ticket, session } = await bed.live()
      bed.clock.setWall(jumpMs)
      for (let call = 0; call < 20; call++) {
        const live = liveSession(await bed.engine.find(ticket))
        t.match(await bed.engine.accessToken(live), { value: /^access/ })
        await settle()
      }
      t.equal(bed.presented.length, 1)
      t.equal(liveSession(bed.engine.peek(ticket)).record.endsAtMs, session.record.endsAtMs)
      await bed.clock.advance(30 * MINUTE_MS)
      t.same(await bed.engine.find(ticket), { ended: 'session_idle' })
    },
  )
}

t.test(
  'AT-4 a session of a provider that is not configured any more counts as absent',
  async (t) => {
    const bed = sessionBed(t)
    const { ticket } = await bed.live()
    const moved = bed.replica(new Set(['https://other.example']))
    t.equal(await moved.find(ticket), undefined)
    t.equal(moved.peek(ticket), undefined)
    t.same(bed.presented, [], 'nobody is shown its refresh token')
    t.ok(
      liveSession(await bed.replica().find(ticket)),
      'and it is there when the provider is again',
    )
  },
)
