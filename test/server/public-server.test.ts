import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { CONNECTION_LIMITS, type ConnectionLimits } from '../../src/server/connection-limits.ts'
import { createPublicServer, type ClientRefusal } from '../../src/server/public-server.ts'
import { rawRequest, readToEnd } from '../support/raw-request.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function serving(t: Test, limits: Partial<ConnectionLimits> = {}, onRequest: Handler = echo) {
  const refusals: ClientRefusal[] = []
  const { server, connections } = createPublicServer({
    limits: { ...CONNECTION_LIMITS, ...limits },
    onRequest,
    onUpgrade: (_request, socket) => socket.end('HTTP/1.1 426 Upgrade Required\r\n\r\n'),
    randomId: () => 'generated-id',
    onClientError: (refusal) => refusals.push(refusal),
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    connections.destroyAll()
    connections.stop()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, refusals, server, connections }
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  request.on('end', () => response.end('fine'))
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n'

const BROKEN: [string, string, number, string][] = [
  [
    'RL-1 a header block over 16 KiB',
    `${GET}X-Big: ${'x'.repeat(17_000)}\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  [
    'RL-1 a target over 16 KiB',
    `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  [
    'AT-29 more header fields than allowed',
    `${GET}${'X-A: b\r\n'.repeat(101)}Connection: close\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  [
    'HX-6 Content-Length and Transfer-Encoding',
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'request_malformed',
  ],
  ['HX-6 a space before the colon', `${GET}X-A : b\r\n\r\n`, 400, 'request_malformed'],
  ['HX-6 NUL in a field', `${GET}X-A: a\u0000b\r\n\r\n`, 400, 'request_malformed'],
  ['HX-6 not HTTP at all', '\u0016\u0003\u0001\u0002\u0000', 400, 'request_malformed'],
  [
    'HX-9 CONNECT',
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n',
    405,
    'method_not_allowed',
  ],
]

for (const [name, bytes, status, reason] of BROKEN) {
  t.test(`${name}: refused in our own words, told to the log, connection closed`, async (t) => {
    const { port, refusals } = await serving(t)
    const answer = await rawRequest(port, bytes)
    t.match(answer, { status, closed: true })
    t.match(answer.text, 'application/problem+json')
    t.match(JSON.parse(answer.text.split('\r\n\r\n')[1] ?? ''), {
      status,
      reason,
      request_id: 'generated-id',
    })
    t.notMatch(answer.text, /HPE_|Parse Error|node:/)
    t.match(refusals, [{ reason, requestId: 'generated-id', clientAddress: '127.0.0.1' }])
  })
}

t.test('100 header fields are fine', async (t) => {
  const { port } = await serving(t)
  t.match(await rawRequest(port, `${GET}${'X-A: b\r\n'.repeat(98)}Connection: close\r\n\r\n`), {
    status: 200,
  })
})

t.test('RL-2 headers that do not come to an end: 408', async (t) => {
  const { port, refusals } = await serving(t, { headersTimeoutMs: 200 })
  const answer = await rawRequest(port, `${GET}X-A: `)
  t.match(answer, { status: 408, closed: true })
  t.match(refusals, [{ reason: 'request_timeout' }])
})

t.test('RL-2 a connection that never says anything is closed', async (t) => {
  const { port } = await serving(t, { headersTimeoutMs: 200 })
  t.match(await rawRequest(port, ''), { closed: true })
})

t.test('RL-2 a connection that is kept and not used is closed', async (t) => {
  const { port } = await serving(t, { keepAliveTimeoutMs: 200 })
  const answer = await rawRequest(port, `${GET}\r\n`)
  t.match(answer, { status: 200, closed: true })
})

t.test('AT-28 a body that dribbles is cut off, while others are served', async (t) => {
  const { port } = await serving(t, { paceWindowMs: 100, minBodyBytesPerSecond: 1_000 })
  const socket = connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n')
  const dribble = setInterval(() => socket.write('x'), 20)
  const cut = readToEnd(socket)
  t.match(await rawRequest(port, `${GET}Connection: close\r\n\r\n`), { status: 200 })
  t.match(await cut, { closed: true, status: undefined })
  clearInterval(dribble)
})

t.test('AT-28 two hundred dribbling connections end, and nobody waits for them', async (t) => {
  const limits = { paceWindowMs: 200, minBodyBytesPerSecond: 1_000, headersTimeoutMs: 400 }
  const { port } = await serving(t, limits)
  const sockets = Array.from({ length: 200 }, (_, i) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(
      i % 2 === 0 ? `${GET}X-A: ` : 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n',
    )
    return socket
  })
  const dribble = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('x')
  }, 50)
  const ends = sockets.map((socket) => readToEnd(socket, 10_000))
  t.match(await rawRequest(port, `${GET}Connection: close\r\n\r\n`), { status: 200 })
  t.ok((await Promise.all(ends)).every(({ closed }) => closed))
  clearInterval(dribble)
})

t.test('a long upload at an honest pace is never cut', async (t) => {
  const { port } = await serving(t, { paceWindowMs: 50, minBodyBytesPerSecond: 1_000 })
  const request = httpRequest({ port, method: 'POST' })
  for (let i = 0; i < 10; i++) {
    request.write('x'.repeat(1_000))
    await tick(30)
  }
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  t.equal(response.statusCode, 200)
  response.resume()
})

t.test('AT-28 the slow one may be the upstream: a body that waits for it is not cut', async (t) => {
  const slow: Handler = (request, response) => {
    setTimeout(() => echo(request, response), 400)
  }
  const { port } = await serving(t, { paceWindowMs: 50, minBodyBytesPerSecond: 1_000 }, slow)
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n'
  t.match(await rawRequest(port, [head, 'x'.repeat(300_000)]), { status: 200 })
})

t.test('AT-28 a client that does not read its answer is cut off', async (t) => {
  const flood: Handler = (_request, response) => void response.end(Buffer.alloc(64 * 1024 * 1024))
  const { port } = await serving(t, { paceWindowMs: 50, readTimeoutMs: 200 }, flood)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`${GET}\r\n`)
  await tick(600)
  let received = 0
  socket.on('data', (chunk) => (received += chunk.length)).resume()
  await once(socket, 'close')
  t.ok(received < 64 * 1024 * 1024)
})

t.test('RL-2 connections over the cap are closed at once', async (t) => {
  const { port, server } = await serving(t, { connectionCount: 1 })
  const first = connect(port, '127.0.0.1')
  await once(server, 'connection')
  t.match(await rawRequest(port, `${GET}\r\n`), { closed: true, status: undefined })
  first.destroy()
})

t.test('RL-6 a client that asks on and on before it is answered is cut off', async (t) => {
  let asked = 0
  const { port } = await serving(t, { owedAnswerCount: 10 }, () => void asked++)
  t.match(await rawRequest(port, `${GET}\r\n`.repeat(3_000)), { text: '', closed: true })
  t.equal(asked, 10)
})

t.test('RL-6 requests sent ahead within the limit are all answered', async (t) => {
  const { port } = await serving(t, { owedAnswerCount: 10 })
  const ahead = `${GET}\r\n`.repeat(9)
  const { text } = await rawRequest(port, `${ahead}${GET}Connection: close\r\n\r\n`)
  t.equal(text.split('fine').length - 1, 10)
})

t.test('broken bytes in the middle of an answer do not get words mixed into it', async (t) => {
  const half: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': 10 })
    response.write('12345')
  }
  const { port } = await serving(t, {}, half)
  const answer = await rawRequest(port, [`${GET}\r\n`, 'BROKEN\u0000\r\n\r\n'])
  t.equal(answer.closed, true)
  t.notMatch(answer.text, /problem\+json/)
})

function tick(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}

for (const framing of ['Content-Length: 1000000000', 'Transfer-Encoding: chunked']) {
  t.test(
    `HX-32 RL-3 whoever never stops sending (${framing}) can read the answer, and is cut off then`,
    async (t) => {
      const { port } = await serving(t, {}, (_request, response) => {
        response.writeHead(401, { connection: 'close' }).end('refused')
      })
      const client = connect(port, '127.0.0.1')
      t.teardown(() => client.destroy())
      client.on('error', () => undefined)
      client.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
      const sendOn = () => {
        if (!client.destroyed) client.write(chunk, () => setImmediate(sendOn))
      }
      sendOn()
      const answer = await readToEnd(client)
      t.equal(answer.status, 401)
      t.match(answer.text, /refused/)
      t.ok(answer.closed)
    },
  )
}
