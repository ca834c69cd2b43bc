import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { BrowserOptions } from '../support/browser-jar.ts'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'

const KEY = randomBytes(32).toString('hex')

/** A gateway that other proxies ask; `verify` asks as one that tells it of a GET by a page navigation. */
async function asked(t: Test, trustedProxies = ['127.0.0.1/32']) {
  const journey = await startJourney(t, {
    plan: {
      forwardAuth: { key: KEY },
      listen: { trustedProxies },
      routes: [
        {
          path: '/api/*',
          upstream: 'none',
          headers: { set: { 'X-User': '${claims.sub}', 'X-Group': '${claims.group}' } },
        },
        { path: '/live', upstream: 'none', websocket: true },
        { path: '/open/*', upstream: 'none', access: 'public', methods: ['GET'] },
        { path: '/short', upstream: 'none', access: 'public', maxHeaders: '1KiB' },
        { path: '/own/*', upstream: 'http://127.0.0.1:9' },
        { path: '/recent', upstream: 'none', require: { acr: ['gold'] } },
        { path: '/scoped', upstream: 'none', require: { scope: 'nobody:has' } },
      ],
    },
  })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const { origin } = journey.gateway
  const address = `${origin}/oauth2/verify`
  const about = (path: string, method = 'GET') => ({
    'x-bearergate-key': KEY,
    'x-forwarded-method': method,
    'x-forwarded-uri': path,
  })
  const someone = async () => {
    const browser = journey.newBrowser()
    await signIn(browser, `${origin}/oauth2/login?return_to=/oauth2/session`)
    return browser
  }
  return { ...journey, origin, address, about, someone }
}

const fetched = (headers: Readonly<Record<string, string>>): BrowserOptions => ({
  headers,
  site: 'same-origin',
})

t.test('FW-10 a signed-in request may pass, with what the upstream needs', async (t) => {
  const { address, about, someone, bearerTokens } = await asked(t)
  const browser = await someone()
  const answer = await browser.fetch(address, fetched(about('/api/orders?x=1')))
  t.equal(answer.status, 204)
  t.match(answer.headers['authorization'], /^Bearer eyJ/)
  t.equal(answer.headers['x-user'], 'alice')
  t.notOk('x-group' in answer.headers, 'FW-6 no claim, no header')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(bearerTokens(), [], 'nothing was forwarded')
})

t.test('FW-10 without a session: 401, told apart for navigations by a login address', async (t) => {
  const { address, about, newBrowser, origin } = await asked(t)
  const api = await newBrowser().fetch(address, fetched(about('/api/orders')))
  t.equal(api.status, 401)
  t.equal(api.json().reason, 'no_session')
  t.notOk('x-auth-login-url' in api.headers)

  const page = await newBrowser().navigate(address, { headers: about('/api/orders?x=1&y=2') })
  t.equal(page.status, 401, 'never a redirect')
  t.equal(
    page.headers['x-auth-login-url'],
    `${origin}/oauth2/login?return_to=${encodeURIComponent('/api/orders?x=1&y=2')}`,
  )
  t.same(page.setCookies, [])
})

t.test('a proxy that passes answers on gets the redirect to the login itself', async (t) => {
  const { address, about, newBrowser, provider } = await asked(t)
  const headers = about('/api/orders')
  const page = await newBrowser().navigate(`${address}?login=redirect`, { headers })
  t.equal(page.status, 302)
  t.ok(page.location?.startsWith(provider.issuer))
  t.match(page.setCookies.join(), /bearergate-login-/)
  const api = await newBrowser().fetch(`${address}?login=redirect`, fetched(headers))
  t.equal(api.status, 401)
  const lost = await newBrowser().fetch(`${address}?login=redirect`, fetched(about('/nowhere')))
  t.equal(lost.status, 404, 'refusals keep their status')
})

t.test('the key may come in the query', async (t) => {
  const { address, about, newBrowser } = await asked(t)
  const { 'x-bearergate-key': _, ...headers } = about('/open/x')
  const answer = await newBrowser().fetch(`${address}?key=${KEY}`, fetched(headers))
  t.equal(answer.status, 204)
  t.notOk('authorization' in answer.headers, 'FW-8')
})

t.test('RL-1 a route that takes few headers takes few here, too', async (t) => {
  const { address, about, newBrowser } = await asked(t)
  const long = { ...about('/short'), 'x-long': 'x'.repeat(1_024) }
  const answer = await newBrowser().fetch(address, fetched(long))
  t.equal(answer.status, 403)
  t.equal(answer.json().reason, 'headers_too_large')
  const own = await newBrowser().fetch(`${address}?login=redirect`, fetched(long))
  t.equal(own.status, 431)
  t.equal((await newBrowser().fetch(address, fetched(about('/short')))).status, 204)
})

t.test('public routes pass without a session, other methods do not', async (t) => {
  const { address, about, newBrowser } = await asked(t)
  const browser = newBrowser()
  t.equal((await browser.fetch(address, fetched(about('/open/x')))).status, 204)
  const refused = await browser.fetch(address, fetched(about('/open/x', 'POST')))
  t.equal(refused.status, 403)
  t.match(refused.json(), { reason: 'method_not_allowed', status: 403 })
})

