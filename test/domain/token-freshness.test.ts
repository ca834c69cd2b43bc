import t from 'tap'
import * as fc from 'fast-check'
import type { AccessToken, SessionRecord } from '../../src/domain/session-record.ts'
import {
  freshness,
  loginToken,
  nextAutoRefreshAtMs,
  refreshCooldownEndsAtMs,
} from '../../src/domain/token-freshness.ts'

const NOW_MS = 1_700_000_000_000
const SECOND_MS = 1_000
const HOUR_MS = 3_600_000

function living(lifeMs: number): AccessToken {
  return { target: '', value: 'token', obtainedAtMs: NOW_MS, expiresAtMs: NOW_MS + lifeMs }
}

const AHEAD: [string, number, number][] = [
  ['an hour: three quarters', HOUR_MS, 0.75 * HOUR_MS],
  ['two minutes: three quarters and 30 s before the end are the same', 120_000, 90_000],
  ['one minute: 30 s before the end', 60_000, 30_000],
  ['half a minute: 30 s would be all of it, so three quarters', 30_000, 22_500],
  ['two seconds: three quarters', 2_000, 1_500],
]

for (const [name, lifeMs, aheadMs] of AHEAD) {
  t.test(`RT-1 a token is refreshed ahead of its end, ${name}`, async (t) => {
    const token = living(lifeMs)
    t.equal(nextAutoRefreshAtMs(token), NOW_MS + aheadMs)
    t.equal(freshness(token, NOW_MS + aheadMs - 1), 'fresh')
    t.equal(freshness(token, NOW_MS + aheadMs), 'stale')
    t.equal(freshness(token, NOW_MS + lifeMs - 1), 'stale')
    t.equal(freshness(token, NOW_MS + lifeMs), 'expired')
  })
}

t.test('TK-8 a token that was born expired serves for a second: no refresh per call', async (t) => {
  for (const lifeMs of [0, -5_000]) {
    t.equal(freshness(living(lifeMs), NOW_MS), 'fresh')
    t.equal(freshness(living(lifeMs), NOW_MS + 999), 'fresh')
    t.equal(freshness(living(lifeMs), NOW_MS + SECOND_MS), 'expired')
  }
})

t.test('AT-42 a token from the far future is refreshed: our clock was set back', async (t) => {
  t.equal(freshness(living(HOUR_MS), NOW_MS - HOUR_MS), 'stale')
  t.equal(freshness(living(HOUR_MS), NOW_MS - SECOND_MS), 'fresh', 'replicas differ by little')
})

t.test(
  'RT-1 a token that was just obtained is not due for half of its life, and a second',
  async () => {
    fc.assert(
      fc.property(fc.integer({ min: -HOUR_MS, max: 100 * HOUR_MS }), (lifeMs) => {
        const token = living(lifeMs)
        const dueMs = nextAutoRefreshAtMs(token) - NOW_MS
        const isDueInTime = dueMs < lifeMs || dueMs === SECOND_MS
        return freshness(token, NOW_MS) === 'fresh' && dueMs >= lifeMs / 2 && isDueInTime
      }),
    )
  },
)

t.test('freshness never goes back while time goes on', async () => {
  const order = ['fresh', 'stale', 'expired']
  const time = fc.integer({ min: 0, max: HOUR_MS })
  fc.assert(
    fc.property(time, time, time, (lifeMs, oneMs, anotherMs) => {
      const [sooner, later] = [Math.min(oneMs, anotherMs), Math.max(oneMs, anotherMs)]
      const at = (ms: number): number => order.indexOf(freshness(living(lifeMs), NOW_MS + ms))
      return at(sooner) <= at(later)
    }),
  )
})

t.test('the cooldown ends when the token is due, and never at once', async (t) => {
  t.equal(refreshCooldownEndsAtMs(living(HOUR_MS), 10_000), NOW_MS + 10_000)
  t.equal(refreshCooldownEndsAtMs(living(2_000), 10_000), NOW_MS + 1_500)
  t.equal(refreshCooldownEndsAtMs(living(0), 10_000), NOW_MS + SECOND_MS)
})

t.test('the token of the login is the one without a target', async (t) => {
  const record = { accessTokens: [{ ...living(1), target: 'other' }, living(2)] } as unknown
  t.equal(loginToken(record as SessionRecord).expiresAtMs, NOW_MS + 2)
  const none = loginToken({ accessTokens: [] } as unknown as SessionRecord)
  t.equal(freshness(none, NOW_MS), 'expired')
})
