import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createBrowser } from '../support/browser-jar.ts'
import { FRONTS, needsFront, startFront, type FrontProxy } from '../support/front-proxies.ts'
import { freePort, providerSection, startGateway } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

/** The examples of config/forward-auth as they are, but for addresses and key. */
async function behind(t: Test, name: FrontProxy) {
  const provider = await startOpenIdProvider(t)
  const upstream = await startRecordingUpstream(t)
  const [port, key] = [await freePort(), randomBytes(32).toString('hex')]
  const origin = `http://127.0.0.1:${port}`
  const forwards = name === 'apache'
  const rule = { headers: { set: { 'X-User': '${claims.sub}', 'X-Nobody': '${claims.nothing}' } } }
  const to = forwards ? upstream.origin : 'none'
  const gateway = await startGateway(t, {
    publicUrl: origin,
    provider: providerSection(provider),
    listen: { trustedProxies: ['127.0.0.1/32'] },
    ...(forwards ? {} : { forwardAuth: { key } }),
    routes: [
      { path: '/api/*', upstream: to, ...rule },
      { path: '/open/*', upstream: to, access: 'public' },
      { path: '/staff/*', upstream: to, require: { claims: { sub: ['bob', 'carol'] } }, ...rule },
    ],
  })
  provider.registerGateway(origin)
  await gateway.line(({ event }) => event === 'provider_ready')
  const upstreamPort = Number(new URL(upstream.origin).port)
  await startFront(t, name, { port, gatewayPort: gateway.port, upstreamPort, key })
  const newBrowser = () => {
    const browser = createBrowser()
    t.teardown(() => browser.close())
    return browser
  }
  return { origin, port, gateway, upstream, newBrowser, forwards }
}

