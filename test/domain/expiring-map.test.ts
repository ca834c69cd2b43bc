import t from 'tap'
import { createExpiringMap } from '../../src/domain/expiring-map.ts'

t.test('a fact is known until its time, and no longer', async (t) => {
  const facts = createExpiringMap<string>(10)
  facts.set('a', 'one', 100)
  t.equal(facts.get('a', 99), 'one')
  t.equal(facts.get('a', 100), undefined)
  t.equal(facts.get('unknown', 0), undefined)
})

t.test('of too many facts the oldest is forgotten first', async (t) => {
  const facts = createExpiringMap<string>(2)
  facts.set('a', 'one', 100)
  facts.set('b', 'two', 100)
  facts.set('a', 'again', 100)
  facts.set('c', 'three', 100)
  t.same([facts.get('a', 0), facts.get('b', 0), facts.get('c', 0)], ['again', undefined, 'three'])
})

t.test('a sweep drops what is over and keeps the rest', async (t) => {
  const facts = createExpiringMap<string>(10)
  facts.set('a', 'one', 100)
  facts.set('b', 'two', 200)
  facts.sweep(100)
  t.equal(facts.get('a', 0), undefined)
  t.equal(facts.get('b', 0), 'two')
})
