import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { tokenWish } from '../../src/domain/route-token.ts'
import { createServiceTokens } from '../../src/domain/service-tokens.ts'
import { createClock, MINUTE_MS, reasonOf, SECOND_MS } from './session-bed.ts'

const A = tokenWish('client_credentials', { audience: 'a' })
const B = tokenWish('client_credentials', { audience: 'b' })

function serviceBed() {
  const clock = createClock()
  const events: GatewayEvent[] = []
  const asked: string[] = []
  let failure: GatewayError | undefined
  const tokens = createServiceTokens({
    clientCredentialsGrant: async ({ audience = '', target }) => {
      asked.push(audience)
      if (failure !== undefined) throw failure
      const obtainedAtMs = clock.wallMs()
      const value = `${audience} ${asked.length}`
      return { target, value, obtainedAtMs, expiresAtMs: obtainedAtMs + 10 * MINUTE_MS }
    },
    cooldownMs: MINUTE_MS,
    nowMs: clock.nowMs,
    wallClockMs: clock.wallMs,
    emit: (event) => events.push(event),
  })
  const value = async (wish: typeof A) => (await tokens.token(wish)).value
  return { clock, events, asked, tokens, value, fail: (error?: GatewayError) => (failure = error) }
}

t.test('RS-13 one fetch for all who wait, one token for each wish', async (t) => {
  const { asked, value } = serviceBed()
  const values = await Promise.all(Array.from({ length: 100 }, (_, at) => value(at % 2 ? A : B)))
  t.same(new Set(values), new Set(['b 1', 'a 2']))
  t.same(asked, ['b', 'a'])
})

t.test('RT-1 it is fetched ahead of its end, and awaited only when expired', async (t) => {
  const { clock, value } = serviceBed()
  t.equal(await value(A), 'a 1')
  await clock.advance(8 * MINUTE_MS)
  t.equal(await value(A), 'a 1', 'still valid')
  t.equal(await value(A), 'a 2', 'fetched in the background')
  await clock.advance(10 * MINUTE_MS)
  t.equal(await value(A), 'a 3')
})

t.test('D-8 an outage: the valid token is used, then each pause brings one question', async (t) => {
  const { clock, asked, events, value, fail } = serviceBed()
  t.equal(await value(A), 'a 1')
  fail(new GatewayError('provider_unavailable', 'told to fail'))
  await clock.advance(8 * MINUTE_MS)
  t.equal(await value(A), 'a 1')
  await clock.advance(2 * MINUTE_MS)
  for (let nth = 0; nth < 5; nth++) t.equal(await reasonOf(value(A)), 'provider_unavailable')
  t.equal(asked.length, 3)
  fail()
  await clock.advance(30 * SECOND_MS)
  t.equal(await value(A), 'a 4')
  t.equal(events.filter(({ type }) => type === 'token_failed').length, 2)
})

t.test('RT-9 a refused one is replaced once, its successor after the cooldown', async (t) => {
  const { clock, asked, tokens, value } = serviceBed()
  t.equal(await value(A), 'a 1')
  const renewed = await Promise.all([tokens.replace(A, 'a 1'), tokens.replace(A, 'a 1')])
  t.same(
    renewed.map((token) => token?.value),
    ['a 2', 'a 2'],
  )
  t.equal((await tokens.replace(A, 'a 1'))?.value, 'a 2')
  t.equal(await tokens.replace(A, 'a 2'), undefined)
  t.equal(asked.length, 2)
  await clock.advance(MINUTE_MS)
  t.equal((await tokens.replace(A, 'a 2'))?.value, 'a 3')
})
