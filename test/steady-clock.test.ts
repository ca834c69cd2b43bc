import t from 'tap'
import { createSteadyClock } from '../src/steady-clock.ts'

t.test(
  'AT-42 the clock goes on steadily while somebody sets the clock of the machine',
  async (t) => {
    const realNow = Date.now
    t.teardown(() => void (Date.now = realNow))
    const nowMs = createSteadyClock()
    const before = nowMs()
    t.ok(Math.abs(before - realNow()) < 1_000, 'it starts at the time of the machine')
    for (const jumpMs of [3_600_000, -3_600_000]) {
      Date.now = () => realNow() + jumpMs
      t.ok(nowMs() >= before && nowMs() - before < 5_000)
    }
  },
)
