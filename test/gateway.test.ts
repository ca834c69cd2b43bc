import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { parseConfig } from '../src/config/load-config.ts'
import { createGateway } from '../src/gateway.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { createBrowser } from './support/browser-jar.ts'
import { freePort, providerSection, startGateway, startGatewayProcess } from './support/gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from './support/loopback-certificate.ts'
import { signIn, startOpenIdProvider } from './support/openid-provider.ts'
import { openAndProtected, plainUpstream } from './support/plain-upstream.ts'
import { rawRequest, readToEnd } from './support/raw-request.ts'

t.test(
  'ID-4 with the provider down the process lives, serves public routes, and recovers alone',
  async (t) => {
    const api = await plainUpstream(t)
    const provider = await startOpenIdProvider(t)
    await provider.stop()
    const gateway = await startGateway(t, {
      ...openAndProtected(api.url),
      provider: providerSection(provider),
    })
    provider.registerGateway(gateway.origin)
    t.equal((await gateway.ask('/livez')).status, 200)
    t.match(await gateway.ask('/readyz'), {
      status: 503,
      body: /"provider_metadata":\[\{"status":"fail"/,
    })
    t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200)
    const browser = createBrowser()
    t.teardown(() => browser.close())
    t.equal((await browser.navigate(`${gateway.origin}/api/x`)).status, 503)

    await provider.restart()
    await gateway.line(({ event }) => event === 'provider_ready')
    t.equal((await gateway.ask('/readyz')).status, 200)
    t.match(await signIn(browser, `${gateway.origin}/api/x`), { status: 200, body: 'up' })
  },
)

t.test('OB-1 ER-12 a log that cannot be written to breaks no request', async (t) => {
  const api = await plainUpstream(t)
  const port = await freePort()
  const plan = {
    publicUrl: `http://127.0.0.1:${port}`,
    listen: { host: '127.0.0.1', port },
    admin: { port: 0 },
    session: { secrets: [randomBytes(32).toString('base64')] },
    ...openAndProtected(api.url),
  }
  const source = { env: {}, readFile: () => ({ wrong: 'no files in this test' }) }
  const { config } = parseConfig(JSON.stringify(plan), 'test.yaml', source)
  const warnings: Error[] = []
  const hear = (warning: Error) => void warnings.push(warning)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const full = () => {
    throw new Error('no space left on device')
  }
  const metrics = createMetrics({ version: 'test', routeIds: [] })
  const gateway = await createGateway(config, full, { metrics, version: 'test' })
  t.teardown(() => gateway.close('the test is over'))
  await gateway.listen()
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
  t.same([await get('/open/x'), await get('/api/x'), await get('/none')], [200, 401, 404])
  t.same([await get('/open/x'), await get('/oauth2/session')], [200, 401])
  const told = warnings.filter(({ message }) => message.startsWith('events are not written'))
  t.match(told, [{ cause: { message: 'no space left on device' } }], 'said, and once')
})

t.test('AT-41 nothing of the admin listener exists on the public port', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startGateway(t, openAndProtected(api.url))
  const names = [
    'metrics',
    'livez',
    'readyz',
    '%6detrics',
    '/metrics',
    './metrics',
    'open/../metrics',
    'METRICS',
    'metrics;x',
    'metrics%20',
    'oauth2/metrics',
    '',
  ]
  for (const name of names) {
    const { status, text } = await rawRequest(
      gateway.port,
      `GET /${name} HTTP/1.1\r\nHost: ${gateway.origin.slice(7)}\r\nConnection: close\r\n\r\n`,
    )
    t.ok(status === 404 || status === 400, `/${name}: ${status}`)
    t.notMatch(text, /bearergate_|process_cpu|"checks"/)
  }
  const stranger = await rawRequest(
    gateway.port,
    `GET ${gateway.admin}/metrics HTTP/1.1\r\nHost: ${gateway.admin.slice(7)}\r\nConnection: close\r\n\r\n`,
  )
  t.ok([400, 404, 421].includes(stranger.status ?? 0))
})

t.test(
  'OB-4 OB-5 each request is one line, without query, whatever the client sends',
  async (t) => {
    const api = await plainUpstream(t)
    const gateway = await startGateway(t, openAndProtected(api.url))
    const host = gateway.origin.slice(7)
    const requests = [
      'GET /open/x?code=SECRETCODE&password=SECRETPW HTTP/1.1',
      'GET /oauth2/callback?code=SECRETCODE&state=SECRETSTATE HTTP/1.1',
      'GET /none?access_token=SECRETTOKEN HTTP/1.1',
      'BREW /open/x HTTP/1.1',
      'GET /open/%0a{"level":"info"} HTTP/1.1',
    ]
    for (const line of requests) {
      await rawRequest(
        gateway.port,
        `${line}\r\nHost: ${host}\r\nX-Forged: \u00e9\u001b[31m\r\nConnection: close\r\n\r\n`,
      )
    }
    const lines = gateway.log().filter(({ msg }) => msg === 'request')
    t.equal(lines.length, requests.length)
    t.notMatch(gateway.logText(), 'SECRET')
    t.equal(new Set(lines.map(({ request_id }) => request_id)).size, requests.length)
  },
)

