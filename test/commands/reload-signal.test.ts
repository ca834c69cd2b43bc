import t from 'tap'
import { hearReloadSignal } from '../../src/commands/reload-signal.ts'

t.test('a SIGHUP that comes too early is acted on once there is something to do', async (t) => {
  const signal = hearReloadSignal()
  t.teardown(signal.stop)
  process.emit('SIGHUP')
  let acts = 0
  signal.serve(async () => void (acts += 1))
  await signal.idle()
  t.equal(acts, 1)
})

t.test('AT-38 signals that come during a reload are one more reload after it', async (t) => {
  const signal = hearReloadSignal()
  t.teardown(signal.stop)
  let acts = 0
  let atOnce = 0
  let most = 0
  signal.serve(async () => {
    acts += 1
    most = Math.max(most, ++atOnce)
    if (acts === 1) for (let count = 0; count < 5; count += 1) process.emit('SIGHUP')
    await new Promise((resolve) => setImmediate(resolve))
    atOnce -= 1
  })
  process.emit('SIGHUP')
  await signal.idle()
  t.same({ acts, most }, { acts: 2, most: 1 })
})