for (const name of Object.keys(FRONTS) as FrontProxy[]) {
  t.test(`FW-10 ${name} in front: sign-in, calls, sign-out`, needsFront(name), async (t) => {
    const { origin, upstream, newBrowser } = await behind(t, name)
    const browser = newBrowser()
    const page = await signIn(browser, `${origin}/api/hello?a=1&b=2`)
    t.equal(page.status, 200)
    t.equal(page.url, `${origin}/api/hello?a=1&b=2`)
    const [request] = upstream.requests
    t.equal(upstream.requests.length, 1, 'nothing came through before the login')
    t.equal(request?.url, '/api/hello?a=1&b=2')
    t.match(request?.headers.authorization, /^Bearer eyJ/)
    t.same(request?.values('x-user'), ['alice'])
    t.notMatch(request?.headers.cookie ?? '', /bearergate/, 'RS-4')
    for (const cookies of ['a=1; __Host-bearergate=x; b=2', 'a=1; bearergate=x; b=2']) {
      await newBrowser().fetch(`${origin}/open/x`, { headers: { cookie: cookies } })
      t.equal(upstream.requests.at(-1)?.headers.cookie, 'a=1; b=2', 'others stay')
    }
    const ours = ['bearergate', 'bearergate-at-acme', 'bearergate-login-abcdefghijklmnop']
    const [ticket, there, underWay] = ours.map((one) => `__Host-${one}=x`)
    for (const cookies of [
      `${ticket}; ${there}; ${underWay}; a=1; bearergates=3; b=2`,
      `a=1; ${there}; bearergates=3; ${ticket}; ${underWay}; b=2`,
      `${there}; a=1; ${underWay}; bearergates=3; b=2; ${ticket}`,
    ]) {
      await newBrowser().fetch(`${origin}/open/x`, { headers: { cookie: cookies } })
      const left = upstream.requests.at(-1)?.headers.cookie ?? ''
      t.same(left.split(/;\s*/).filter(Boolean), ['a=1', 'bearergates=3', 'b=2'], 'RS-4')
    }

    const before = upstream.requests.length
    const sent = await browser.post(`${origin}/api/orders`, { item: 'x' }, { site: 'same-origin' })
    t.equal(sent.status, 200)
    t.match(upstream.requests.at(-1), { method: 'POST', body: 'item=x' })
    const forged = await browser.post(`${origin}/api/orders`, { item: 'y' }, { site: 'cross-site' })
    t.equal(forged.status, 403, 'AT-13')
    t.equal(upstream.requests.length, before + 1)

    const elsewhere = browser.copy()
    const out = await browser.post(`${origin}/oauth2/logout`, {}, { site: 'same-origin' })
    t.equal(out.status, 303)
    t.equal((await elsewhere.fetch(`${origin}/api/hello`)).status, 401, 'the session has ended')
    await elsewhere.close()
    t.equal(upstream.requests.length, before + 1)
  })

  t.test(
    `FW-10 ${name} in front: a claims rule lets in whom it names`,
    needsFront(name),
    async (t) => {
      const { origin, upstream, newBrowser } = await behind(t, name)
      const [alice, bob] = [newBrowser(), newBrowser()]
      const refused = await signIn(alice, `${origin}/staff/x`, 'alice')
      t.equal(refused.status, 403)
      t.equal((await alice.fetch(`${origin}/staff/x`)).status, 403)
      t.equal(upstream.requests.length, 0)
      t.equal((await alice.fetch(`${origin}/api/x`)).status, 200, 'and stays signed in')

      t.equal((await signIn(bob, `${origin}/staff/x`, 'bob')).status, 200)
      t.match(upstream.requests.at(-1)?.url, '/staff/x')
      t.same(upstream.requests.at(-1)?.values('x-user'), ['bob'])
      const before = upstream.requests.length
      t.equal((await newBrowser().fetch(`${origin}/staff/x`)).status, 401)
      t.equal(upstream.requests.length, before)
    },
  )

  t.test(`FW-10 ${name} in front: strangers are told 401`, needsFront(name), async (t) => {
    const { origin, upstream, newBrowser } = await behind(t, name)
    const answer = await newBrowser().fetch(`${origin}/api/hello`)
    t.equal(answer.status, 401)
    t.match(answer.headers['www-authenticate'], /^Bearer/)
    const open = await newBrowser().fetch(`${origin}/open/x`, { headers: { 'x-user': 'root' } })
    t.equal(open.status, 200)
    t.notOk(upstream.requests[0]?.headers['x-user'], 'FW-4 a public route takes it away as well')
    t.notOk(upstream.requests[0]?.headers.authorization)
  })

  t.test(`FW-10 ${name} in front: forged headers open nothing`, needsFront(name), async (t) => {
    const { origin, port, upstream, newBrowser, forwards } = await behind(t, name)
    const stranger = newBrowser()
    const forged = {
      'x-forwarded-uri': '/open/x',
      'x-original-uri': '/open/x',
      'x-forwarded-method': 'GET',
      'x-original-method': 'GET',
      'x-forwarded-host': 'evil.example',
      'x-user': 'root',
    }
    for (const headers of [
      forged,
      { 'x-original-uri': '/open/x' },
      { 'x-forwarded-uri': '/open/x' },
    ])
      t.equal((await stranger.fetch(`${origin}/api/hello`, { headers })).status, 401)
    for (const target of [
      '/open/../api/x',
      '/open/%2e%2e/api/x',
      '/open/..%2fapi/x',
      '/open//../../api/x',
    ])
      t.notMatch(await rawStatus(port, target), /^HTTP\/1.1 2/, `AT-11 ${target}`)
    t.equal(upstream.requests.length, 0)

    const browser = newBrowser()
    await signIn(browser, `${origin}/api/hello`)
    await browser.fetch(`${origin}/api/hello`, { headers: { ...forged, 'x-nobody': 'root' } })
    t.same(upstream.requests.at(-1)?.values('x-user'), ['alice'])
    if (forwards) t.notOk(upstream.requests.at(-1)?.headers['x-nobody'])

    for (const path of [
      '/oauth2/verify',
      '/oauth2/verify?login=redirect',
      '/OAuth2/Verify',
      '/oauth2//verify',
    ]) {
      const direct = await browser.fetch(origin + path, {
        headers: { 'x-forwarded-uri': '/api/x', 'x-forwarded-method': 'GET' },
      })
      t.ok(direct.status >= 400, `${path} ${direct.status}`)
      t.notOk('authorization' in direct.headers, 'TK-1 the browser never sees a token')
    }
  })
}

/** The answer's first line for a target that no HTTP client would send as it is. */
async function rawStatus(port: number, target: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
  return (await text(socket)).split('\r\n', 1)[0] as string
}
