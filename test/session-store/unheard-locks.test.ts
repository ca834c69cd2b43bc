import t from 'tap'
import { createUnheardLocks } from '../../src/session-store/unheard-locks.ts'
import { until } from '../support/redis-servers.ts'

t.test('RT-2 an unheard lock is given back, however long the server stays away', async (t) => {
  const asked: string[] = []
  let isBack = false
  const unheard = createUnheardLocks(async (key, owner) => {
    asked.push(`${key} ${owner}`)
    if (!isBack) throw new Error('frozen')
  })
  t.teardown(() => unheard.close())
  unheard.remember('first', 'a')
  unheard.remember('second', 'b')
  unheard.remember('third', 'c')
  unheard.forget('third')
  await until(() => asked.length >= 4, 30_000)
  isBack = true
  const soFar = asked.length
  await until(() => asked.length > soFar, 30_000)
  t.same([...asked], Array.from({ length: 3 }, () => ['a first', 'b second']).flat())
  unheard.remember('fourth', 'd')
  await until(() => asked.length > 6, 30_000)
  t.same(asked.slice(6), ['d fourth'])
})

t.test('a store that is closed asks no more', async (t) => {
  const asked: string[] = []
  let letGo = (): void => {}
  const unheard = createUnheardLocks(async (key) => {
    asked.push(key)
    await new Promise<void>((_resolve, reject) => (letGo = () => reject(new Error('closed'))))
  })
  unheard.remember('owner', 'a')
  await until(() => asked.length === 1, 30_000)
  unheard.close()
  letGo()
  t.same(asked, ['a'])
})
