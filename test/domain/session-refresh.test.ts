import t, { type Test } from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { LiveSession, SessionEngine } from '../../src/domain/session-engine.ts'
import type { AccessToken } from '../../src/domain/session-record.ts'
import { loginToken } from '../../src/domain/token-freshness.ts'
import type { RefreshAnswer } from '../../src/domain/sign-in.ts'
import {
  deferred,
  liveSession,
  MINUTE_MS,
  reasonOf,
  SECOND_MS,
  sessionBed,
  settle,
  storeDown,
  type SessionBed,
} from './session-bed.ts'

const STALE_MS = 8 * MINUTE_MS // of the 10 minutes a token of the bed lives

function rejection(providerError = 'invalid_grant'): GatewayError {
  return Object.assign(new GatewayError('refresh_rejected', 'told to reject'), { providerError })
}

function outage(): GatewayError {
  return new GatewayError('provider_unavailable', 'told to fail')
}

function valueOf(token: unknown): string | undefined {
  return (token as AccessToken).value
}

function storedRecord(bed: SessionBed, session: LiveSession): Promise<LiveSession> {
  return bed.replica().find(session.ticket, 'passive').then(liveSession)
}

t.test('RT-1 S-24 100 calls early in the life of a token: no refresh', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  for (let call = 0; call < 100; call++) {
    const token = bed.engine.accessToken(liveSession(bed.engine.peek(ticket)))
    t.equal(valueOf(token), 'access 0')
  }
  await settle()
  t.equal(bed.presented.length, 0)
})

t.test('RT-1 a stale token is used while the next one is fetched once', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { grant: () => answer.promise })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(STALE_MS)
  for (let call = 0; call < 20; call++) {
    t.equal(valueOf(bed.engine.accessToken(session)), 'access 0')
    await settle()
  }
  answer.resolve(bed.answer(1))
  await settle()
  t.equal(valueOf(bed.engine.accessToken(session)), 'access 1', 'also for an old snapshot')
  t.equal(bed.presented.length, 1)
  t.equal(valueOf(bed.engine.accessToken(liveSession(bed.engine.peek(ticket)))), 'access 1')
})

t.test('RT-1 tokens of two seconds are refreshed ahead, not per call', async (t) => {
  const bed = sessionBed(t, { tokenLifeMs: 2 * SECOND_MS })
  const { ticket } = await bed.live()
  for (let step = 0; step < 100; step++) {
    await bed.clock.advance(100)
    const token = bed.engine.accessToken(liveSession(bed.engine.peek(ticket)))
    t.notOk(token instanceof Promise, 'nobody waits')
  }
  t.equal(bed.presented.length, 6)
})

t.test('AT-19 RL-5 200 parallel calls at expiry: one refresh, the new token for all', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const tokens = await Promise.all(
    Array.from({ length: 200 }, async () =>
      bed.engine.accessToken(liveSession(await bed.engine.find(ticket))),
    ),
  )
  t.same(new Set(tokens.map(valueOf)), new Set(['access 1']))
  t.same(bed.presented, ['refresh 0'])
  t.equal(
    valueOf(await bed.engine.accessToken(session)),
    'access 1',
    'a late one with an old snapshot',
  )
  t.equal(bed.presented.length, 1)
})

t.test('AT-19 two replicas with 200 calls each: one refresh, the new token for all', async (t) => {
  const bed = sessionBed(t, {
    grant: async (_record, nth) => {
      await settle()
      return bed.answer(nth)
    },
  })
  const { ticket } = await bed.live()
  const engines = [bed.engine, bed.replica()]
  await bed.clock.advance(10 * MINUTE_MS)
  const call = async (at: number): Promise<unknown> => {
    const engine = engines[at % 2] as SessionEngine
    return engine.accessToken(liveSession(await engine.find(ticket)))
  }
  const tokens = await Promise.all(Array.from({ length: 400 }, (_, at) => call(at)))
  t.same(new Set(tokens.map(valueOf)), new Set(['access 1']))
  t.same(bed.presented, ['refresh 0'])
})

t.test('RT-2 without a live channel, replicas still refresh once', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  bed.breaks.isLive = false
  await bed.clock.advance(10 * MINUTE_MS)
  const engines = [bed.engine, bed.replica()]
  const sessions = await Promise.all(
    engines.map(async (engine) => liveSession(await engine.find(ticket))),
  )
  const tokens = await Promise.all(
    engines.map(async (engine, at) => engine.accessToken(sessions[at] as LiveSession)),
  )
  t.same(tokens.map(valueOf), ['access 1', 'access 1'])
  t.equal(bed.presented.length, 1)
})

