import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { listen } from '../../src/server/listen.ts'
import { boundedBody } from '../../src/proxy/form-body.ts'
import { openRawSocket } from '../support/raw-socket.ts'

const HOUR_MS = 3_600_000

/** Sends a head and what follows it; answers what was read of it. */
async function read(t: Test, lines: string, body: string, deadlineMs = HOUR_MS) {
  const server = createServer()
  const requests = once(server, 'request') as Promise<[IncomingMessage]>
  const port = Number(new URL(await listen(server, '127.0.0.1', 0)).port)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = await openRawSocket(t, port)
  client.write(`POST / HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n${body}`)
  const [request] = await requests
  return { reading: boundedBody(request, { maxBytes: 10, deadlineMs }), client, request }
}

t.test('a body up to the bound is read as a whole', async (t) => {
  for (const body of ['', 'a=b', '0123456789']) {
    const { reading } = await read(t, `Content-Length: ${body.length}`, body)
    t.equal(await reading, body)
  }
  const { reading } = await read(
    t,
    'Transfer-Encoding: chunked',
    '5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n',
  )
  t.equal(await reading, '0123456789')
})

t.test('RL-3 one that says it is larger is not read at all', async (t) => {
  const { reading } = await read(t, 'Content-Length: 11', '')
  t.equal(await reading, undefined)
})

t.test('RL-3 one that turns out larger is read no further', async (t) => {
  const { reading } = await read(t, 'Transfer-Encoding: chunked', 'b\r\n0123456789a\r\n')
  t.equal(await reading, undefined)
})

t.test('one that does not come is given up', async (t) => {
  const { reading } = await read(t, 'Content-Length: 5', 'a=', 20)
  t.equal(await reading, undefined)
})

t.test('one that breaks off is given up at once', async (t) => {
  const { reading, client } = await read(t, 'Content-Length: 5', 'a=')
  client.socket.destroy()
  t.equal(await reading, undefined)
})

t.test('one whose sender has left takes no time', async (t) => {
  const { reading, request } = await read(t, 'Content-Length: 5', 'a=')
  request.destroy()
  t.equal(await reading, undefined)
  t.equal(await boundedBody(request, { maxBytes: 10, deadlineMs: HOUR_MS }), undefined)
})
