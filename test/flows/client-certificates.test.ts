import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../support/browser-jar.ts'
import { providerSection, startGateway } from '../support/gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import {
  CLIENT_CERTIFICATE,
  SERVER_CERTIFICATE,
  TEST_AUTHORITY,
} from '../support/upstream-certificates.ts'

const FILES = {
  'ca.pem': TEST_AUTHORITY,
  'client.pem': CLIENT_CERTIFICATE.cert,
  'client.key': CLIENT_CERTIFICATE.key,
  'own.pem': LOOPBACK_CERTIFICATE,
  'own.key': LOOPBACK_KEY,
}

/** A real provider that knows clients by certificate, and an upstream that asks for one too. */
async function certificateJourney(t: Test, section: object, own: 'client' | 'own') {
  const provider = await startOpenIdProvider(t, {
    mutualTls: LOOPBACK_CERTIFICATE,
    pushedAuthorizationRequests: 'offered',
  })
  const upstream = await startUpstream(t)
  const tls = { certificateAuthority: 'ca.pem', certificate: `${own}.pem`, key: `${own}.key` }
  const gateway = await startGateway(
    t,
    {
      provider: providerSection(provider, {
        clientSecret: undefined,
        allowedOrigins: [provider.mutualTlsOrigin],
        tls,
        ...section,
      }),
      routes: [
        { path: '/api/*', upstream: upstream.origin, tls },
        {
          path: '/orders/*',
          upstream: upstream.origin,
          tls,
          token: { via: 'refresh', resource: 'https://orders.example.com/' },
        },
      ],
    },
    { files: FILES },
  )
  provider.registerGateway(gateway.origin)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = createBrowser()
  t.teardown(() => browser.close())
  return { provider, upstream, gateway, browser }
}

async function startUpstream(t: Test) {
  const seen: { readonly token: string; readonly thumbprint: string }[] = []
  const tls = { ...SERVER_CERTIFICATE, requestCert: true, rejectUnauthorized: false }
  const server = createServer(tls, ({ socket, headers }, response) => {
    const { raw } = (socket as TLSSocket).getPeerCertificate()
    const token = String(headers.authorization).replace('Bearer ', '')
    seen.push({ token, thumbprint: createHash('sha256').update(raw).digest('base64url') })
    response.end('hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

function thumbprint(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
}

for (const [method, clientId, own] of [
  ['tls_client_auth', 'tls', 'client'],
  ['self_signed_tls_client_auth', 'tls-own', 'own'],
] as const)
  for (const pushed of [false, true])
    t.test(
      `TK-17 ${method}${pushed ? ', AZ-14 pushed' : ''}: sign-in, bound tokens, refresh and sign-out at a real provider`,
      async (t) => {
        const { provider, gateway, upstream, browser } = await certificateJourney(
          t,
          { clientId, clientAuthentication: method, pushedAuthorizationRequests: pushed },
          own,
        )
        const page = await signIn(browser, `${gateway.origin}/api/hello`)
        t.equal(page.status, 200)
        t.equal(page.body, 'hello')
        const [first] = upstream.seen
        t.same(
          decodeJwt(first?.token ?? '')['cnf'],
          { 'x5t#S256': thumbprint(FILES[`${own}.pem`]) },
          'RFC 8705 §3.1',
        )
        t.equal(first?.thumbprint, thumbprint(FILES[`${own}.pem`]), 'what the upstream checks')

        t.equal((await browser.fetch(`${gateway.origin}/orders/7`)).status, 200)
        t.equal(provider.tokenCalls('refresh_token'), 1)
        const { aud, cnf } = decodeJwt(upstream.seen[1]?.token ?? '')
        t.equal(aud, 'https://orders.example.com/')
        t.same(cnf, { 'x5t#S256': thumbprint(FILES[`${own}.pem`]) })

        await browser.post(`${gateway.origin}/oauth2/logout`, {})
        await gateway.line(({ event }) => event === 'revocation_succeeded')
      },
    )

t.test(
  'TK-17 TK-15 a certificate that the provider does not know: a page, and the log says why',
  async (t) => {
    const { gateway, browser, upstream } = await certificateJourney(t, { clientId: 'tls' }, 'own')
    const page = await signIn(browser, `${gateway.origin}/api/hello`)
    t.equal(page.status, 502)
    const line = await gateway.line(({ event }) => event === 'provider_refused_client')
    t.match(line, { step: 'authorization_code', provider_error: 'invalid_client' })
    t.notMatch(gateway.logText(), /PRIVATE KEY|BEGIN CERTIFICATE/)
    t.same(upstream.seen, [])
  },
)
