import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { scriptedPlan, tells } from '../../support/doctored.ts'
import { freePort, type GatewayPlan } from '../../support/gateway.ts'
import { plainUpstream } from '../../support/plain-upstream.ts'
import {
  INTERNAL_CERTIFICATE,
  SERVER_CERTIFICATE,
  TEST_AUTHORITY,
} from '../../support/upstream-certificates.ts'

/** Listens on a free port; answers it. */
async function listening(t: Test, server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('what is wrong with an upstream is said, and what to do', async (t) => {
  const tlsPort = await listening(
    t,
    createTlsServer(SERVER_CERTIFICATE, (_, response) => response.end()),
  )
  const internalPort = await listening(
    t,
    createTlsServer(INTERNAL_CERTIFICATE, (_, response) => response.end()),
  )
  const strictPort = await listening(
    t,
    createTlsServer(
      { ...SERVER_CERTIFICATE, ca: TEST_AUTHORITY, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end(),
    ),
  )
  const http2Port = await listening(
    t,
    createHttp2Server((_, response) => response.writeHead(404).end()),
  )
  const { url } = await plainUpstream(t)
  const silentPort = await listening(
    t,
    createTcpServer(() => undefined),
  )
  const babblePort = await listening(
    t,
    createTcpServer((socket) => socket.on('error', () => undefined).end('220 smtp ready\r\n')),
  )
  const down = await freePort()
  const folder = t.testdir({ 'ca.pem': TEST_AUTHORITY })
  const tls = { certificateAuthority: join(folder, 'ca.pem') }
  const setups: [string, GatewayPlan, RegExp[]][] = [
    [
      'well',
      { upstream: `https://127.0.0.1:${tlsPort}`, tls },
      [/ok    https:\S+ answers \(HEAD: 200\)/],
    ],
    [
      'refused',
      { upstream: `http://127.0.0.1:${down}` },
      [/FAIL  http:\S+: the connection is refused[^\n]*\n +-> .*the upstream of \/x/],
    ],
    [
      'unknown host',
      { upstream: 'http://api.invalid' },
      [/FAIL  http:\/\/api.invalid: .*name[^\n]*\n +-> .*DNS/],
    ],
    [
      'unknown authority',
      { upstream: `https://127.0.0.1:${tlsPort}` },
      [
        /FAIL  .*authority that is not trusted[^\n]*\n +-> .*tls\.certificateAuthority of the route/,
      ],
    ],
    [
      'another name',
      { upstream: `https://127.0.0.1:${internalPort}`, tls },
      [/FAIL  .*the certificate is for another name[^\n]*\n +-> .*tls\.serverName/],
    ],
    [
      'the name it has',
      {
        upstream: `https://127.0.0.1:${internalPort}`,
        tls: { ...tls, serverName: 'orders.internal' },
      },
      [/ok    https:\S+ answers/],
    ],
    [
      'wants a client certificate',
      { upstream: `https://127.0.0.1:${strictPort}`, tls },
      [/FAIL  .*\n +-> .*(?:tls\.certificate|log)/],
    ],
    [
      'no socket',
      { upstream: `unix:${join(tmpdir(), 'bearergate-no.sock')}` },
      [/FAIL  unix:\S+: the socket is not there/],
    ],
    [
      'HTTP/2',
      { upstream: `http://127.0.0.1:${http2Port}`, http2: true },
      [/ok    http:\S+ \(HTTP\/2\) answers \(HEAD: 404\)/],
    ],
    [
      'no HTTP/2 by TLS',
      { upstream: `https://127.0.0.1:${tlsPort}`, tls, http2: true },
      [/FAIL  .*\(HTTP\/2\): it does not speak HTTP\/2[^\n]*\n +-> take http2: true away/],
    ],
    ['no HTTP/2', { upstream: url, http2: true }, [/FAIL  .*\(HTTP\/2\): .*\n +-> /]],
    [
      'HTTP/2 only',
      { upstream: `http://127.0.0.1:${http2Port}` },
      [/FAIL  http:\S+: what answers there does not speak HTTP[^\n]*\n +-> .*http2: true/],
    ],
    [
      'no HTTP at all',
      { upstream: `http://127.0.0.1:${babblePort}` },
      [/FAIL  http:\S+: what answers there does not speak HTTP/],
    ],
    [
      'silent',
      { upstream: `http://127.0.0.1:${silentPort}`, timeouts: { headers: '1s' } },
      [/warn  http:\S+ takes connections, but .* 1000 ms\n +-> .*upstream_timeout/],
    ],
    [
      'no TLS',
      { upstream: url.replace('http:', 'https:') },
      [/FAIL  .*does not speak TLS[^\n]*\n +-> .*plain/],
    ],
  ]
  for (const [name, route, lines] of setups)
    await t.test(name, async (t) => {
      const { plan, secrets } = await scriptedPlan(t)
      await tells(
        t,
        { ...plan, routes: [{ path: '/x', access: 'public', ...route }] },
        lines,
        secrets,
      )
    })
})
