import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import http2, { type Http2ServerResponse } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Upstream } from '../../src/domain/route.ts'
import { SERVER_CERTIFICATE, TEST_AUTHORITY } from './upstream-certificates.ts'

/** One request as an upstream of any kind understood it. */
export interface UpstreamCall {
  /** With the interface of HTTP/1.1 whatever was spoken; HTTP/2 has its pseudo fields besides. */
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Values of a field, each line alone. */
  values(lowerCaseName: string): string[]
  /** The whole body as latin1; rejects when it does not come to its end. */
  readonly body: Promise<string>
  /** Resolves when the call is over, however it ended. */
  readonly over: Promise<unknown>
}

export interface AnyUpstream {
  /** How a route says where it is. */
  readonly upstream: Upstream
  readonly calls: readonly UpstreamCall[]
  /** Resolves with the call of this number, counted from 0. */
  call(index: number): Promise<UpstreamCall>
  /** Connections accepted so far. */
  connectionCount(): number
}

export type AnswerCall = (call: UpstreamCall) => unknown

/** A way to reach an upstream that the gateway speaks. */
export interface UpstreamKind {
  readonly name: string
  readonly speaksHttp2: boolean
  start(t: Owner, answer: AnswerCall): Promise<AnyUpstream>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

type Make = (onRequest: (request: IncomingMessage, response: ServerResponse) => void) => Server

const PLAIN: Make = (onRequest) => createServer(onRequest)
const TLS: Make = (onRequest) => createTlsServer(SERVER_CERTIFICATE, onRequest)
const H2C: Make = (onRequest) => http2.createServer(onRequest as never)
const H2: Make = (onRequest) => http2.createSecureServer(SERVER_CERTIFICATE, onRequest as never)
const TRUSTED = { certificateAuthority: TEST_AUTHORITY }

/** Every way: what holds for one upstream must hold for all. */
export const UPSTREAM_KINDS: readonly UpstreamKind[] = [
  kind('HTTP/1.1 over TCP', PLAIN, (port) => ({ origin: `http://127.0.0.1:${port}` })),
  kind('HTTP/1.1 over TLS', TLS, (port) => ({ origin: `https://127.0.0.1:${port}`, ...TRUSTED })),
  {
    name: 'HTTP/1.1 over a unix socket',
    speaksHttp2: false,
    start: async (t, answer) => {
      const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
      t.teardown(() => rm(folder, { recursive: true, force: true }))
      const socketPath = join(folder, 'app.sock')
      return serve(t, answer, PLAIN, socketPath, () => ({ origin: 'http://localhost', socketPath }))
    },
  },
  kind('HTTP/2 over TCP', H2C, (port) => ({ origin: `http://127.0.0.1:${port}`, http2: true })),
  kind('HTTP/2 over TLS', H2, (port) => ({
    origin: `https://127.0.0.1:${port}`,
    http2: true,
    ...TRUSTED,
  })),
]

/** Sends an interim answer of any status, which HTTP/1.1 and HTTP/2 do in two ways. */
export function sendInterim({ response }: UpstreamCall, status: number, link?: string): void {
  const fields = link === undefined ? {} : { link }
  const { stream } = response as unknown as Partial<Http2ServerResponse>
  if (stream !== undefined) return stream.additionalHeaders({ ':status': status, ...fields })
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  response.socket?.write(`HTTP/1.1 ${status} Interim\r\n${lines.join('')}\r\n`)
}

/** Breaks the call off in the middle of whatever it is doing. */
export function breakCall({ response }: UpstreamCall): void {
  const { stream } = response as unknown as Partial<Http2ServerResponse>
  if (stream === undefined) response.socket?.destroy()
  else stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
}

function kind(
  name: string,
  make: Make,
  where: (port: number) => Omit<Upstream, 'basePath'>,
): UpstreamKind {
  return {
    name,
    speaksHttp2: make === H2C || make === H2,
    start: (t, answer) => serve(t, answer, make, 0, where),
  }
}

async function serve(
  t: Owner,
  answer: AnswerCall,
  make: Make,
  listenOn: number | string,
  where: (port: number) => Omit<Upstream, 'basePath'>,
): Promise<AnyUpstream> {
  const calls: UpstreamCall[] = []
  const sockets = new Set<Socket>()
  let connectionCount = 0
  let wake = (): void => undefined
  const server = make((request, response) => {
    const call = callOf(request, response)
    calls.push(call)
    wake()
    Promise.resolve(answer(call)).catch(() => undefined) // a call that broke off has no answer
  })
  server.on('connection', (socket) => {
    connectionCount += 1
    sockets.add(socket.on('close', () => sockets.delete(socket)))
  })
  await once(
    typeof listenOn === 'string' ? server.listen(listenOn) : server.listen(listenOn, '127.0.0.1'),
    'listening',
  )
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    upstream: { ...where(port), basePath: '' },
    calls,
    connectionCount: () => connectionCount,
    call: async (index) => {
      while (calls[index] === undefined) await new Promise<void>((resolve) => (wake = resolve))
      return calls[index]
    },
  }
}

function callOf(request: IncomingMessage, response: ServerResponse): UpstreamCall {
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  let body: Promise<string> | undefined
  return {
    request,
    response,
    values: (name) =>
      request.rawHeaders.filter(
        (_, at, all) => at % 2 === 1 && all[at - 1]?.toLowerCase() === name,
      ),
    /** Read only when somebody wants it: an upstream may also leave it lying. */
    get body() {
      body ??= textOf(request)
      return body
    },
    over: new Promise((resolve) => response.on('close', resolve)),
  }
}

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    request.on('end', () => resolve(text))
    request.on('aborted', () => reject(new Error('the request broke off')))
  })
}
