import t from 'tap'
import { maxForwards } from '../../src/domain/max-forwards.ts'

t.test('HX-28 Max-Forwards counts down on OPTIONS, and 0 is for us to answer', async (t) => {
  t.equal(maxForwards('OPTIONS', '0'), 'answer')
  t.equal(maxForwards('OPTIONS', '1'), 0)
  t.equal(maxForwards('TRACE', '10'), 9)
  t.equal(maxForwards('GET', '0'), undefined)
  t.equal(maxForwards('OPTIONS', undefined), undefined)
  for (const nonsense of ['', '-1', '+1', '1.5', 'x', '1, 2', '99999999999']) {
    t.equal(maxForwards('OPTIONS', nonsense), undefined, nonsense)
  }
})
