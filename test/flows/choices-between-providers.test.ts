import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Browser, BrowserOptions } from '../support/browser-jar.ts'
import { ask, head } from '../support/raw-socket.ts'
import { signIn } from '../support/openid-provider.ts'
import { startTwoProviders, type TwoProviders } from '../support/two-providers.ts'

const KEY = randomBytes(32).toString('hex')
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="phr"'

/** Routes of every kind that take both providers. */
async function choices(t: Test): Promise<TwoProviders> {
  const provider = ['staff', 'partners']
  return startTwoProviders(t, {
    plan: {
      forwardAuth: { key: KEY },
      listen: { trustedProxies: ['127.0.0.1/32'] },
    },
    answer: (request, response) => {
      if (request.url === '/own/challenge') {
        response.writeHead(401, { 'www-authenticate': CHALLENGE })
      }
      response.end('ok')
    },
    routesTo: (upstream) => [
      { path: '/vault/*', upstream, provider, require: { acr: ['phr'] } },
      { path: '/maybe/*', upstream, provider, access: 'optional' },
      { path: '/own/*', upstream, provider },
      { path: '/form/*', upstream, provider, replayForm: true },
      { path: '/live', upstream, provider, websocket: true },
      { path: '/asked/*', upstream: 'none', provider },
      { path: '/asked-staff/*', upstream: 'none', provider: 'staff' },
    ],
  })
}

t.test(
  'RS-7 a stronger login is asked for at the provider of the session that is too weak',
  async (t) => {
    const { gateway, newBrowser, partners, staff } = await choices(t)
    const { origin } = gateway
    const browser = newBrowser()
    await signIn(browser, `${origin}/staff/x`, 'alice')
    await signIn(browser, `${origin}/partners/x`, 'paula')
    for (const path of ['/vault/x', '/own/challenge']) {
      const leaving = await browser.navigate(origin + path)
      t.equal(leaving.status, 302, path)
      t.ok(leaving.location?.startsWith(partners.issuer), 'the newest session counts')
      t.equal(new URL(leaving.location ?? '').searchParams.get('acr_values'), 'phr')
    }
    const scripted = await browser.fetch(`${origin}/vault/x`)
    t.equal(scripted.json().login_url, `${origin}/oauth2/login?acr_values=phr`)
    await browser.post(`${origin}/oauth2/logout?provider=partners`, {})
    const other = await browser.navigate(`${origin}/vault/x`)
    t.ok(other.location?.startsWith(staff.issuer))
    const back = await signIn(browser, `${origin}/vault/x`)
    t.equal(back.status, 200)
  },
)

t.test(
  'FW-8 an optional route knows who is signed in anywhere, and serves strangers',
  async (t) => {
    const { gateway, newBrowser, people } = await choices(t)
    const browser = newBrowser()
    t.equal((await browser.fetch(`${gateway.origin}/maybe/x`)).status, 200)
    await signIn(browser, `${gateway.origin}/partners/x`, 'paula')
    t.equal((await browser.fetch(`${gateway.origin}/maybe/x`)).status, 200)
    await signIn(browser, `${gateway.origin}/staff/x`, 'alice')
    t.equal((await browser.fetch(`${gateway.origin}/maybe/x`)).status, 200)
    t.same(people(), ['nobody', 'paula@partners', 'paula@partners', 'alice@staff', 'alice@staff'])
  },
)

