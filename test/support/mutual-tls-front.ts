import { once } from 'node:events'
import { request as forward } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { SERVER_CERTIFICATE, TEST_AUTHORITY } from './upstream-certificates.ts'

export interface MutualTlsFront {
  readonly origin: string
  /** The path of each request and the subject of the certificate it came with, in order. */
  readonly seen: readonly string[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** TLS in front of a plain server: a handshake without a certificate of TEST_AUTHORITY fails. */
export async function startMutualTlsFront(t: Owner, target: string): Promise<MutualTlsFront> {
  const seen: string[] = []
  const tls = { ...SERVER_CERTIFICATE, ca: TEST_AUTHORITY, requestCert: true }
  const server = createServer({ ...tls, rejectUnauthorized: true }, (request, response) => {
    const { url = '/', method = 'GET', headers, socket } = request
    const { CN } = (socket as TLSSocket).getPeerCertificate().subject
    seen.push(`${url} ${String(CN)}`)
    const onward = forward(target + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