t.test('RT-2 a token that was slow to come is good for all who waited for it', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { tokenLifeMs: 3 * SECOND_MS, grant: () => answer.promise })
  const { session } = await bed.live()
  await bed.clock.advance(3 * SECOND_MS)
  const asOfRequest = bed.answer(1)
  const tokens = [bed.engine, bed.replica()].map((engine) => engine.accessToken(session))
  await bed.clock.advance(8 * SECOND_MS)
  answer.resolve(asOfRequest)
  t.same((await Promise.all(tokens)).map(valueOf), ['access 1', 'access 1'])
  t.equal(bed.presented.length, 1)
})

t.test('RT-2 the lease is renewed while a slow provider is waited for', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { grant: () => answer.promise })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const token = bed.engine.accessToken(session)
  await bed.clock.advance(40 * SECOND_MS)
  t.equal(await bed.store.lock(session.key, 'thief', SECOND_MS), false)
  answer.resolve(bed.answer(1))
  t.equal(valueOf(await token), 'access 1')
  await settle()
  t.equal(await bed.store.lock(session.key, 'next', SECOND_MS), true)
  t.equal(bed.clock.pending(), 0, 'no timer is left')
})

t.test('RT-2 a lease that cannot be renewed or given back stops nothing', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { grant: () => answer.promise })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const token = bed.engine.accessToken(session)
  bed.breaks.broken.add('renewLock').add('unlock')
  await bed.clock.advance(6 * SECOND_MS)
  answer.resolve(bed.answer(1))
  t.equal(valueOf(await token), 'access 1')
  await settle()
  t.match(bed.eventsOf('store_failed'), [{ operation: 'lock' }, { operation: 'lock' }])
})

t.test(
  'RT-2 the holder of the lock died: its lease runs out, the next one refreshes',
  async (t) => {
    const bed = sessionBed(t)
    const { session } = await bed.live()
    await bed.clock.advance(10 * MINUTE_MS)
    await bed.store.lock(session.key, 'dead', 15 * SECOND_MS)
    const waited = deferred<void>()
    bed.breaks.instead.waitForUnlock = () => waited.promise
    const token = bed.engine.accessToken(session)
    await bed.clock.advance(15 * SECOND_MS)
    waited.resolve()
    t.equal(valueOf(await token), 'access 1')
  },
)

t.test('RT-2 a lock that is never given back is not waited for without end', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  bed.breaks.instead.lock = async () => false
  bed.breaks.instead.waitForUnlock = (_key, timeoutMs) => bed.clock.advance(timeoutMs)
  t.equal(await reasonOf(bed.engine.accessToken(session)), 'provider_unavailable')
  t.equal(bed.presented.length, 0)
})

t.test('RT-3 what the answer leaves out stays: refresh token, ID token, claims', async (t) => {
  const bed = sessionBed(t, {
    grant: (_record, nth) => ({ accessToken: bed.answer(nth).accessToken }),
  })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
  const { record, version } = await storedRecord(bed, session)
  t.equal(version, 2)
  t.match(record, {
    refreshToken: 'refresh 0',
    idToken: 'id token 0',
    claims: { groups: ['staff'] },
  })
  t.match(bed.eventsOf('refresh_succeeded'), [{ rotated: false, subject: 'alice' }])
})

t.test('RT-17 the claims after a refresh are the claims', async (t) => {
  const claims = { sub: 'alice', groups: ['admin'] }
  const bed = sessionBed(t, {
    grant: (_record, nth) => ({ ...bed.answer(nth), claims, acr: 'phr' }),
  })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  await bed.engine.accessToken(session)
  const { record } = liveSession(bed.engine.peek(ticket))
  t.same(record.claims, claims)
  t.equal(record.acr, 'phr')
  t.match(bed.eventsOf('refresh_succeeded'), [{ rotated: true }])
})

t.test('RT-17 a slow read never puts an old version over a newer one', async (t) => {
  const bed = sessionBed(t)
  const replica = bed.replica()
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const before = await bed.store.read(session.key)
  const slow = deferred<void>()
  bed.breaks.instead.read = async () => {
    delete bed.breaks.instead.read
    await slow.promise
    return before
  }
  const reading = replica.find(ticket)
  await settle()
  await bed.engine.accessToken(session)
  slow.resolve()
  t.equal(liveSession(await reading).version, 1)
  t.equal(replica.peek(ticket), undefined, 'the old one is not kept')
  t.equal(liveSession(await replica.find(ticket)).version, 2)
})

