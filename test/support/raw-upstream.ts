import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** One request as its octets arrived. */
export interface WireRequest {
  readonly head: string
  readonly socket: Socket
  headers(name: string): string[]
  /** Everything received on this connection so far, the head included. */
  received(): string
}

export interface RawUpstream {
  readonly origin: string
  readonly port: number
  /** The heads of all requests, in order of arrival. */
  readonly requests: WireRequest[]
  /** Connections accepted so far. */
  connections(): number
  /** Resolves with the request of this number, counted from 0. */
  request(index: number): Promise<WireRequest>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** An upstream made of bytes: `answer` is called with each request head and writes what it likes to the socket. */
export async function startRawUpstream(
  t: Owner,
  answer: (request: WireRequest) => void,
): Promise<RawUpstream> {
  const requests: WireRequest[] = []
  const sockets = new Set<Socket>()
  let wake: () => void = () => undefined
  let connections = 0
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    connections += 1
    sockets.add(socket.on('close', () => sockets.delete(socket)))
    socket.on('error', () => undefined)
    readHeads(socket, (request) => {
      requests.push(request)
      wake()
      answer(request)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => connections,
    request: async (index) => {
      while (requests[index] === undefined) await new Promise<void>((resolve) => (wake = resolve))
      return requests[index]
    },
  }
}

/** Bytes of an answer with a length. */
export function answerOf(body: string, ...fields: readonly string[]): string {
  const lines = ['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...fields]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Heads are told apart by content-length and chunks; bodies stay in `received`. */
function readHeads(socket: Socket, onHead: (request: WireRequest) => void): void {
  let all = ''
  let at = 0
  socket.on('data', (chunk) => {
    all += chunk.toString('latin1')
    for (;;) {
      const end = all.indexOf('\r\n\r\n', at)
      if (end < 0) return
      const head = all.slice(at, end)
      const bodyEnd = endOfBody(all, head, end + 4)
      const request = {
        head,
        socket,
        received: () => all,
        headers: (name: string) => valuesOf(head, name),
      }
      if (bodyEnd === undefined) {
        at = Number.POSITIVE_INFINITY
        return onHead(request)
      }
      at = bodyEnd
      onHead(request)
    }
  })
}

/** Where the next head starts; `undefined` when the body is not complete: nothing else is looked for then. */
function endOfBody(all: string, head: string, start: number): number | undefined {
  const [length] = valuesOf(head, 'content-length')
  if (length !== undefined)
    return all.length >= start + Number(length) ? start + Number(length) : undefined
  if (valuesOf(head, 'transfer-encoding').length === 0) return start
  const end = all.indexOf('\r\n0\r\n\r\n', start - 2)
  return end < 0 ? undefined : end + 7
}

function valuesOf(head: string, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`
  const lines = head.split('\r\n').slice(1)
  return lines
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim())
}