t.test(
  'RL-1 RL-2 what never became a request is told too, with the id of the answer',
  async (t) => {
    const gateway = await startGateway(t, openAndProtected('http://127.0.0.1:9'), {
      limits: { headersTimeoutMs: 200 },
    })
    const broken = await rawRequest(gateway.port, 'GET / HTTP/1.1\r\nBroken header\r\n\r\n')
    const slow = await rawRequest(gateway.port, 'GET / HTTP/1.1\r\nHost: x\r\n')
    t.match([broken.status, slow.status], [400, 408])
    for (const { text } of [broken, slow]) {
      const { reason, request_id } = JSON.parse(text.split('\r\n\r\n')[1] ?? '') as Record<
        string,
        string
      >
      t.ok(
        gateway
          .log()
          .some((line) => line['request_id'] === request_id && line['reason'] === reason),
      )
    }
  },
)

t.test('OB-6 2,000 random requests add no series to the metrics', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startGateway(t, openAndProtected(api.url))
  const random = () => Math.random().toString(36).slice(2)
  const burst = async (count: number) => {
    const host = gateway.origin.slice(7)
    const one = () =>
      `GET /${['open', 'api', 'oauth2', random()][Math.floor(Math.random() * 4)]}/${random()} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${random()}\r\n\r\n`
    const last = `GET /end HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    for (let left = count; left > 0; left -= 400) {
      // in portions that one connection may ask ahead
      const portion = Array.from({ length: Math.min(left, 400) }, one).join('')
      await rawRequest(gateway.port, portion + last, 20_000)
    }
  }
  const series = async () => {
    const { body } = await gateway.ask('/metrics')
    const lines = body.split('\n').filter((line) => line.startsWith('bearergate_'))
    return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).sort()
  }
  await burst(100)
  const before = await series()
  await burst(2_000)
  t.same(await series(), before)
  t.equal(
    before.some((line) => line.includes('route="/open/*"')),
    true,
  )
})

t.test(
  'S-22 the real binary: sign-in at a real provider, call with the token, sign-out',
  async (t) => {
    const api = await plainUpstream(t, (request, response) => {
      response.end(request.headers.authorization)
    })
    const provider = await startOpenIdProvider(t)
    const plan = { ...openAndProtected(api.url), provider: providerSection(provider) }
    const gateway = await startGatewayProcess(t, plan)
    provider.registerGateway(gateway.origin)
    const browser = createBrowser()
    t.teardown(() => browser.close())
    await gateway.line(({ event }) => event === 'provider_ready')
    t.match(await signIn(browser, `${gateway.origin}/api/x`), { status: 200, body: /^Bearer eyJ/ })
    const signedOut = await browser.fetch(`${gateway.origin}/oauth2/logout`, { method: 'POST' })
    t.equal(signedOut.status, 303)
    t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 401)
    gateway.child.kill('SIGTERM')
    t.match(await gateway.exited, { code: 0 })
    t.notMatch(gateway.logText() + gateway.errors(), /eyJ|Bearer/)
  },
)

t.test('S-2 the start says what to register and where things listen', async (t) => {
  const gateway = await startGatewayProcess(t, openAndProtected('http://127.0.0.1:9'))
  t.match(await gateway.line(({ msg }) => msg === 'bearergate is listening'), {
    register_redirect_uri: `${gateway.origin}/oauth2/callback`,
    register_post_logout_redirect_uri: `${gateway.origin}/oauth2/logout/callback`,
    register_backchannel_logout_uri: `${gateway.origin}/oauth2/backchannel-logout`,
    register_frontchannel_logout_uri: `${gateway.origin}/oauth2/frontchannel-logout`,
    public_url: gateway.origin,
    routes: 2,
  })
})

t.test('the status page of a running gateway shows routes and state, and no secret', async (t) => {
  const gateway = await startGateway(t, openAndProtected('http://127.0.0.1:9'))
  const { status, body } = await gateway.ask('/')
  t.equal(status, 200)
  for (const shown of [gateway.origin, '/open/*', 'public', 'http://127.0.0.1:9'])
    t.match(body, shown)
  t.notMatch(body, /clientSecret|secrets/)
})

t.test('CF-4 each insecure setting is a warning at the start', async (t) => {
  const gateway = await startGatewayProcess(t, openAndProtected('http://127.0.0.1:9'))
  const warnings = gateway.log().filter(({ level }) => level === 'warn')
  for (const key of ['publicUrl', 'provider.issuer']) {
    t.ok(
      warnings.some(({ msg }) => String(msg).includes(key)),
      key,
    )
  }
})

t.test('CF-5 TLS on the public listener: 1.2 at least, and the same rules', async (t) => {
  const api = await plainUpstream(t)
  const folder = t.testdir({ 'cert.pem': LOOPBACK_CERTIFICATE, 'key.pem': LOOPBACK_KEY })
  const port = await freePort()
  const tls = { certificate: `${folder}/cert.pem`, key: `${folder}/key.pem` }
  const gateway = await startGatewayProcess(t, {
    ...openAndProtected(api.url),
    publicUrl: `https://127.0.0.1:${port}`,
    listen: { host: '127.0.0.1', port, tls },
  })
  t.match(await gateway.line(({ msg }) => msg === 'bearergate is listening'), {
    listening_on: gateway.origin,
  })
  const browser = createBrowser({ ca: LOOPBACK_CERTIFICATE })
  t.teardown(() => browser.close())
  t.match(await browser.fetch(`${gateway.origin}/open/x`), { status: 200, body: 'up' })
  t.match(await browser.fetch(`${gateway.origin}/api/x`), { status: 401 })
  const versions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
  const old = connectTls({ port, host: '127.0.0.1', ca: LOOPBACK_CERTIFICATE, ...versions })
  await t.rejects(once(old, 'secureConnect'))
  const plain = await rawRequest(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(plain, { closed: true, status: undefined })
})