t.test('RT-5 a definite refusal ends the session, for all who waited', async (t) => {
  const bed = sessionBed(t, { grant: () => Promise.reject(rejection()) })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => bed.engine.accessToken(session)),
  )
  for (const answer of answers) t.same(answer, { ended: 'refresh_rejected' })
  t.equal(bed.presented.length, 1)
  t.equal(bed.engine.peek(ticket), undefined)
  t.same(await bed.engine.find(ticket), { ended: 'refresh_rejected' })
  t.match(bed.eventsOf('refresh_rejected'), [{ providerError: 'invalid_grant', subject: 'alice' }])
  t.match(bed.eventsOf('session_ended'), [{ reason: 'refresh_rejected', subject: 'alice' }])
  t.same(bed.eventsOf('refresh_failed'), [])
})

t.test('RT-5 a refusal of a background refresh ends the session too', async (t) => {
  const bed = sessionBed(t, { grant: () => Promise.reject(rejection()) })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(STALE_MS)
  t.equal(valueOf(bed.engine.accessToken(session)), 'access 0')
  await settle()
  t.same(await bed.engine.find(ticket), { ended: 'refresh_rejected' })
})

t.test(
  'RT-5 an outage keeps the session: the valid token is used, then 503, then all is well',
  async (t) => {
    let isDown = true
    const bed = sessionBed(t, {
      grant: (_record, nth) => (isDown ? Promise.reject(outage()) : bed.answer(nth)),
    })
    const { session } = await bed.live()
    await bed.clock.advance(STALE_MS)
    t.equal(valueOf(bed.engine.accessToken(session)), 'access 0')
    await settle()
    t.match(bed.eventsOf('refresh_failed'), [{ reason: 'provider_unavailable', subject: 'alice' }])
    t.equal(valueOf(bed.engine.accessToken(session)), 'access 0')
    await bed.clock.advance(2 * MINUTE_MS)
    t.equal(await reasonOf(bed.engine.accessToken(session)), 'provider_unavailable')
    isDown = false
    await bed.clock.advance(30 * SECOND_MS)
    t.match(valueOf(await bed.engine.accessToken(session)), /^access/)
  },
)

t.test('D-8 nothing but a refusal, a subject, a logout or a limit ends a session', async (t) => {
  const FAILURES = [
    outage(),
    new GatewayError('provider_error', 'told to fail'),
    storeDown(),
    new TypeError('fetch failed'),
  ]
  for (const failure of FAILURES) {
    const bed = sessionBed(t, { grant: () => Promise.reject(failure) })
    const { ticket, session } = await bed.live()
    await bed.clock.advance(10 * MINUTE_MS)
    const expected = failure instanceof GatewayError ? failure.reason : 'provider_unavailable'
    t.equal(await reasonOf(bed.engine.accessToken(session)), expected)
    t.ok(await bed.engine.find(ticket))
    t.ok(bed.engine.peek(ticket))
  }
})

t.test(
  'RL-5 a queue behind a failed refresh does not repeat it, and pauses grow to half a minute',
  async (t) => {
    const bed = sessionBed(t, {
      grant: () => Promise.reject(outage()),
      idleTimeoutMs: 300 * MINUTE_MS,
    })
    const { session } = await bed.live()
    await bed.clock.advance(10 * MINUTE_MS)
    for (let call = 0; call < 50; call++) {
      t.equal(await reasonOf(bed.engine.accessToken(session)), 'provider_unavailable')
    }
    t.equal(bed.presented.length, 1)
    for (let second = 0; second < 300; second++) {
      await bed.clock.advance(SECOND_MS)
      await reasonOf(bed.engine.accessToken(session))
    }
    t.equal(bed.presented.length, 1 + 5 + 8, 'after 1, 2, 4, 8, 16 s, then every 30')
  },
)