t.test('FW-10 a proxy that asks is told of the choice', async (t) => {
  const { gateway, newBrowser, partners } = await choices(t)
  const { origin } = gateway
  const browser = newBrowser()
  const about = (uri: string): BrowserOptions => ({
    headers: {
      'x-bearergate-key': KEY,
      'x-forwarded-method': 'GET',
      'x-forwarded-host': new URL(origin).host,
      'x-forwarded-proto': 'http',
      'x-forwarded-uri': uri,
    },
  })
  const loginUrlFor = async (uri: string) => {
    const page = await browser.navigate(`${origin}/oauth2/verify`, about(uri))
    t.equal(page.status, 401)
    return page.headers['x-auth-login-url']
  }
  t.equal(await loginUrlFor('/asked/x'), `${origin}/oauth2/login?return_to=%2Fasked%2Fx`)
  t.equal(
    await loginUrlFor('/asked-staff/x'),
    `${origin}/oauth2/login?provider=staff&return_to=%2Fasked-staff%2Fx`,
  )
  const passed = await browser.navigate(`${origin}/oauth2/verify?login=redirect`, about('/asked/x'))
  t.equal(passed.status, 302)
  t.equal(
    passed.location,
    `${origin}/oauth2/login?provider=staff%2Cpartners&return_to=%2Fasked%2Fx`,
  )
  await signIn(browser, `${origin}/partners/x`, 'paula')
  t.equal((await browser.fetch(`${origin}/oauth2/verify`, about('/asked/x'))).status, 204)
  t.equal((await browser.fetch(`${origin}/oauth2/verify`, about('/asked-staff/x'))).status, 401)
  t.ok(partners.tokenCalls('authorization_code') === 1)
})

t.test('CS-6 a WebSocket opens with a session of any provider of its route', async (t) => {
  const { gateway, newBrowser, upstream } = await choices(t)
  const { origin, port } = gateway
  const browser = newBrowser()
  const seen: unknown[] = []
  upstream.server.on('upgrade', ({ headers }, socket) => {
    seen.push(headers.authorization)
    socket.end('HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  const handshake = async () => {
    const cookies = [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`)
    const fields = [
      'GET /live HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      `Origin: ${origin}`,
      `Cookie: ${cookies.join('; ')}`,
      ...HANDSHAKE,
    ]
    return (await ask(t, port, head(...fields))).status
  }
  t.equal(await handshake(), 401)
  await signIn(browser, `${origin}/partners/x`, 'paula')
  t.equal(await handshake(), 409, 'the upstream was asked')
  await signIn(browser, `${origin}/staff/x`, 'alice')
  t.equal(await handshake(), 409)
  t.equal(new Set(seen).size, 2, 'with the token of the newest session each time')
})

t.test(
  'SE-23 a form that had to wait goes out for its own user, at the provider it was of',
  async (t) => {
    const { gateway, newBrowser, upstream } = await choices(t)
    const { origin } = gateway
    const browser = newBrowser()
    await signIn(browser, `${origin}/staff/x`, 'alice')
    const post = () => browser.post(`${origin}/form/x`, { note: 'kept' })
    t.equal((await post()).status, 200, 'signed in, it goes out at once')
    await endSession(browser, origin)
    const kept = await post()
    t.equal(kept.status, 401)
    const sealed = /<textarea name="form">\n([^<]+)</.exec(kept.body)?.[1] ?? ''
    t.not(sealed, '')
    const login = /href="([^"]*\/oauth2\/login[^"]*)"/.exec(kept.body)?.[1] ?? ''
    t.notMatch(login, 'provider=', 'both may be signed in at')

    const bring = () => browser.post(`${origin}/oauth2/form`, { form: sealed })
    t.match(await bring(), { status: 401 })
    await signIn(browser, `${origin}/partners/x`, 'alice')
    const other = await bring()
    t.equal(other.status, 403, 'alice at the other provider is somebody else')
    t.match(other.body, 'Reference')
    await signIn(browser, `${origin}/staff/x`, 'alice')
    const page = await bring()
    t.equal(page.status, 200)
    t.match(page.body, 'action="/form/x"')
    t.equal(upstream.requests.filter(({ method }) => method === 'POST').length, 1)
  },
)

/** The session ends elsewhere: the browser keeps its ticket. */
async function endSession(browser: Browser, origin: string): Promise<void> {
  const elsewhere = browser.copy()
  await elsewhere.post(`${origin}/oauth2/logout`, {})
  await elsewhere.close()
}
