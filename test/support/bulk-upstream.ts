import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { WebSocketServer } from 'ws'

/** An upstream for much data: `GET /down/BYTES`, `POST /up`, `POST /stuck`, `GET /events`, WebSockets anywhere. */
export interface BulkUpstream {
  readonly origin: string
  /** Octets handed to the network for the newest download. */
  sentBytes(): number
  /** Octets of the newest upload that have arrived. */
  receivedBytes(): number
  webSockets(): number
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const CHUNK = Buffer.alloc(65_536, 'x')

/** Listens on a free loopback port; nothing of the data is kept. */
export async function startBulkUpstream(t: Owner): Promise<BulkUpstream> {
  let sentBytes = 0
  let receivedBytes = 0

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, what, bytes] = (request.url ?? '').split('/')
    if (what === 'down') return sendDown(response, Number(bytes))
    if (what === 'events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: first\n\n')
      return
    }
    receivedBytes = 0
    if (what === 'stuck') return // reads nothing, and says nothing
    for await (const part of request) receivedBytes += (part as Buffer).length
    response.end(String(receivedBytes))
  }

  async function sendDown(response: ServerResponse, bytes: number): Promise<void> {
    response.writeHead(200, { 'content-length': bytes })
    await pipeline(Readable.from(chunksOf(bytes)), response)
  }

  function* chunksOf(bytes: number): Generator<Buffer> {
    for (sentBytes = 0; sentBytes < bytes; sentBytes += CHUNK.length)
      yield CHUNK.subarray(0, bytes - sentBytes)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const sockets = new WebSocketServer({ server })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
    receivedBytes: () => receivedBytes,
    webSockets: () => sockets.clients.size,
  }
}