t.test(
  'RT-4 the answer was lost after the rotation: the next refusal ends the session',
  async (t) => {
    const bed = sessionBed(t, {
      grant: (_record, nth) => Promise.reject(nth === 1 ? outage() : rejection()),
    })
    const { ticket, session } = await bed.live()
    await bed.clock.advance(10 * MINUTE_MS)
    t.equal(await reasonOf(bed.engine.accessToken(session)), 'provider_unavailable')
    await bed.clock.advance(SECOND_MS)
    t.same(await bed.engine.accessToken(session), { ended: 'refresh_rejected' })
    t.same(await bed.engine.find(ticket), { ended: 'refresh_rejected' })
    t.equal(bed.presented.length, 2)
  },
)

t.test('RT-3 an answer that cannot be used loses no rotated refresh token', async (t) => {
  const bed = sessionBed(t, {
    grant: (_record, nth) =>
      nth === 1 ? { refused: outage(), refreshToken: 'refresh 1' } : bed.answer(nth),
  })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(await reasonOf(bed.engine.accessToken(session)), 'provider_unavailable')
  t.equal((await storedRecord(bed, session)).record.refreshToken, 'refresh 1')
  await bed.clock.advance(SECOND_MS)
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 2')
  t.same(bed.presented, ['refresh 0', 'refresh 1'])
})

t.test('RT-6 a refresh that answers for somebody else ends the session', async (t) => {
  const claims = { sub: 'bob' }
  const bed = sessionBed(t, { grant: (_record, nth) => ({ ...bed.answer(nth), claims }) })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.same(await bed.engine.accessToken(session), { ended: 'refresh_rejected' })
  t.same(await bed.engine.find(ticket), { ended: 'refresh_rejected' })
  t.match(bed.eventsOf('refresh_rejected'), [{ providerError: 'subject_changed' }])
})

t.test(
  'TK-8 a provider whose tokens are born expired is asked once a second, not per call',
  async (t) => {
    const bed = sessionBed(t, { tokenLifeMs: 0 })
    const { ticket } = await bed.live()
    await bed.clock.advance(SECOND_MS)
    for (let call = 0; call < 20; call++) {
      const token = await bed.engine.accessToken(liveSession(await bed.engine.find(ticket)))
      t.equal(valueOf(token), 'access 1', 'who waited gets it all the same')
    }
    await bed.clock.advance(SECOND_MS)
    await bed.engine.accessToken(liveSession(await bed.engine.find(ticket)))
    t.equal(bed.presented.length, 2)
  },
)

t.test('S-5 without a refresh token the session ends with its access token', async (t) => {
  const bed = sessionBed(t)
  const { refreshToken: _, ...signIn } = bed.signIn()
  const ticket = await bed.engine.create(signIn, undefined)
  const session = liveSession(bed.engine.peek(ticket))
  await bed.clock.advance(STALE_MS)
  t.equal(valueOf(bed.engine.accessToken(session)), 'access 0')
  t.equal(await bed.engine.refresh(session), session, 'nothing to refresh with')
  await bed.clock.advance(2 * MINUTE_MS)
  t.same(await bed.engine.accessToken(session), { ended: 'session_expired' })
  t.same(await bed.engine.find(ticket), { ended: 'session_expired' })
  t.same(await bed.engine.refresh(session), { ended: 'session_expired' })
  t.equal(bed.presented.length, 0)
  t.match(bed.eventsOf('session_ended'), [{ reason: 'session_expired', subject: 'alice' }])
  t.equal(bed.eventsOf('session_ended').length, 1)
})

t.test(
  'RT-11 a session that is not used outlives no refresh token, one that is used goes on',
  async (t) => {
    const refreshTokenLifetimeMs = 15 * MINUTE_MS
    const bed = sessionBed(t, {
      grant: (_record, nth) => ({ ...bed.answer(nth), refreshTokenLifetimeMs }),
    })
    const idle = await bed.live({ refreshTokenLifetimeMs })
    const used = await bed.live({ refreshTokenLifetimeMs })
    for (let minute = 0; minute < 60; minute++) {
      await bed.clock.advance(MINUTE_MS)
      const session = bed.engine.peek(used.ticket) ?? (await bed.engine.find(used.ticket))
      if (session === undefined || 'ended' in session) return t.fail(`over after ${minute} minutes`)
      t.match(await bed.engine.accessToken(session), { value: /^access/ })
      if (minute === 13)
        t.match(await bed.engine.find(idle.ticket, 'passive'), { ticket: idle.ticket })
    }
    t.same(await bed.engine.find(idle.ticket), { ended: 'session_idle' })
    t.equal(bed.eventsOf('refresh_rejected').length, 0)
  },
)

