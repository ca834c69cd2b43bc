import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as the upstream understood it. */
export interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  /** Values of a field, each line alone. */
  values(name: string): string[]
  readonly body: string
}

export interface RecordingUpstream {
  readonly origin: string
  readonly server: Server
  readonly requests: readonly RecordedRequest[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** An upstream that remembers what it received. Without `answer` it says 200 and `ok`. */
export async function startRecordingUpstream(
  t: Owner,
  answer: RequestListener = (_request, response) => void response.end('ok'),
): Promise<RecordingUpstream> {
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      requests.push(recorded(request, Buffer.concat(chunks).toString('latin1')))
      answer(request, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests }
}

function recorded(request: IncomingMessage, body: string): RecordedRequest {
  const { method = '', url = '', rawHeaders, headers } = request
  const values = (name: string): string[] =>
    rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
  return { method, url, rawHeaders, headers, values, body }
}
