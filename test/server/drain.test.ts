import { once } from 'node:events'
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { CONNECTION_LIMITS } from '../../src/server/connection-limits.ts'
import { drain } from '../../src/server/drain.ts'
import { createPublicServer } from '../../src/server/public-server.ts'
import { rawRequest, readToEnd } from '../support/raw-request.ts'

const QUICK = { timeoutMs: 5_000, idleGraceMs: 100 }

async function serving(
  t: Test,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const listener = createPublicServer({
    limits: CONNECTION_LIMITS,
    onRequest,
    onUpgrade: (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    randomId: () => 'id',
    onClientError: () => undefined,
  })
  await once(listener.server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => listener.connections.destroyAll())
  return { listener, port: (listener.server.address() as AddressInfo).port }
}

t.test('OB-1 a request under way is answered, and told that it was the last', async (t) => {
  let finish: () => void = () => undefined
  const { listener, port } = await serving(t, (_request, response) => {
    finish = () => response.end('done')
  })
  const answer = rawRequest(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(listener.server, 'request')
  const drained = drain(listener, QUICK)
  finish()
  t.equal(await drained, true)
  t.match(await answer, { status: 200, closed: true, text: /Connection: close[\s\S]*done/i })
})

t.test(
  'OB-1 a request that is already on the wire of an idle connection is answered',
  async (t) => {
    const { listener, port } = await serving(t, (_request, response) => void response.end('fine'))
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    const drained = drain(listener, QUICK)
    socket.write('GET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
    t.match(await readToEnd(socket), { status: 200, text: /connection: close/i, closed: true })
    t.equal(await drained, true)
  },
)

t.test('OB-1 under load with keep-alive clients no accepted request is lost', async (t) => {
  const { listener, port } = await serving(t, (_request, response) => {
    setTimeout(() => response.end('fine'), 3)
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  t.teardown(() => agent.destroy())
  const outcomes: string[] = []
  const client = async () => {
    for (;;) {
      const outcome = await fetchOnce(port, agent)
      outcomes.push(outcome)
      if (outcome !== '200') return
    }
  }
  const clients = Promise.all(Array.from({ length: 16 }, client))
  while (outcomes.length < 200) await new Promise((resolve) => setImmediate(resolve))
  t.equal(await drain(listener, QUICK), true)
  await clients
  t.same([...new Set(outcomes)].sort(), ['200', 'ECONNREFUSED'])
})

t.test('what does not finish in time is cut, upgraded connections too', async (t) => {
  const { listener, port } = await serving(t, () => undefined)
  const hanging = rawRequest(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(listener.server, 'request')
  const upgraded = rawRequest(
    port,
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  await once(listener.server, 'upgrade')
  t.equal(await drain(listener, { timeoutMs: 200, idleGraceMs: 50 }), false)
  t.match(await hanging, { closed: true, status: undefined })
  t.match(await upgraded, { closed: true, status: 101 })
})

function fetchOnce(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(String(response.statusCode)))
    })
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  })
}
