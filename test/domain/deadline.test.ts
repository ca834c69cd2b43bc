import t from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { within } from '../../src/domain/deadline.ts'

/** A server in a thread of its own: it answers while this one stands still. */
const SERVER = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer((socket) => {
    socket.once('data', () => {
      parentPort.postMessage('asked')
      setTimeout(() => socket.end('answer'), 50)
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('an answer that came in time counts, however late it is read', async (t) => {
  const server = new Worker(SERVER, { eval: true })
  t.teardown(() => server.terminate())
  const [port] = (await once(server, 'message')) as [number]
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('question')
  const asked = once(server, 'message')
  const answer = within(
    400,
    once(socket, 'data').then(([data]) => String(data)),
  )
  await asked
  standStill(1_000)
  t.equal(await answer, 'answer')
})

t.test('whatever takes longer fails', async (t) => {
  await t.rejects(within(20, new Promise(() => {})), { message: /20 ms/ })
  t.equal(await within(20_000, Promise.resolve(1)), 1)
  await t.rejects(within(20_000, Promise.reject(new Error('own'))), { message: 'own' })
})