t.test('the method asked with is not the method asked about', async (t) => {
  const { address, about, someone } = await asked(t)
  const browser = await someone()
  for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'PROPFIND']) {
    const answer = await browser.fetch(address, { method, headers: about('/api/x') })
    t.equal(answer.status, 204, method)
  }
})

t.test('CS-1 AT-13 a cross-site POST may not pass, however it is asked about', async (t) => {
  const { address, about, someone } = await asked(t)
  const browser = await someone()
  const crossSite = { headers: about('/api/x', 'POST'), site: 'cross-site' as const }
  const refused = await browser.fetch(address, crossSite)
  t.equal(refused.status, 403)
  t.equal(refused.json().reason, 'cross_site_refused')
  t.notOk('authorization' in refused.headers)
  t.equal((await browser.fetch(address, fetched(about('/api/x', 'POST')))).status, 204)
})

t.test('what the session lacks is told as for any request', async (t) => {
  const { address, about, someone, origin } = await asked(t)
  const browser = await someone()
  const scoped = await browser.fetch(address, fetched(about('/scoped')))
  t.equal(scoped.status, 403)
  t.equal(scoped.json().reason, 'insufficient_scope')
  const page = await browser.navigate(address, { headers: about('/recent') })
  t.equal(page.status, 401)
  const loginUrl = new URL(String(page.headers['x-auth-login-url']))
  t.equal(loginUrl.origin + loginUrl.pathname, `${origin}/oauth2/login`)
  t.equal(loginUrl.searchParams.get('acr_values'), 'gold')
  t.match(page.headers['www-authenticate'], /insufficient_user_authentication/)
  const passed = await browser.navigate(`${address}?login=redirect`, { headers: about('/recent') })
  t.equal(passed.status, 302)
  t.match(passed.location, /acr_values=gold/)
})

t.test('AT-14 CS-6 a WebSocket shows by its key, and needs its origin', async (t) => {
  const { address, about, someone, origin } = await asked(t)
  const browser = await someone()
  const handshake = (from: string, path = '/live') =>
    browser.fetch(address, {
      headers: { ...about(path), 'sec-websocket-key': 'x', origin: from },
    })
  t.equal((await handshake('https://evil.example')).json().reason, 'origin_refused')
  t.equal((await handshake(origin)).status, 204)
  t.equal((await handshake(origin, '/api/x')).json().reason, 'upgrade_refused')
})

const HOSTILE = [
  '/api/../open/x',
  '/open/%2e%2e/api/x',
  '/open\\..\\api',
  '/oauth2/session',
  'http://evil.example/open/x',
  'open/x',
  '*',
  `/open/${'x'.repeat(9_000)}`,
]
t.test('AT-11 HX-34 a path in two readings is refused, whoever asks', async (t) => {
  const { address, about, someone } = await asked(t)
  const browser = await someone()
  for (const path of HOSTILE) {
    const answer = await browser.fetch(address, fetched(about(path)))
    t.equal(answer.status, 403, path.slice(0, 40))
    t.notOk('authorization' in answer.headers)
  }
})

t.test('FW-10 who is no trusted proxy is not heard', async (t) => {
  const { address, about, someone, gateway } = await asked(t, ['192.0.2.0/24'])
  const answer = await (await someone()).fetch(address, fetched(about('/api/x')))
  t.equal(answer.status, 403)
  t.equal(answer.json().reason, 'verify_refused')
  t.notOk('authorization' in answer.headers)
  t.ok(await gateway.line(({ reason }) => reason === 'verify_refused'))
})

const FORGED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'no key': { 'x-bearergate-key': '' },
  'another key': { 'x-bearergate-key': randomBytes(32).toString('hex') },
  'a second path': { 'x-original-uri': '/open/x' },
  'a second method': { 'x-original-method': 'POST' },
  'no path': { 'x-forwarded-uri': '' },
  'no method': { 'x-forwarded-method': '' },
}
t.test('FW-10 a question that leaves out something or says it twice is refused', async (t) => {
  const { address, about, someone } = await asked(t)
  const browser = await someone()
  for (const [name, forged] of Object.entries(FORGED)) {
    const headers = { ...about('/api/x'), ...forged }
    const answer = await browser.fetch(address, fetched(headers))
    t.equal(answer.status, 403, name)
    t.notOk('authorization' in answer.headers)
  }
})

t.test('a route without upstream is 404 to whoever asks the gateway for it', async (t) => {
  const { origin, someone } = await asked(t)
  const browser = await someone()
  t.equal((await browser.fetch(`${origin}/api/x`)).status, 404)
  t.equal((await browser.fetch(`${origin}/own/x`)).status, 502, 'its neighbour is forwarded')
})

t.test('without forwardAuth there is no such endpoint', async (t) => {
  const { gateway, newBrowser } = await startJourney(t)
  const answer = await newBrowser().fetch(`${gateway.origin}/oauth2/verify`)
  t.equal(answer.status, 404)
})

t.test('what Traefik sends is understood, under its own name for the gateway', async (t) => {
  const { address, someone, origin } = await asked(t)
  const browser = await someone()
  const answer = await browser.fetch(`${address}?key=${KEY}&login=redirect`, {
    headers: {
      host: 'bearergate.internal.example:8080',
      'x-forwarded-method': 'GET',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(origin).host,
      'x-forwarded-uri': '/api/x',
      'x-forwarded-for': '192.0.2.7',
    },
  })
  t.equal(answer.status, 204)
})
