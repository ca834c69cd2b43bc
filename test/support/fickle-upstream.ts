import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Owner {
  teardown(close: () => unknown): unknown
}

type Manner = (response: ServerResponse, mark: string) => void

const LONG = 400 // marks of a long answer: 20 KB and more

/** Each way an answer may go, or not. All begin with whom the upstream took the caller for. */
const MANNERS: readonly Manner[] = [
  (response, mark) => void response.end(mark),
  (response, mark) => void response.end(mark),
  (response, mark) => void response.end(mark.repeat(LONG)),
  (response, mark) => {
    response.writeHead(200, { 'content-length': Buffer.byteLength(mark) })
    response.end(mark)
  },
  (response, mark) => inParts(response, [mark, mark, mark]),
  (response) => void response.writeHead(204).end(),
  (response) => void response.socket?.destroy(), // before a word
  (response, mark) => {
    response.writeHead(200, { 'content-length': Buffer.byteLength(mark) * LONG })
    response.write(mark, () => response.socket?.resetAndDestroy()) // in the middle
  },
  (response, mark) => {
    response.write(mark, () => response.socket?.destroy()) // chunks without their end
  },
  (response, mark) => {
    response.end(mark)
    response.once('finish', () => response.socket?.destroy()) // the next call may be on its way
  },
]

/** Answers each call with the caller's Authorization, path and body, and now and then breaks. Answers its origin. */
export async function startFickleUpstream(t: Owner): Promise<string> {
  const server = createServer((request, response) => void answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What is said of one call; longer answers repeat it. */
export function markOf(authorization: string, path: string, body: string): string {
  return `[${authorization} ${path} ${body}]`
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '', headers } = request
  const number = Number(/\d+/.exec(url)?.[0])
  const manner = MANNERS[number % MANNERS.length] as Manner
  const caller = String(headers.authorization)
  response.setHeader('x-caller', caller)
  const body = await textOf(request).catch(() => undefined)
  if (body !== undefined) manner(response, markOf(caller, url, body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  return text
}

function inParts(response: ServerResponse, parts: readonly string[]): void {
  const [first, ...rest] = parts
  if (first === undefined) return void response.end()
  response.write(first)
  setImmediate(() => inParts(response, rest))
}
