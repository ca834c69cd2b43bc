import t, { type Test } from 'tap'
import type { LogoutNotice } from '../../src/domain/provider-logout.ts'
import { MINUTE_MS, reasonOf, sessionBed, type SessionBed } from './session-bed.ts'

const ISSUER = 'https://op.example'

function notice(bed: SessionBed, over: Partial<LogoutNotice>): LogoutNotice {
  return { issuer: ISSUER, jti: 'jti 0', validUntilMs: bed.clock.wallMs() + 2 * MINUTE_MS, ...over }
}

async function isAlive(bed: SessionBed, ticket: { id: string; key: string }): Promise<boolean> {
  const found = await bed.engine.find(ticket, 'passive')
  return found !== undefined && 'ticket' in found
}

t.test('LO-9 with a sid its sessions end, and no others of the subject', async (t) => {
  const bed = sessionBed(t)
  const one = await bed.live({ sid: 'sid 1' })
  const same = await bed.live({ sid: 'sid 1' })
  const other = await bed.live({ sid: 'sid 2' })
  const stranger = await bed.live({ subject: 'bob', sid: 'sid 3' })
  t.equal(await bed.replica().endByProvider(notice(bed, { sid: 'sid 1', subject: 'alice' })), 2)
  t.notOk(await isAlive(bed, one.ticket))
  t.notOk(await isAlive(bed, same.ticket))
  t.ok(await isAlive(bed, other.ticket))
  t.ok(await isAlive(bed, stranger.ticket))
})

t.test('LO-9 without a sid all sessions of the subject end', async (t) => {
  const bed = sessionBed(t)
  const one = await bed.live({ sid: 'sid 1' })
  const two = await bed.live({ sid: 'sid 2' })
  const stranger = await bed.live({ subject: 'bob' })
  t.equal(await bed.engine.endByProvider(notice(bed, { subject: 'alice' })), 2)
  t.notOk(await isAlive(bed, one.ticket))
  t.notOk(await isAlive(bed, two.ticket))
  t.ok(await isAlive(bed, stranger.ticket))
})

t.test('ID-14 the same sid or subject of another issuer is somebody else', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  const issuer = 'https://other.example'
  t.equal(await bed.engine.endByProvider(notice(bed, { issuer, sid: 'sid 0' })), 0)
  t.equal(await bed.engine.endByProvider(notice(bed, { issuer, subject: 'alice', jti: '2' })), 0)
  t.ok(await isAlive(bed, ticket))
})

t.test('LO-10 a token works once, until nobody takes it any more', async (t) => {
  const bed = sessionBed(t)
  const token = notice(bed, { subject: 'alice' })
  t.equal(await bed.engine.endByProvider(token), 0)
  await bed.clock.advance(1)
  const { ticket } = await bed.live()
  t.equal(await bed.replica().endByProvider(token), undefined, 'also at another replica')
  t.ok(await isAlive(bed, ticket))
  t.equal(await bed.engine.endByProvider({ ...token, jti: 'jti 1' }), 1)
  await bed.clock.advance(2 * MINUTE_MS)
  t.equal(await bed.engine.endByProvider(token), 0, 'forgotten: it has expired')
})

for (const operation of ['recall', 'remember', 'endByIndex'] as const) {
  t.test(`LO-10 a token is not used up when the store fails at ${operation}`, async (t) => {
    const bed = sessionBed(t)
    const { ticket } = await bed.live()
    bed.breaks.broken.add(operation)
    const token = notice(bed, { sid: 'sid 0' })
    t.equal(await reasonOf(bed.engine.endByProvider(token)), 'store_unavailable')
    bed.breaks.broken.clear()
    t.equal(await bed.engine.endByProvider(token), 1)
    t.notOk(await isAlive(bed, ticket))
  })
}

async function refusedLogin(t: Test, bed: SessionBed, startedAtMs?: number): Promise<void> {
  const started = startedAtMs === undefined ? {} : { startedAtMs }
  const before = await bed.store.count()
  const login = bed.engine.create(bed.signIn(started), undefined)
  t.equal(await reasonOf(login), 'session_revoked')
  t.equal(await bed.store.count(), before, 'nothing stays in the store')
}

t.test('LO-11 a sid that was signed out never comes alive', async (t) => {
  const bed = sessionBed(t)
  await bed.engine.endByProvider(notice(bed, { sid: 'sid 0' }))
  await refusedLogin(t, bed)
  await bed.clock.advance(15 * MINUTE_MS)
  await refusedLogin(t, bed)
  const { ticket } = await bed.live({ sid: 'sid of the next login' })
  t.ok(await isAlive(bed, ticket))
})

t.test('LO-11 a login that began before the subject was signed out is stopped', async (t) => {
  const bed = sessionBed(t)
  const startedAtMs = bed.clock.wallMs()
  await bed.clock.advance(MINUTE_MS)
  await bed.engine.endByProvider(notice(bed, { subject: 'alice' }))
  await refusedLogin(t, bed, startedAtMs)
  await bed.live({ subject: 'bob', startedAtMs })
  await bed.clock.advance(1)
  const { ticket } = await bed.live({ startedAtMs: bed.clock.wallMs() })
  t.ok(await isAlive(bed, ticket), 'a login that begins after it is another matter')
})

t.test('SE-9 the session that a stopped login should have replaced is over too', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live({ sid: 'sid before' })
  await bed.engine.endByProvider(notice(bed, { sid: 'sid 0' }))
  t.equal(await reasonOf(bed.engine.create(bed.signIn(), ticket)), 'session_revoked')
  t.notOk(await isAlive(bed, ticket))
})

t.test('a refresh is heard of in every process, until nobody listens', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  let count = 0
  const stop = bed.replica().onRefresh(session, () => (count += 1))
  await bed.clock.advance(2 * MINUTE_MS)
  await bed.engine.refresh(session)
  t.equal(count, 1)
  stop()
  stop()
  await bed.clock.advance(2 * MINUTE_MS)
  const found = await bed.engine.find(ticket)
  if (found !== undefined && 'ticket' in found) await bed.engine.refresh(found)
  t.equal(count, 1)
})

t.test('SE-22 reading anew sees a use at another replica, and is none itself', async (t) => {
  const bed = sessionBed(t)
  const replica = bed.replica()
  const { ticket, session } = await bed.live()
  const before = session.idleEndsAtMs
  await replica.find(ticket)
  await bed.clock.advance(10 * MINUTE_MS)
  await replica.find(ticket)
  await bed.clock.advance(0)
  const found = await bed.engine.reread(session)
  t.match(found, { idleEndsAtMs: before + 10 * MINUTE_MS })
  await bed.clock.advance(10 * MINUTE_MS)
  t.match(await bed.engine.reread(session), { idleEndsAtMs: before + 10 * MINUTE_MS })
})
