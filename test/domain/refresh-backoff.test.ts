import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createRefreshBackoff } from '../../src/domain/refresh-backoff.ts'

const error = new GatewayError('provider_unavailable', 'told to fail')

t.test(
  'RL-5 a failure is remembered for a second, then twice as long each time, up to 30 s',
  async (t) => {
    let nowMs = 0
    const backoff = createRefreshBackoff(10, () => nowMs)
    t.equal(backoff.failure('a'), undefined)
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      backoff.failed('a', error)
      nowMs += pauseMs - 1
      t.equal(backoff.failure('a'), error)
      nowMs += 1
      t.equal(backoff.failure('a'), undefined)
    }
  },
)

t.test(
  'a store that fails is asked again at once: nobody is refused when it is back',
  async (t) => {
    const backoff = createRefreshBackoff(10, () => 0)
    backoff.failed('a', new GatewayError('store_unavailable', 'told to fail'))
    t.equal(backoff.failure('a'), undefined)
  },
)

t.test('once the provider gives tokens to others, nobody pauses for long any more', async (t) => {
  let nowMs = 0
  const backoff = createRefreshBackoff(10, () => nowMs)
  for (let nth = 0; nth < 6; nth++) backoff.failed('a', error)
  nowMs = 1_500
  backoff.succeeded('b')
  t.equal(backoff.failure('a'), error, 'perhaps it is only this one that fails')
  nowMs = 2_000
  t.equal(backoff.failure('a'), undefined)
  backoff.failed('a', error)
  nowMs += 2_000
  t.equal(backoff.failure('a'), error, 'nobody else was given any since')
})

t.test('a success starts over', async (t) => {
  let nowMs = 0
  const backoff = createRefreshBackoff(10, () => nowMs)
  backoff.failed('a', error)
  backoff.failed('a', error)
  backoff.succeeded('a')
  t.equal(backoff.failure('a'), undefined)
  backoff.failed('a', error)
  nowMs += 1_000
  t.equal(backoff.failure('a'), undefined)
})

t.test('it remembers a bounded number of sessions', async (t) => {
  const backoff = createRefreshBackoff(2, () => 0)
  for (const key of ['a', 'b', 'c']) backoff.failed(key, error)
  t.same(
    [backoff.failure('a'), backoff.failure('b'), backoff.failure('c')],
    [undefined, error, error],
  )
})