t.test('RT-10 no refresh without a request, nor past the limits of the session', async (t) => {
  const bed = sessionBed(t, { idleTimeoutMs: 15 * MINUTE_MS })
  const { session } = await bed.live()
  await bed.clock.advance(14 * MINUTE_MS)
  t.equal(bed.presented.length, 0)
  await bed.clock.advance(MINUTE_MS)
  t.same(await bed.engine.accessToken(session), { ended: 'session_idle' })
  t.equal(bed.presented.length, 0)
})

t.test('RT-16 the ID token may be absent, and its age does not matter', async (t) => {
  const bed = sessionBed(t)
  const { idToken: _, ...signIn } = bed.signIn()
  const ticket = await bed.engine.create(signIn, undefined)
  for (let refresh = 1; refresh < 5; refresh++) {
    await bed.clock.advance(10 * MINUTE_MS)
    const token = await bed.engine.accessToken(liveSession(await bed.engine.find(ticket)))
    t.equal(valueOf(token), `access ${refresh}`)
  }
})

t.test('SE-21 a forced refresh is idempotent within its cooldown', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  t.equal(await bed.engine.refresh(session), session, 'signed in just now')
  await bed.clock.advance(MINUTE_MS)
  const refreshed = await Promise.all(Array.from({ length: 20 }, () => bed.engine.refresh(session)))
  for (const answer of refreshed) {
    t.equal(liveSession(answer).record.accessTokens[0]?.value, 'access 1')
  }
  t.equal(liveSession(await bed.engine.refresh(session)).version, 2)
  t.equal(bed.presented.length, 1)
  await bed.clock.advance(MINUTE_MS)
  t.equal(liveSession(await bed.engine.refresh(session)).version, 3)
})

t.test('SE-21 a forced refresh in an outage fails, and the session goes on', async (t) => {
  const bed = sessionBed(t, { grant: () => Promise.reject(outage()) })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(2 * MINUTE_MS)
  t.equal(await reasonOf(bed.engine.refresh(session)), 'provider_unavailable')
  t.equal(await reasonOf(bed.engine.refresh(session)), 'provider_unavailable')
  t.equal(bed.presented.length, 1)
  t.equal(valueOf(bed.engine.accessToken(liveSession(bed.engine.peek(ticket)))), 'access 0')
})

t.test('AT-20 a slow refresh that ends after the logout leaves the session dead', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { grant: () => answer.promise })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const waiting = bed.engine.accessToken(session)
  await settle()
  await bed.engine.end(ticket, 'session_revoked')
  answer.resolve(bed.answer(1))
  t.same(await waiting, { ended: 'session_revoked' })
  t.equal(bed.engine.peek(ticket), undefined)
  t.same(await bed.engine.find(ticket), { ended: 'session_revoked' })
  t.equal(await bed.store.count(), 0)
})

t.test('AT-20 … also when the write is done and the logout comes right after it', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const written = deferred<void>()
  const { store } = bed
  bed.breaks.instead.compareAndSet = async (...values) => {
    delete bed.breaks.instead.compareAndSet
    const wasWritten = await store.compareAndSet(...values)
    await written.promise
    return wasWritten
  }
  const waiting = bed.engine.accessToken(session)
  await settle()
  await bed.engine.end(ticket, 'session_revoked')
  written.resolve()
  t.same(await waiting, { ended: 'session_revoked' })
  t.equal(bed.engine.peek(ticket), undefined)
})

t.test('a session that is gone without a trace is not refreshed', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  bed.breaks.instead.read = async () => undefined
  t.same(await bed.engine.accessToken(session), { ended: 'session_revoked' })
  t.equal(bed.presented.length, 0)
})

t.test('a session that vanishes during the grant stays away', async (t) => {
  const bed = sessionBed(t, {
    grant: async (_record, nth) => {
      bed.breaks.instead.read = async () => undefined
      bed.breaks.instead.compareAndSet = async () => false
      return bed.answer(nth)
    },
  })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.same(await bed.engine.accessToken(session), { ended: 'session_revoked' })
})