t.test(
  'HX-20 a WebSocket handshake on a plain route is refused, and the connection closed',
  async (t) => {
    const api = await plainUpstream(t)
    const gateway = await startGateway(t, openAndProtected(api.url))
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(
      `GET /open/x HTTP/1.1\r\nHost: ${gateway.origin.slice(7)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
    t.match(await readToEnd(socket), { status: 426, closed: true })
    t.ok(gateway.log().some(({ status, reason }) => status === 426 && reason === 'upgrade_refused'))
  },
)

t.test(
  'TK-16 AT-18 after a whole visit at level trace, no log line has a token, code or cookie',
  async (t) => {
    const api = await plainUpstream(t, (request, response) => {
      response.setHeader('x-authorization', String(request.headers.authorization))
      response.end(request.headers.authorization)
    })
    const provider = await startOpenIdProvider(t, { accessTokenSeconds: 1 })
    const gateway = await startGateway(
      t,
      {
        ...openAndProtected(api.url),
        provider: providerSection(provider),
        logging: { level: 'trace' },
      },
      { level: 'trace' },
    )
    provider.registerGateway(gateway.origin)
    const browser = createBrowser()
    t.teardown(() => browser.close())
    const canaries = new Set<string>()
    const note = (text: string | undefined) => {
      for (const word of text?.match(/[\w~+/=-]{20,}/g) ?? []) canaries.add(word)
    }
    const noteAll = (page: {
      body: string
      setCookies: readonly string[]
      location: string | undefined
    }) => {
      for (const line of page.setCookies) note(/=([^;]*)/.exec(line)?.[1])
      note(page.location?.split('?')[1])
    }
    const first = await browser.navigate(`${gateway.origin}/api/x?secret=QUERYCANARY0123456789`)
    noteAll(first)
    canaries.add('QUERYCANARY0123456789')
    const page = await signIn(browser, `${gateway.origin}/api/x`)
    t.match(page, { status: 200, body: /^Bearer / })
    note(page.body)
    for (const [, value] of browser.cookies(gateway.origin)) note(value)
    await browser.fetch(`${gateway.origin}/oauth2/session/refresh`, { method: 'POST' })
    await provider.stop()
    noteAll(
      await browser.navigate(
        `${gateway.origin}/oauth2/callback?code=CODECANARY0123456789&state=STATECANARY0123456789`,
      ),
    )
    canaries.add('CODECANARY0123456789').add('STATECANARY0123456789')
    noteAll(await browser.fetch(`${gateway.origin}/oauth2/logout`, { method: 'POST' }))
    canaries.add(provider.secret)
    const found = [...canaries].filter((canary) => gateway.logText().includes(canary))
    t.ok(canaries.size > 10)
    t.same(found, [])
    const { body } = await gateway.ask('/metrics')
    t.same(
      [...canaries].filter((canary) => body.includes(canary)),
      [],
    )
  },
)
