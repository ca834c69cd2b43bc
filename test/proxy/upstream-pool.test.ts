import { once } from 'node:events'
import { createServer as createPlainServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import { BUSY_MS } from '../support/patience.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'

const GET = head('GET /x HTTP/1.1', 'Host: 127.0.0.1')

async function startTlsUpstream(t: Test): Promise<{ port: number; hits: () => number }> {
  let hits = 0
  const server = createTlsServer(
    { cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY },
    (_request, response) => {
      hits += 1
      response.end('secure')
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closeAtEnd(t, server)
  return { port: (server.address() as AddressInfo).port, hits: () => hits }
}

function closeAtEnd(t: Test, server: Server): void {
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}

t.test(
  'P1 CF-5 a self-signed upstream is 502 and never sees the token, unless its CA is configured',
  async (t) => {
    const { port: upstreamPort, hits } = await startTlsUpstream(t)
    const origin = `https://127.0.0.1:${upstreamPort}`
    const trusted = { origin, basePath: '', certificateAuthority: LOOPBACK_CERTIFICATE }
    const { port, signIn } = await startProxied(t, [
      guardedRoute('/unverified', origin),
      guardedRoute('/trusted', origin, { upstream: trusted }),
    ])
    const { cookie } = await signIn()
    const get = (path: string) =>
      ask(t, port, head(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Cookie: ${cookie}`))
    const refused = await get('/unverified')
    t.equal(refused.status, 502)
    t.match(JSON.parse(refused.body), { reason: 'upstream_unreachable' })
    t.equal(hits(), 0)
    t.equal((await get('/trusted')).body, 'secure')
    t.equal((await get('/unverified')).status, 502, 'one route does not trust for another')
  },
)

t.test('P1 CF-5 a certificate for another name is 502', async (t) => {
  const { port: upstreamPort, hits } = await startTlsUpstream(t)
  const upstream = {
    origin: `https://127.0.0.2:${upstreamPort}`,
    basePath: '',
    certificateAuthority: LOOPBACK_CERTIFICATE,
  }
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { upstream })])
  t.equal((await ask(t, port, GET)).status, 502)
  t.equal(hits(), 0)
})

t.test('P1 a certificate that belongs to the Host of the client does not help', async (t) => {
  const { port: upstreamPort } = await startTlsUpstream(t)
  const upstream = {
    origin: `https://127.0.0.1:${upstreamPort}`,
    basePath: '',
    certificateAuthority: LOOPBACK_CERTIFICATE,
  }
  const route = openRoute('/*', upstream.origin, { upstream, hostHeader: 'client' })
  const { port } = await startProxied(t, [route])
  const answer = await ask(t, port, head('GET /x HTTP/1.1', 'Host: internal-name'))
  t.equal(answer.status, 200, 'the name that is checked is the configured one')
})

t.test('an upstream on a unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const socketPath = join(folder, 'app.sock')
  const server = createPlainServer((request, response) => void response.end(request.headers.host))
  server.listen(socketPath)
  await once(server, 'listening')
  closeAtEnd(t, server)
  const upstream = { origin: 'http://localhost', basePath: '', socketPath }
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin, { upstream })])
  t.equal((await ask(t, port, GET)).body, 'localhost')
})

t.test('HX-16 P22 an upstream that cannot be connected to in time is 504', async (t) => {
  const mute = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    t.teardown(() => socket.destroy())
  })
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => mute.close())
  const origin = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const timeouts = { connectMs: 300, headersMs: 0, idleMs: 0 } // nothing else would end it
  const { port, finished } = await startProxied(t, [openRoute('/*', origin, { timeouts })])
  const startedAtMs = performance.now()
  const answer = await ask(t, port, GET)
  t.equal(answer.status, 504)
  t.match(JSON.parse(answer.body), { reason: 'upstream_timeout' })
  t.ok(performance.now() - startedAtMs < 1_300 + BUSY_MS, 'within the second that undici counts by')
  t.match(await finished(), { status: 504, reason: 'upstream_timeout' })
})