t.test('the lease was lost and another replica has refreshed: its tokens stay', async (t) => {
  const slow = deferred<RefreshAnswer>()
  const bed = sessionBed(t, {
    grant: (_record, nth) => (nth === 1 ? slow.promise : bed.answer(nth)),
  })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const late = bed.engine.accessToken(session)
  await settle()
  const early = bed.answer('of the slow one')
  bed.breaks.instead.lock = async () => true
  await bed.clock.advance(SECOND_MS)
  const replica = bed.replica()
  const token = await replica.accessToken(liveSession(await replica.find(ticket)))
  t.equal(valueOf(token), 'access 2')
  slow.resolve(early)
  t.equal(valueOf(await late), 'access 2')
  t.equal((await storedRecord(bed, session)).record.refreshToken, 'refresh 2')
})

t.test('the lease was lost and our token is spent: the refusal is not the end', async (t) => {
  const slow = deferred<RefreshAnswer>()
  const bed = sessionBed(t, {
    grant: (_record, nth) => (nth === 1 ? slow.promise : bed.answer(nth)),
  })
  const { ticket, session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const late = bed.engine.accessToken(session)
  await settle()
  bed.breaks.instead.lock = async () => true
  const replica = bed.replica()
  await replica.accessToken(liveSession(await replica.find(ticket)))
  slow.reject(rejection())
  t.equal(valueOf(await late), 'access 2')
  t.same(bed.eventsOf('session_ended'), [])
})

t.test('another writer came between: our newer tokens go over its version', async (t) => {
  const bed = sessionBed(t, {
    grant: async (record, nth) => {
      const { sealed, version } = await sealedElsewhere(bed, session, {
        ...record,
        acr: 'elsewhere',
      })
      await bed.store.compareAndSet(session.key, version, sealed)
      return bed.answer(nth)
    },
  })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
  const { record, version } = await storedRecord(bed, session)
  t.equal(version, 3)
  t.match(record, { acr: 'elsewhere', refreshToken: 'refresh 1' })
})

async function sealedElsewhere(
  _bed: SessionBed,
  session: LiveSession,
  record: LiveSession['record'],
): Promise<{ sealed: Uint8Array; version: number }> {
  const { vault } = await import('../../src/session-store/vault.ts')
  return {
    sealed: vault.seal(session.ticket, session.version + 1, record),
    version: session.version,
  }
}

t.test(
  'a session that changes faster than it can be written is kept here and written later',
  async (t) => {
    const bed = sessionBed(t)
    const { ticket, session } = await bed.live()
    await bed.clock.advance(10 * MINUTE_MS)
    bed.breaks.instead.compareAndSet = async () => false
    t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
    delete bed.breaks.instead.compareAndSet
    await bed.clock.advance(SECOND_MS)
    t.equal((await storedRecord(bed, session)).record.refreshToken, 'refresh 1')
    t.equal(liveSession(bed.engine.peek(ticket)).version, 2)
  },
)

async function refreshedWhileStoreBreaks(
  t: Test,
): Promise<{ bed: SessionBed; session: LiveSession }> {
  const bed = sessionBed(t, {
    grant: (_record, nth) => {
      for (const method of ['compareAndSet', 'read', 'renewLock'] as const)
        bed.breaks.broken.add(method)
      return bed.answer(nth)
    },
  })
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
  return { bed, session }
}

t.test(
  'RT-15 the store breaks after the rotation: the new tokens are used and written later',
  async (t) => {
    const { bed, session } = await refreshedWhileStoreBreaks(t)
    const held = liveSession(bed.engine.peek(session.ticket))
    t.equal(valueOf(bed.engine.accessToken(held)), 'access 1')
    await bed.clock.advance(10 * SECOND_MS)
    t.ok(bed.eventsOf('store_failed').length > 2)
    bed.breaks.broken.clear()
    await bed.clock.advance(5 * SECOND_MS)
    const { record, version } = await storedRecord(bed, session)
    t.equal(version, 2)
    t.equal(record.refreshToken, 'refresh 1')
    t.equal(bed.clock.pending(), 0)
    t.equal(await bed.store.lock(session.key, 'next', SECOND_MS), true)
  },
)

t.test('RT-15 … the store may answer reads before it takes the write', async (t) => {
  const { bed, session } = await refreshedWhileStoreBreaks(t)
  bed.breaks.isLive = false
  bed.breaks.broken.delete('read')
  const found = liveSession(await bed.engine.find(session.ticket))
  t.equal(found.record.refreshToken, 'refresh 1', 'the spent token is not taken up again')
  bed.breaks.broken.clear()
  await bed.clock.advance(SECOND_MS)
  t.equal(liveSession(await bed.engine.find(session.ticket)).version, 2)
})

t.test('RT-15 … the write may have arrived although it seemed to fail', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  const { store } = bed
  bed.breaks.instead.compareAndSet = async (...values) => {
    delete bed.breaks.instead.compareAndSet
    await store.compareAndSet(...values)
    throw storeDown()
  }
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
  await bed.clock.advance(SECOND_MS)
  const { record, version } = await storedRecord(bed, session)
  t.equal(version, 2, 'written once')
  t.equal(record.refreshToken, 'refresh 1')
})

