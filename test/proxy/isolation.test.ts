import { createServer } from 'node:http'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { Pool } from 'undici'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { head, openRawSocket } from '../support/raw-socket.ts'

const USERS = 50
const REQUESTS = 5_000

t.test(
  "AT-31 HX-31 nobody ever gets another user's answer, however many leave in the middle",
  async (t) => {
    const server = createServer((request, response) => {
      const body = `${request.headers.authorization} ${request.url}`
      const parts = request.url?.endsWith('3') ? [body.slice(0, 10), body.slice(10)] : [body]
      for (const part of parts) response.write(part)
      setImmediate(() => response.end())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { port, signIn, parts } = await startProxied(t, [guardedRoute('/*', origin)])
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 32 })
    t.teardown(() => pool.destroy())
    const users = await Promise.all(Array.from({ length: USERS }, (_, at) => signIn(`user-${at}`)))
    let wrong = 0
    let served = 0
    let aborted = 0

    const ask = async (number: number): Promise<void> => {
      const user = users[number % USERS]!
      if (number % 10 === 7) {
        aborted += 1
        return abandon(
          port,
          head(`GET /${number} HTTP/1.1`, 'Host: 127.0.0.1', `Cookie: ${user.cookie}`),
        )
      }
      const { body } = await pool.request({
        method: 'GET',
        path: `/${number}`,
        headers: { cookie: user.cookie },
      })
      const text = await body.text()
      served += 1
      if (text !== `Bearer ${user.token} /${number}`) wrong += 1
    }
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < REQUESTS) await ask(next++)
    }
    await Promise.all(Array.from({ length: 32 }, worker))
    t.equal(wrong, 0)
    t.equal(served + aborted, REQUESTS)
    t.ok(aborted >= REQUESTS / 10)
    while (parts.transfers.count() > 0) await new Promise((resolve) => setImmediate(resolve))
    t.pass('no transfer is left behind')
  },
)

/** Sends a request and leaves, sooner or later. */
async function abandon(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(bytes)
  if (bytes.length % 2 === 0) await once(socket, 'data')
  socket.destroy()
}

t.test('HX-30 one connection carries different users one after the other', async (t) => {
  const server = createServer(
    (request, response) => void response.end(request.headers.authorization),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port, signIn } = await startProxied(t, [
    guardedRoute('/*', `http://127.0.0.1:${(server.address() as AddressInfo).port}`),
  ])
  const client = await openRawSocket(t, port)
  for (let round = 0; round < 20; round++) {
    const user = await signIn(`user-${round}`)
    client.write(head('GET /x HTTP/1.1', 'Host: 127.0.0.1', `Cookie: ${user.cookie}`))
    t.equal((await client.next()).body, `Bearer ${user.token}`)
  }
})
