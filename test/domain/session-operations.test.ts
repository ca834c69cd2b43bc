import t, { type Test } from 'tap'
import { createSessionOperations } from '../../src/domain/session-operations.ts'
import { vault } from '../../src/session-store/vault.ts'
import { MINUTE_MS, reasonOf, sessionBed, type BedOptions } from './session-bed.ts'

const ISSUER = 'https://op.example'
const LIFETIME_MS = 12 * 60 * MINUTE_MS

function operated(t: Test, options: BedOptions = {}) {
  const bed = sessionBed(t, { ...options, lifetimeMs: LIFETIME_MS })
  const operations = createSessionOperations({
    store: bed.store,
    vault,
    lifetimeMs: LIFETIME_MS,
    emit: (event) => bed.events.push(event),
  })
  return { bed, operations }
}

t.test(
  'SE-14 sessions are listed by subject, by sid, or all, and nothing in them is shown',
  async (t) => {
    const { bed, operations } = operated(t)
    const createdAtMs = bed.clock.nowMs()
    await bed.live({ subject: 'alice', sid: 'one' })
    await bed.live({ subject: 'alice', sid: 'two' })
    await bed.live({ subject: 'bob', sid: 'three' })
    const count = async (selection: Parameters<typeof operations.list>[0]) =>
      (await operations.list(selection, { limit: 10 })).sessions.length
    t.equal(await count({ kind: 'all' }), 3)
    t.equal(await count({ kind: 'subject', issuer: ISSUER, subject: 'alice' }), 2)
    t.equal(await count({ kind: 'sid', issuer: ISSUER, sid: 'three' }), 1)
    t.equal(await count({ kind: 'sid', issuer: 'https://other.example', sid: 'three' }), 0)
    const { sessions } = await operations.list({ kind: 'all' }, { limit: 1 })
    t.match(sessions[0], { createdAtMs, endsAtMs: createdAtMs + LIFETIME_MS })
    t.same(Object.keys(sessions[0] ?? {}).sort(), [
      'createdAtMs',
      'endsAtMs',
      'idleEndsAtMs',
      'key',
    ])
  },
)

const SELECTIONS = [
  { selection: { kind: 'subject', issuer: ISSUER, subject: 'alice' }, ended: [true, true, false] },
  { selection: { kind: 'sid', issuer: ISSUER, sid: 'two' }, ended: [false, true, false] },
  { selection: { kind: 'all' }, ended: [true, true, true] },
] as const
for (const { selection, ended } of SELECTIONS) {
  t.test(
    `SE-14 an operator's end is effective at once on every replica: ${selection.kind}`,
    async (t) => {
      const { bed, operations } = operated(t)
      const sessions = [
        await bed.live({ subject: 'alice', sid: 'one' }),
        await bed.live({ subject: 'alice', sid: 'two' }),
        await bed.live({ subject: 'bob', sid: 'three' }),
      ]
      const replica = bed.replica()
      for (const { ticket } of sessions) await replica.find(ticket)
      const closed = sessions.map(() => false)
      for (const [at, { session }] of sessions.entries()) {
        replica.onEnd(session, () => void (closed[at] = true))
      }
      t.equal(await operations.end(selection), ended.filter(Boolean).length)
      t.same(
        sessions.map(({ ticket }) => replica.peek(ticket) === undefined),
        ended,
      )
      t.same(closed, ended, 'and what is open for them is closed')
      t.equal(bed.eventsOf('session_ended').length, ended.filter(Boolean).length)
      t.equal(await operations.end(selection), 0)
    },
  )
}

t.test('SE-14 one session is ended by the key it was listed with', async (t) => {
  const { bed, operations } = operated(t)
  const { session, ticket } = await bed.live()
  await bed.live({ sid: 'other' })
  t.equal(await operations.end({ kind: 'key', key: session.key }), 1)
  t.same(await bed.engine.find(ticket), { ended: 'session_revoked' })
  t.equal(await bed.store.count(), 1)
  t.equal(await operations.end({ kind: 'key', key: 'never seen' }), 0)
})

t.test('SE-14 more sessions than fit on a page all end', async (t) => {
  const { bed, operations } = operated(t)
  for (let nth = 0; nth < 450; nth++) {
    await bed.engine.create(bed.signIn({ subject: `subject ${nth}` }), undefined)
  }
  t.equal(await operations.end({ kind: 'all' }), 450)
  t.equal(await bed.store.count(), 0)
})

t.test('a store that fails is told, not passed over', async (t) => {
  const { bed, operations } = operated(t)
  await bed.live()
  bed.breaks.broken.add('end').add('endByIndex').add('list')
  const selection = { kind: 'subject', issuer: ISSUER, subject: 'alice' } as const
  t.equal(await reasonOf(operations.end({ kind: 'all' })), 'store_unavailable')
  t.equal(await reasonOf(operations.end(selection)), 'store_unavailable')
  t.equal(await reasonOf(operations.list(selection, { limit: 1 })), 'store_unavailable')
})
