import { once } from 'node:events'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { Upstream } from '../../src/domain/route.ts'
import { evidence } from '../../src/telemetry/evidence.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import {
  CLIENT_CERTIFICATE,
  EXPIRED_CERTIFICATE,
  INTERNAL_CERTIFICATE,
  SERVER_CERTIFICATE,
  TEST_AUTHORITY,
} from '../support/upstream-certificates.ts'

const HOST = 'Host: 127.0.0.1'
const ASKS_FOR_CERTIFICATE = { requestCert: true, rejectUnauthorized: true, ca: TEST_AUTHORITY }
const US = { certificate: CLIENT_CERTIFICATE.cert, key: CLIENT_CERTIFICATE.key }

/** An https server that answers with the name of its client's certificate and the name it was asked for. */
async function startTls(t: Test, options: ServerOptions) {
  const seen: string[] = []
  const server = createServer(options, ({ socket, headers }, response) => {
    const tls = socket as TLSSocket
    seen.push(String(headers.authorization))
    const { CN = 'nobody' } = tls.getPeerCertificate().subject ?? {}
    response.end(`${String(CN)} ${String(tls.servername)}`)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, seen, port: (server.address() as AddressInfo).port }
}

function over(port: number, more: Partial<Upstream> = {}): Upstream {
  return {
    origin: `https://127.0.0.1:${port}`,
    basePath: '',
    certificateAuthority: TEST_AUTHORITY,
    ...more,
  }
}

const REFUSED: readonly (readonly [string, ServerOptions, Partial<Upstream>, RegExp])[] = [
  [
    'of an authority nobody trusts',
    SERVER_CERTIFICATE,
    { certificateAuthority: CLIENT_CERTIFICATE.cert },
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/,
  ],
  ['that is over', EXPIRED_CERTIFICATE, {}, /CERT_HAS_EXPIRED/],
  ['for another host', INTERNAL_CERTIFICATE, {}, /ERR_TLS_CERT_ALTNAME_INVALID/],
  [
    'for another name than the configured one',
    SERVER_CERTIFICATE,
    { serverName: 'orders.internal' },
    /ERR_TLS_CERT_ALTNAME_INVALID/,
  ],
]

for (const [name, certificate, more, code] of REFUSED) {
  t.test(`P1 CF-5 HX-16 a certificate ${name} is 502, and only the log knows why`, async (t) => {
    const { port: upstreamPort, seen } = await startTls(t, certificate)
    const upstream = over(upstreamPort, more)
    const { port, signIn, finished } = await startProxied(t, [
      guardedRoute('/*', upstream.origin, { upstream }),
    ])
    const { cookie } = await signIn()
    const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST, `Cookie: ${cookie}`))
    t.equal(answer.status, 502)
    t.match(JSON.parse(answer.body), { reason: 'upstream_unreachable' })
    t.notMatch(answer.body, new RegExp(`${upstreamPort}|CERT|certificate|verify`, 'i'))
    t.match(JSON.stringify(evidence((await finished()).cause)), code)
    t.same(seen, [], 'no token was sent')
  })
}

t.test('a route shows its own client certificate, and only there', async (t) => {
  const { port: upstreamPort, seen } = await startTls(t, {
    ...SERVER_CERTIFICATE,
    ...ASKS_FOR_CERTIFICATE,
  })
  const upstream = over(upstreamPort, { clientCertificate: US })
  const { port } = await startProxied(t, [
    openRoute('/with', upstream.origin, { upstream }),
    openRoute('/without', upstream.origin, { upstream: over(upstreamPort) }),
  ])
  const get = (path: string) => ask(t, port, head(`GET ${path} HTTP/1.1`, HOST))
  t.match((await get('/with')).body, /^bearergate test client/)
  t.equal((await get('/without')).status, 502, 'the same upstream, and none of its connections')
  t.match((await get('/with')).status, 200)
  t.equal(seen.length, 2)
})

t.test('tls.serverName is asked for and looked for', async (t) => {
  const { port: upstreamPort } = await startTls(t, INTERNAL_CERTIFICATE)
  const upstream = over(upstreamPort, { serverName: 'orders.internal' })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { upstream })])
  const answer = await ask(t, port, head('GET /x HTTP/1.1', HOST))
  t.equal(answer.body, 'nobody orders.internal')
})

t.test('WebSockets are dialled with the same certificates and names', async (t) => {
  const { server, port: upstreamPort } = await startTls(t, {
    ...INTERNAL_CERTIFICATE,
    ...ASKS_FOR_CERTIFICATE,
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { socket: raw }) => {
    socket.send(String((raw as TLSSocket).getPeerCertificate().subject.CN))
  })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  })
  const websocket = { origins: ['http://127.0.0.1'] }
  const right = over(upstreamPort, { clientCertificate: US, serverName: 'orders.internal' })
  const { port } = await startProxied(t, [
    openRoute('/ws', right.origin, { websocket, upstream: right }),
    openRoute('/nameless', right.origin, { websocket, upstream: over(upstreamPort) }),
  ])
  const open = (path: string) =>
    new WebSocket(`ws://127.0.0.1:${port}${path}`, { origin: 'http://127.0.0.1' })
  const [hello] = await once(open('/ws'), 'message')
  t.equal(String(hello), 'bearergate test client')
  const [, answer] = await once(
    open('/nameless').on('error', () => undefined),
    'unexpected-response',
  )
  t.equal(answer.statusCode, 502)
})
