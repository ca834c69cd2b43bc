import t from 'tap'
import * as fc from 'fast-check'
import {
  isSameSubject,
  limitReached,
  newRecord,
  refreshedRecord,
  slidIdleEnd,
  touchIntervalMs,
} from '../../src/domain/session-lifecycle.ts'
import type { RefreshAnswer, SignIn } from '../../src/domain/sign-in.ts'

const NOW_MS = 1_700_000_000_000
const accessToken = { target: '', value: 'a0', obtainedAtMs: NOW_MS, expiresAtMs: NOW_MS + 1 }
const signIn: SignIn = {
  issuer: 'https://op.example',
  subject: 'alice',
  sid: 'sid',
  claims: { sub: 'alice', groups: ['staff'] },
  acr: 'phr',
  authTimeMs: 5,
  nonce: 'n',
  idToken: 'i0',
  refreshToken: 'r0',
  accessToken,
}
const record = newRecord(signIn, NOW_MS, 1_000)

t.test('a new record is the sign-in with its two ends', async (t) => {
  const { accessToken: _, ...identity } = signIn
  t.same(record, {
    ...identity,
    formatVersion: 1,
    createdAtMs: NOW_MS,
    endsAtMs: NOW_MS + 1_000,
    accessTokens: [accessToken],
  })
})

t.test('RT-3 what a refresh leaves out stays', async (t) => {
  const next = { ...accessToken, value: 'a1' }
  t.same(refreshedRecord(record, { accessToken: next }, NOW_MS), {
    ...record,
    accessTokens: [next],
  })
})

t.test('RT-17 what a refresh brings replaces, claims as a whole', async (t) => {
  const answer: RefreshAnswer = {
    accessToken: { ...accessToken, value: 'a1' },
    refreshToken: 'r1',
    idToken: 'i1',
    claims: { sub: 'alice', groups: [] },
    acr: 'low',
    authTimeMs: 6,
  }
  const { accessToken: token, ...rest } = answer
  t.same(refreshedRecord(record, answer, NOW_MS), { ...record, ...rest, accessTokens: [token] })
})

t.test('tokens for other targets are left alone', async (t) => {
  const other = { ...accessToken, target: 'https://orders.example', value: 'other' }
  const next = { ...accessToken, value: 'a1' }
  const both = { ...record, accessTokens: [other, accessToken] }
  t.same(refreshedRecord(both, { accessToken: next }, NOW_MS).accessTokens, [next, other])
})

t.test('RT-11 how long the tokens can be renewed is the newest that was told', async (t) => {
  const told = newRecord({ ...signIn, refreshTokenLifetimeMs: 500_000 }, NOW_MS, 1_000)
  t.equal(told.renewableUntilMs, NOW_MS + 500_000)
  t.notOk('refreshTokenLifetimeMs' in told)
  const next = { ...accessToken, value: 'a1' }
  const later = NOW_MS + 100
  const refreshed = (answer: Partial<RefreshAnswer>) =>
    refreshedRecord(told, { accessToken: next, ...answer }, later).renewableUntilMs
  t.equal(refreshed({}), NOW_MS + 500_000, 'nothing told: as before')
  t.equal(refreshed({ refreshTokenLifetimeMs: 600_000 }), later + 600_000)
  t.equal(refreshed({ refreshToken: 'r1' }), undefined, 'a new one that tells nothing')
  const { obtainedAtMs, expiresAtMs } = accessToken
  t.equal(
    refreshed({ refreshTokenLifetimeMs: 1 }),
    later + expiresAtMs - obtainedAtMs,
    'the access token is good for that long without',
  )
})

t.test('RT-6 refreshed claims must speak of the same subject', async (t) => {
  t.equal(isSameSubject(record, { accessToken }), true)
  t.equal(isSameSubject(record, { accessToken, claims: { sub: 'alice' } }), true)
  t.equal(isSameSubject(record, { accessToken, claims: { sub: 'bob' } }), false)
  t.equal(isSameSubject(record, { accessToken, claims: { sub: 'alice', iss: 'evil' } }), false)
})

t.test('SE-8 the limit that came first is the reason', async (t) => {
  const limits = { idleEndsAtMs: 10, endsAtMs: 20 }
  t.equal(limitReached(limits, 9), undefined)
  t.equal(limitReached(limits, 10), 'session_idle')
  t.equal(limitReached(limits, 30), 'session_idle')
  t.equal(limitReached({ idleEndsAtMs: 20, endsAtMs: 20 }, 20), 'session_expired')
})

t.test('SE-8 sliding never passes the absolute end', async () => {
  const time = fc.integer({ min: 0, max: 1_000_000 })
  fc.assert(
    fc.property(time, time, time, (endsAtMs, nowMs, idleMs) => {
      const end = slidIdleEnd({ endsAtMs }, nowMs, idleMs)
      return end <= endsAtMs && end <= nowMs + idleMs
    }),
  )
})

t.test('RT-11 sliding never passes what the tokens can do', async (t) => {
  t.equal(slidIdleEnd({ endsAtMs: 1_000, renewableUntilMs: 300 }, 100, 500), 300)
  t.equal(slidIdleEnd({ endsAtMs: 1_000, renewableUntilMs: 900 }, 100, 500), 600)
})

t.test('a session in use is written down at most every minute', async (t) => {
  t.equal(touchIntervalMs(30 * 60_000), 60_000)
  t.equal(touchIntervalMs(60_000), 6_000)
})
