import { once } from 'node:events'
import {
  createServer,
  get,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { answerOf, startRawUpstream } from '../support/raw-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const TOTAL_BYTES = 200 * 1024 * 1024
const FLAT_BYTES = 100 * 1024 * 1024 // client, gateway and upstream in one process; buffering would be 200 MB in each

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>

async function startServer(t: Test, answer: Answer): Promise<string> {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The largest resident memory over a while, above the start. */
function watchMemory(): () => number {
  const startBytes = process.memoryUsage.rss()
  let mostBytes = startBytes
  const timer = setInterval(() => (mostBytes = Math.max(mostBytes, process.memoryUsage.rss())), 10)
  return () => {
    clearInterval(timer)
    return mostBytes - startBytes
  }
}

t.test('HX-19 a slow reader of 200 MB costs no memory', async (t) => {
  const chunk = Buffer.alloc(65_536, 'x')
  const origin = await startServer(t, async (_request, response) => {
    response.writeHead(200, { 'content-length': TOTAL_BYTES })
    for (let sentBytes = 0; sentBytes < TOTAL_BYTES; sentBytes += chunk.length) {
      if (!response.write(chunk)) await once(response, 'drain')
    }
    response.end()
  })
  const { port } = await startProxied(t, [openRoute('/*', origin)])
  const download = async (): Promise<void> => {
    const [answer] = await once(get({ port, host: '127.0.0.1' }), 'response')
    let receivedBytes = 0
    for await (const part of answer) {
      receivedBytes += part.length
      if (receivedBytes % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal(receivedBytes, TOTAL_BYTES)
  }
  await download() // the collector takes what room it likes; then it must not need more
  const memory = watchMemory()
  await download()
  const grownBytes = memory()
  t.ok(grownBytes < FLAT_BYTES, `${Math.round(grownBytes / 1e6)} MB`)
})

t.test('HX-19 an upload of 200 MB to a slow upstream costs no memory', async (t) => {
  const origin = await startServer(t, async (request, response) => {
    let receivedBytes = 0
    for await (const part of request) {
      receivedBytes += (part as Buffer).length
      if (receivedBytes % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    response.end(String(receivedBytes))
  })
  const { port } = await startProxied(t, [openRoute('/*', origin, { maxBodyBytes: TOTAL_BYTES })])
  const upload = async (): Promise<void> => {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST' })
    const chunk = Buffer.alloc(65_536, 'x')
    for (let sentBytes = 0; sentBytes < TOTAL_BYTES; sentBytes += chunk.length) {
      if (!request.write(chunk)) await once(request, 'drain')
    }
    request.end()
    const [answer] = await once(request, 'response')
    let text = ''
    for await (const part of answer) text += part
    t.equal(text, String(TOTAL_BYTES))
  }
  await upload()
  const memory = watchMemory()
  await upload()
  const grownBytes = memory()
  t.ok(grownBytes < FLAT_BYTES, `${Math.round(grownBytes / 1e6)} MB`)
})

t.test('HX-19 a client that stops reading stops the upstream, and going on goes on', async (t) => {
  let sentBytes = 0
  const origin = await startServer(t, async (_request, response) => {
    const chunk = Buffer.alloc(65_536, 'x')
    for (; sentBytes < TOTAL_BYTES && !response.destroyed; sentBytes += chunk.length) {
      if (!response.write(chunk)) await once(response, 'drain')
    }
    response.end()
  })
  const { port } = await startProxied(t, [openRoute('/*', origin)])
  const [answer] = await once(get({ port, host: '127.0.0.1' }), 'response')
  answer.pause()
  let before = -1
  while (before !== sentBytes) {
    before = sentBytes
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.ok(sentBytes < 50_000_000, `stopped after ${sentBytes} bytes`)
  let receivedBytes = 0
  for await (const part of answer) receivedBytes += part.length
  t.equal(receivedBytes, TOTAL_BYTES)
})

t.test(
  'AT-28 a client that never reads on loses its connection, and the upstream is free',
  async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => {
      const chunk = Buffer.alloc(1_000_000, 'x')
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${100 * chunk.length}\r\n\r\n`)
      for (let sent = 0; sent < 100; sent++) socket.write(chunk)
    })
    const timeouts = { connectMs: 1_000, headersMs: 1_000, idleMs: 500 }
    const { port, finished } = await startProxied(t, [
      openRoute('/*', upstream.origin, { timeouts }),
    ])
    const client = await openRawSocket(t, port)
    client.socket.pause()
    client.write(head('GET /x HTTP/1.1', HOST))
    const { socket } = await upstream.request(0)
    await new Promise((resolve) => socket.on('close', resolve))
    t.match(await finished(), { status: 200, clientLeft: true })
  },
)

t.test('HX-19 events arrive one by one, and silence does not cut them', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n')
  })
  const timeouts = { connectMs: 1_000, headersMs: 300, idleMs: 250 }
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { timeouts })])
  const [answer] = await once(get({ port, host: '127.0.0.1' }), 'response')
  t.equal(
    answer.headers['content-type'],
    'text/event-stream',
    'the head does not wait for an event',
  )
  const { socket } = await upstream.request(0)
  for (const event of ['one', 'two']) {
    socket.write(`data: ${event}\n\n`)
    t.equal(String((await once(answer, 'data'))[0]), `data: ${event}\n\n`)
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500)) // six times the idle limit: what is tested is that nothing happens
  socket.write('data: late\n\n')
  t.equal(String((await once(answer, 'data'))[0]), 'data: late\n\n')
  answer.destroy()
  await once(socket, 'close')
})

t.test('a total time ends an answer that goes on and on, and one that never begins', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket, head }) => {
    if (head.startsWith('GET /silent')) return
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const timer = setInterval(() => socket.write('1\r\nx\r\n'), 100)
    socket.on('close', () => clearInterval(timer))
  })
  const timeouts = { connectMs: 5_000, headersMs: 60_000, idleMs: 60_000, totalMs: 500 }
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin, { timeouts })])
  const refused = await ask(t, port, head('GET /silent HTTP/1.1', HOST))
  t.equal(refused.status, 504)
  t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
  const client = await openRawSocket(t, port)
  client.write(head('GET /drip HTTP/1.1', HOST))
  await once(client.socket, 'close')
  t.match(await finished(), { status: 200, reason: 'upstream_timeout' })
})

t.test('a total time leaves event streams alone', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const timeouts = { connectMs: 5_000, headersMs: 60_000, idleMs: 60_000, totalMs: 250 }
  const { port, parts } = await startProxied(t, [openRoute('/*', upstream.origin, { timeouts })])
  const client = await openRawSocket(t, port)
  client.write(head('GET /x HTTP/1.1', HOST))
  await once(client.socket, 'data')
  const { tick } = parts.transfers
  while (parts.transfers.tick < tick + 8) await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(parts.transfers.streamCount(), 1)
  parts.transfers.endStreams()
  t.equal((await client.next()).body, 'data: 1\n\n')
})

t.test('the head of a slow answer with a length does not wait for its body', async (t) => {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'),
  )
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const [answer] = await once(get({ port, host: '127.0.0.1' }), 'response')
  t.equal(answer.statusCode, 200)
  upstream.requests[0]?.socket.write('hello')
  t.equal(String((await once(answer, 'data'))[0]), 'hello')
})

t.test('LO-15 an event stream ends when its session does', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const { port, signIn, parts, finished } = await startProxied(t, [
    guardedRoute('/*', upstream.origin),
  ])
  const { cookie, ticket } = await signIn()
  const client = await openRawSocket(t, port)
  client.write(head('GET /x HTTP/1.1', HOST, `Cookie: ${cookie}`))
  await once(client.socket, 'data')
  await parts.sessions.end(ticket, 'session_revoked')
  t.equal((await client.next()).body, 'data: 1\n\n', 'ended as a whole')
  await once((await upstream.request(0)).socket, 'close')
  t.match(await finished(), { status: 200 })
})

t.test('OB-1 a shutdown ends event streams', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const { port, parts } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(head('GET /x HTTP/1.1', HOST))
  await once(client.socket, 'data')
  t.equal(parts.transfers.streamCount(), 1)
  parts.transfers.endStreams()
  t.equal((await client.next()).body, 'data: 1\n\n')
  t.equal(parts.transfers.count(), 0)
})

t.test('AT-27 HX-27 a decompression bomb passes as it is', async (t) => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(answerOf(bomb.toString('latin1'), 'content-encoding: gzip'), 'latin1')
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const memory = watchMemory()
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST))
  t.equal(answer.body.length, bomb.length)
  t.equal(answer.header('content-encoding'), 'gzip')
  t.ok(memory() < FLAT_BYTES)
})
