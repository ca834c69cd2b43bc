import t from 'tap'
import { createBrowser } from '../support/browser-jar.ts'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { rawRequest } from '../support/raw-request.ts'

/* What a gateway makes of requests by people it does not know (any more). */

t.test('CF-2 a route that says nothing is protected, and what has no route is 404', async (t) => {
  const { gateway, newBrowser, upstream } = await startJourney(t)
  const browser = newBrowser()
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 401)
  t.equal((await browser.fetch(`${gateway.origin}/elsewhere`)).status, 404)
  t.equal((await browser.fetch(`${gateway.origin}/open/x`)).status, 200)
  t.equal(upstream.requests.length, 1)
})

t.test('CF-9 query, User-Agent and forwarded headers never choose the route', async (t) => {
  const { gateway, upstream } = await startJourney(t)
  const { port, host } = new URL(gateway.origin)
  const tricks = [
    ['/api/x?path=/open/x', 'X: y'],
    ['/api/x?_method=OPTIONS', 'X-HTTP-Method-Override: OPTIONS'],
    ['/api/x', 'User-Agent: kube-probe/1.30'],
    ['/api/x', 'User-Agent: ELB-HealthChecker/2.0'],
    ['/api/x', 'X-Forwarded-Uri: /open/x'],
    ['/api/x', 'X-Original-URL: /open/x'],
    ['/api/x', 'X-Rewrite-URL: /open/x'],
    ['/api/x', 'X-Forwarded-Prefix: /open'],
  ]
  for (const [target, header] of tricks) {
    const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, `${header}`, 'Connection: close']
    const { status } = await rawRequest(Number(port), `${lines.join('\r\n')}\r\n\r\n`)
    t.equal(status, 401, `${target} ${header}`)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('ID-20 an access token that is no JWT works like any other', async (t) => {
  const { provider, signedIn, bearerTokens } = await startJourney(t, {
    provider: { accessTokenFormat: 'opaque' },
  })
  const { page } = await signedIn('alice')
  t.equal(page.status, 200)
  const [token = ''] = bearerTokens()
  t.notMatch(token, /\./, 'opaque')
  t.equal(provider.tokenCalls('authorization_code'), 1)
})

t.test('AT-21 thousands of logins nobody ends leave nothing behind', async (t) => {
  const { gateway, provider, newBrowser, signedIn } = await startJourney(t)
  const before = await signedIn('alice')
  for (let round = 0; round < 40; round++) {
    const strangers = Array.from({ length: 50 }, () => createBrowser())
    const answers = await Promise.all(
      strangers.map((stranger) => stranger.navigate(`${gateway.origin}/api/x`)),
    )
    for (const { status } of answers) if (status !== 302 && status !== 429) t.fail(`${status}`)
    await Promise.all(strangers.map((stranger) => stranger.close()))
  }
  t.match((await gateway.ask('/metrics')).body, /^bearergate_sessions 1$/m)
  t.equal((await before.browser.fetch(`${gateway.origin}/api/x`)).status, 200)
  const later = newBrowser()
  t.equal((await signIn(later, `${gateway.origin}/api/hello`, 'bob')).status, 200)
  t.equal(provider.tokenCalls('authorization_code'), 2)
})

t.test('AT-36 parameters named after what objects inherit change nothing', async (t) => {
  const { gateway, provider, newBrowser } = await startJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = newBrowser()
  for (const query of [
    '__proto__[x]=1',
    '__proto__.x=1',
    'constructor[prototype][x]=1',
    'toString=1&hasOwnProperty=2',
    'return_to[__proto__]=/x',
    'return_to[]=/a',
  ]) {
    const { status, location } = await browser.navigate(`${gateway.origin}/oauth2/login?${query}`)
    t.equal(status, 302, query)
    const sent = new URL(location ?? '')
    t.equal(sent.origin, provider.issuer)
    t.notMatch([...sent.searchParams.keys()].join(), /proto|constructor|toString|hasOwn/)
    const callback = await browser.navigate(`${gateway.origin}/oauth2/callback?${query}`)
    t.equal(callback.status, 400, query)
  }
  t.equal(Reflect.get({}, 'x'), undefined)
  t.equal((await signIn(browser, `${gateway.origin}/api/hello`, 'alice')).status, 200)
})

t.test(
  'AT-45 SE-19 cookies and links follow publicUrl, whatever is said of the scheme',
  async (t) => {
    const { gateway } = await startJourney(t)
    await gateway.line(({ event }) => event === 'provider_ready')
    const { port, host } = new URL(gateway.origin)
    for (const proto of ['http', 'https', 'javascript', 'https, http', 'x'.repeat(300)]) {
      const lines = [
        'GET /api/x HTTP/1.1',
        `Host: ${host}`,
        'Sec-Fetch-Mode: navigate',
        'Sec-Fetch-Dest: document',
        'Accept: text/html',
        `X-Forwarded-Proto: ${proto}`,
        `Forwarded: proto=${proto};host=evil.example`,
        'X-Forwarded-Ssl: on',
        'Connection: close',
      ]
      const { status, text } = await rawRequest(Number(port), `${lines.join('\r\n')}\r\n\r\n`)
      t.equal(status, 302)
      const [, location = ''] = /^location: (.*)$/im.exec(text) ?? []
      const back = new URL(location.trim()).searchParams.get('redirect_uri')
      t.equal(back, `${gateway.origin}/oauth2/callback`)
      t.notMatch(text, /; *secure/i, 'as publicUrl says: plain http on loopback')
    }
  },
)

t.test('AT-43 a cookie that comes back after the sign-out leads to a login', async (t) => {
  const { gateway, signedIn } = await startJourney(t)
  const { browser } = await signedIn('alice')
  const ticket = browser.cookies(gateway.origin).get('bearergate') ?? ''
  await browser.post(`${gateway.origin}/oauth2/logout`, {})
  browser.setCookie(gateway.origin, 'bearergate', ticket)
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 401)
  t.equal((await browser.navigate(`${gateway.origin}/api/x`)).status, 302)
  t.equal((await signIn(browser, `${gateway.origin}/api/hello`, 'alice')).status, 200)
})