t.test('RT-15 … a logout in between wins', async (t) => {
  const { bed, session } = await refreshedWhileStoreBreaks(t)
  bed.breaks.broken.clear()
  const record = await bed.engine.end(session.ticket, 'session_revoked')
  t.equal(record?.refreshToken, 'refresh 1', 'the newest one is revoked')
  await bed.clock.advance(MINUTE_MS)
  t.same(await bed.engine.find(session.ticket), { ended: 'session_revoked' })
  t.equal(bed.engine.peek(session.ticket), undefined)
})

t.test('RT-15 … a store that stays away is given up after minutes', async (t) => {
  const { bed, session } = await refreshedWhileStoreBreaks(t)
  await bed.clock.advance(6 * MINUTE_MS)
  t.equal(bed.clock.pending(), 0)
  bed.breaks.broken.clear()
  t.equal((await storedRecord(bed, session)).version, 1)
})

t.test(
  'RT-2 the store was away for longer than a lease: the new tokens are written before a spent one is tried',
  async (t) => {
    const { bed, session } = await refreshedWhileStoreBreaks(t)
    bed.breaks.broken.add('lock')
    const other = bed.replica()
    t.equal(await reasonOf(other.find(session.ticket)), 'store_unavailable')
    await bed.clock.advance(20 * SECOND_MS) // the lease is over
    bed.breaks.broken.clear()
    const found = liveSession(await other.find(session.ticket))
    t.equal(loginToken(found.record).value, 'access 0', 'back, and not yet told')
    const waiting = other.accessToken(found)
    await bed.clock.advance(5 * SECOND_MS)
    t.equal(valueOf(await waiting), 'access 1')
    t.same(bed.presented, ['refresh 0'], 'spent once')
  },
)

t.test('RT-2 … and when nobody lives who has them, the next one refreshes', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  const other = bed.replica()
  for (const method of ['read', 'lock'] as const) bed.breaks.broken.add(method)
  await bed.clock.advance(10 * MINUTE_MS)
  t.equal(await reasonOf(other.find(session.ticket)), 'store_unavailable')
  await bed.clock.advance(20 * SECOND_MS)
  bed.breaks.broken.clear()
  const waiting = other.accessToken(liveSession(await other.find(session.ticket)))
  await bed.clock.advance(5 * SECOND_MS)
  t.equal(valueOf(await waiting), 'access 1')
})

t.test('SE-17 the store is down at expiry: no refresh is tried, no token is spent', async (t) => {
  const bed = sessionBed(t)
  const { session } = await bed.live()
  await bed.clock.advance(10 * MINUTE_MS)
  bed.breaks.broken.add('lock')
  t.equal(await reasonOf(bed.engine.accessToken(session)), 'store_unavailable')
  t.equal(bed.presented.length, 0)
  bed.breaks.broken.clear()
  await bed.clock.advance(2 * SECOND_MS)
  t.equal(valueOf(await bed.engine.accessToken(session)), 'access 1')
})

t.test('RT-15 closing waits for the refresh under way and its write', async (t) => {
  const answer = deferred<RefreshAnswer>()
  const bed = sessionBed(t, { grant: () => answer.promise })
  const { session } = await bed.live()
  await bed.clock.advance(STALE_MS)
  void bed.engine.accessToken(session)
  let isClosed = false
  const closed = bed.engine.close().then(() => (isClosed = true))
  await settle()
  t.equal(isClosed, false)
  answer.resolve(bed.answer(1))
  await closed
  t.equal((await storedRecord(bed, session)).record.refreshToken, 'refresh 1')
})

t.test('closing does not wait for ever', async (t) => {
  const { bed } = await refreshedWhileStoreBreaks(t)
  const closed = bed.engine.close()
  await bed.clock.advance(5 * SECOND_MS)
  await closed
  await bed.clock.advance(5 * SECOND_MS)
  t.equal(bed.clock.pending(), 0)
})
