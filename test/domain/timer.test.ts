import t from 'tap'
import { afterTimeout, pause } from '../../src/domain/timer.ts'

t.test('it runs once after a while, unless cancelled', async (t) => {
  let runs = 0
  const cancel = afterTimeout(1, () => (runs += 1))
  cancel()
  await pause(afterTimeout, 5)
  t.equal(runs, 0)
})

t.test('a wait longer than a timer can hold is not cut to nothing', async (t) => {
  let runs = 0
  const cancel = afterTimeout(365 * 24 * 3_600_000, () => (runs += 1))
  await pause(afterTimeout, 5)
  cancel()
  t.equal(runs, 0)
})
