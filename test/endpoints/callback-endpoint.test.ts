import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { Script } from '../support/scripted-provider.ts'
import { createEndpointStand, eventTypes } from './endpoint-stand.ts'

const COOKIE = 'bearergate'

t.test('CB-7 a sign-in ends on the page it began on, at a clean address', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const landed = await stand.signIn(browser, '/reports?year=2026&b=%2F')
  t.equal(landed.status, 303)
  t.equal(landed.headers.location, '/reports?year=2026&b=%2F')
  t.equal(landed.headers['cache-control'], 'no-store')
  t.equal(landed.headers['referrer-policy'], 'no-referrer')
  t.same((await browser.follow(landed)).json(), { subject: 'alice' })
  t.strictSame([...browser.cookies(stand.origin).keys()], [COOKIE], 'SE-3 the login cookie is gone')
  t.strictSame(
    eventTypes(stand).filter((type) => type.startsWith('login')),
    ['login_started', 'login_succeeded'],
  )
})

t.test('SE-6 SE-20 the cookie is no token and not the store key', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const landed = await stand.signIn(browser)
  const cookie = browser.cookies(stand.origin).get(COOKIE) ?? ''
  t.ok(cookie.length > 100)
  t.notMatch(JSON.stringify([landed.headers, landed.body]), /eyJ/)
})

t.test('CB-2 20 parallel identical callbacks make one token call', async (t) => {
  const stand = await createEndpointStand(t, { script: { latencyMs: { '/token': 50 } } })
  const browser = stand.browser()
  const callback = await stand.authorize(await browser.navigate(`${stand.origin}/x`))
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => browser.copy().navigate(callback)),
  )
  t.equal(stand.provider.callsTo('authorization_code'), 1)
  t.equal(answers.filter(({ status }) => status === 303).length, 1)
  const others = answers.filter(({ status }) => status === 400)
  t.equal(others.length, 19)
  t.ok(
    others.every(({ body }) => body.includes('href="/x"')),
    'with a way on',
  )
  t.equal(eventTypes(stand).filter((type) => type === 'login_failed').length, 0)
})

t.test('CB-13 the same callback again leads home for who is signed in', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callback = await stand.authorize(await browser.navigate(`${stand.origin}/x`))
  await browser.navigate(callback)
  const again = await browser.navigate(callback)
  t.equal(again.status, 303)
  t.equal(again.headers.location, '/')
  t.equal(stand.provider.callsTo('/token'), 1)
})

t.test('AT-1 a callback in a browser that did not begin the login is refused', async (t) => {
  const stand = await createEndpointStand(t)
  const attacker = stand.browser()
  const callback = await stand.authorize(await attacker.navigate(`${stand.origin}/x`))
  const victim = stand.browser()
  await victim.navigate(`${stand.origin}/y`)
  const answer = await victim.navigate(callback, { site: 'cross-site' })
  t.equal(answer.status, 400)
  t.match(answer.body, 'href="/"')
  t.equal(stand.provider.callsTo('/token'), 0)
  t.notOk(victim.cookies(stand.origin).has(COOKIE))
})

t.test('CB-12 without any login cookie the page says that cookies are blocked', async (t) => {
  const stand = await createEndpointStand(t)
  const callback = await stand.authorize(await stand.browser().navigate(`${stand.origin}/x`))
  const answer = await stand.browser().navigate(callback)
  t.equal(answer.status, 400)
  t.match(answer.body, 'href="/oauth2/login"')
  t.match(stand.events.at(-1), { type: 'login_failed', reason: 'login_cookie_missing' })
  t.equal(stand.provider.callsTo('/token'), 0)
})

const REFUSED_QUERIES = {
  'CB-1 no state': (query: URLSearchParams) => query.delete('state'),
  'CB-1 another state': (query: URLSearchParams) => query.set('state', 'x'.repeat(43)),
  'CB-4 state twice': (query: URLSearchParams) => query.append('state', query.get('state') ?? ''),
  'CB-4 code twice': (query: URLSearchParams) => query.append('code', 'other'),
  'CB-4 iss twice': (query: URLSearchParams) => query.append('iss', query.get('iss') ?? ''),
  'CB-4 error twice': (query: URLSearchParams) => {
    query.append('error', 'a')
    query.append('error', 'b')
  },
  'AZ-10 an unknown parameter twice': (query: URLSearchParams) => {
    query.append('x', '1')
    query.append('x', '1')
  },
  'CB-16 a JARM response': (query: URLSearchParams) => query.append('response', 'e30.e30.'),
  'CB-3 no code and no error': (query: URLSearchParams) => query.delete('code'),
}

for (const [title, bend] of Object.entries(REFUSED_QUERIES)) {
  t.test(`${title}: 400 and no token call`, async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    const callback = new URL(await stand.authorize(await browser.navigate(`${stand.origin}/x`)))
    bend(callback.searchParams)
    const answer = await browser.navigate(callback.href)
    t.equal(answer.status, 400)
    t.match(answer.body, /Reference: <code>[\w-]+</)
    t.equal(stand.provider.callsTo('/token'), 0)
    t.equal(await stand.store.count(), 0)
    t.notOk(browser.cookies(stand.origin).has(COOKIE))
    t.equal(eventTypes(stand).filter((type) => type === 'login_failed').length, 1)
  })
}

t.test('CB-3 another issuer: no token call', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callback = new URL(await stand.authorize(await browser.navigate(`${stand.origin}/x`)))
  callback.searchParams.set('iss', 'https://other.example')
  const answer = await browser.navigate(callback.href)
  t.equal(answer.status, 403)
  t.equal(stand.provider.callsTo('/token'), 0)
  t.equal(await stand.store.count(), 0)
})

t.test('CB-5 parameters nobody knows are ignored', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callback = await stand.authorize(await browser.navigate(`${stand.origin}/x`))
  t.equal((await browser.navigate(`${callback}&session_state=1&foo=`)).status, 303)
})

t.test('CB-8 SE-9 AT-2 every login gives a new session and ends the one before', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const thief = browser.copy()
  const before = browser.cookies(stand.origin).get(COOKIE)
  await stand.signIn(browser, '/oauth2/login')
  t.not(browser.cookies(stand.origin).get(COOKIE), before)
  t.equal(await stand.store.count(), 1)
  t.equal((await thief.fetch(`${stand.origin}/oauth2/session`)).status, 401)
  t.equal((await browser.fetch(`${stand.origin}/oauth2/session`)).status, 200)
  await thief.close()
})

t.test('AZ-17 three tabs that sign in at once each land on their own page', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callbacks: string[] = []
  for (const path of ['/one', '/two', '/three']) {
    callbacks.push(await stand.authorize(await browser.navigate(stand.origin + path)))
  }
  const places: unknown[] = []
  for (const callback of callbacks.toReversed()) {
    places.push((await browser.navigate(callback)).headers.location)
  }
  t.strictSame(places, ['/three', '/two', '/one'])
})

t.test('CB-11 access_denied is a cancelled sign-in, without a retry by itself', async (t) => {
  const stand = await createEndpointStand(t)
  stand.provider.script.callback = (query) => {
    query.delete('code')
    query.set('error', 'access_denied')
    query.set('error_description', '<script>alert(1)</script>')
    return query
  }
  const answer = await stand.signIn(stand.browser(), '/x')
  t.equal(answer.status, 403)
  t.match(answer.body, '<code>access_denied</code>')
  t.match(answer.body, 'href="/oauth2/login?return_to=%2Fx"')
  t.notMatch(answer.body, /script/)
  t.match(stand.events.at(-1), { type: 'login_failed', providerError: 'access_denied' })
  t.equal(stand.provider.callsTo('/token'), 0)
})

const PROVIDER_ERRORS: Record<string, number> = {
  temporarily_unavailable: 503,
  server_error: 503,
  invalid_scope: 502,
  something_new: 403,
}

for (const [error, status] of Object.entries(PROVIDER_ERRORS)) {
  t.test(`CB-11 CB-12 ${error} is a ${status} page with a way on`, async (t) => {
    const stand = await createEndpointStand(t)
    stand.provider.script.callback = (query) => {
      query.delete('code')
      query.set('error', error)
      return query
    }
    const answer = await stand.signIn(stand.browser(), '/x')
    t.equal(answer.status, status)
    t.match(answer.body, 'return_to=%2Fx')
    t.equal(answer.headers['retry-after'] === undefined, status !== 503)
  })
}

t.test('CB-11 S-16 a silent login that needs a page becomes an interactive one', async (t) => {
  const stand = await createEndpointStand(t)
  stand.provider.script.callback = (query) => {
    query.delete('code')
    query.set('error', 'login_required')
    return query
  }
  const again = await stand.signIn(stand.browser(), '/oauth2/login?prompt=none&return_to=/x')
  t.equal(again.status, 302)
  const asked = new URL(again.location ?? '').searchParams
  t.equal(asked.get('prompt'), null)
})

t.test('CB-11 in a frame it is 401 instead', async (t) => {
  const stand = await createEndpointStand(t)
  stand.provider.script.callback = (query) => {
    query.delete('code')
    query.set('error', 'login_required')
    return query
  }
  const browser = stand.browser()
  const login = await browser.navigate(`${stand.origin}/oauth2/login?prompt=none`)
  const headers = { 'sec-fetch-dest': 'iframe' }
  const answer = await browser.navigate(await stand.authorize(login), { headers })
  t.equal(answer.status, 401)
})

t.test('CB-12 a silent login that never works ends after three restarts', async (t) => {
  const authorizationParameters = { prompt: 'none' }
  const stand = await createEndpointStand(t, { provider: { authorizationParameters } })
  stand.provider.script.callback = (query) => {
    query.delete('code')
    query.set('error', 'login_required')
    return query
  }
  const browser = stand.browser()
  let page = await browser.navigate(`${stand.origin}/x`)
  let restarts = -1
  for (; page.status === 302; restarts++) {
    page = await browser.navigate(await stand.authorize(page), { site: 'cross-site' })
  }
  t.equal(restarts, 3)
  t.equal(page.status, 403)
  t.match(stand.events.at(-1), { type: 'login_failed', reason: 'login_loop' })
})

t.test(
  'AT-26 sessions that die at once end the circle after three logins, and the page leads on',
  async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    let page = await browser.navigate(`${stand.origin}/x`)
    let logins = 0
    for (; page.status === 302 && logins < 10; logins++) {
      await browser.navigate(await stand.authorize(page), { site: 'cross-site' })
      await stand.sessions.endBySubject(stand.provider.issuer, 'alice')
      page = await browser.navigate(`${stand.origin}/x`)
    }
    t.equal(logins, 4)
    t.equal(page.status, 403)
    t.match(stand.events.at(-1), { type: 'login_failed', reason: 'login_loop' })
    t.equal((await stand.signIn(browser, '/oauth2/login')).status, 303)
  },
)

const REFUSED_TOKENS: Record<string, Script> = {
  'signed by another': { signingKey: 'foreign' },
  'not signed': { signingKey: 'none' },
  'without the nonce': { loginClaims: (claims) => ({ ...claims, nonce: undefined }) },
  'with another nonce': { loginClaims: (claims) => ({ ...claims, nonce: 'another' }) },
  'for another client': { loginClaims: (claims) => ({ ...claims, aud: 'another' }) },
  'of another issuer': { loginClaims: (claims) => ({ ...claims, iss: 'https://evil.example' }) },
  expired: { loginClaims: (claims) => ({ ...claims, exp: 1 }) },
}
for (const [what, script] of Object.entries(REFUSED_TOKENS)) {
  t.test(`TK-12 nothing is stored for an ID token ${what}`, async (t) => {
    const stand = await createEndpointStand(t, { script })
    const browser = stand.browser()
    t.equal((await stand.signIn(browser, '/x')).status, 502)
    t.equal(await stand.store.count(), 0)
    t.strictSame([...browser.cookies(stand.origin).keys()], [])
  })
}

t.test('a refused login leaves nothing behind', async (t) => {
  const stand = await createEndpointStand(t)
  stand.provider.script.signingKey = 'foreign'
  const browser = stand.browser()
  const answer = await stand.signIn(browser, '/x')
  t.equal(answer.status, 502)
  t.match(answer.body, /Reference: <code>/)
  t.notMatch(answer.body, /JWS|signature|jose|127\.0\.0\.1:\d+\/token/i)
  t.equal(await stand.store.count(), 0)
  t.strictSame([...browser.cookies(stand.origin).keys()], [])
  t.equal(eventTypes(stand).filter((type) => type === 'login_failed').length, 1)
})

t.test('the token endpoint is down: 503 with a way to try again', async (t) => {
  const stand = await createEndpointStand(t)
  stand.provider.script.tokenAnswer = () => ({ status: 503, body: 'no' })
  const answer = await stand.signIn(stand.browser(), '/x')
  t.equal(answer.status, 503)
  t.ok(answer.headers['retry-after'])
  t.match(answer.body, 'href="/oauth2/login?return_to=%2Fx"')
})

t.test('SE-17 the store is down: 503, the login cookie stays for another try', async (t) => {
  const stand = await createEndpointStand(t, {
    store: (store) => ({
      ...store,
      consumeOnce: () => Promise.reject(new GatewayError('store_unavailable', 'frozen')),
    }),
  })
  const answer = await stand.signIn(stand.browser(), '/x')
  t.equal(answer.status, 503)
  t.strictSame(answer.setCookies, [])
  t.equal(stand.provider.callsTo('/token'), 0)
})

t.test('AT-44 HEAD and prefetch do not spend the login', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callback = await stand.authorize(await browser.navigate(`${stand.origin}/x`))
  t.equal((await browser.navigate(callback, { method: 'HEAD' })).status, 405)
  const headers = { 'sec-purpose': 'prefetch;prerender' }
  t.equal((await browser.navigate(callback, { headers })).status, 401)
  t.equal((await browser.navigate(callback)).status, 303)
})

t.test('CB-14 a POST to the callback is 405', async (t) => {
  const stand = await createEndpointStand(t)
  const answer = await stand.browser().post(`${stand.origin}/oauth2/callback`, { code: 'x' })
  t.equal(answer.status, 405)
  t.equal(answer.headers.allow, 'GET')
})

t.test('SE-2 with a strict session cookie a page of ours leads on', async (t) => {
  const stand = await createEndpointStand(t, { endpoints: { sameSite: 'strict' } })
  const landed = await stand.signIn(stand.browser(), '/x?a=1&b="')
  t.equal(landed.status, 200)
  t.match(landed.setCookies.join(), /bearergate=.*SameSite=Strict/)
  t.match(landed.body, '<meta http-equiv="refresh" content="0;url=/x?a=1&amp;b=%22">')
  t.match(landed.headers['content-security-policy'], "default-src 'none'")
})

t.test('CB-6 a code of 4 KB is fine', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const callback = new URL(await stand.authorize(await browser.navigate(`${stand.origin}/x`)))
  callback.searchParams.set('code', 'c'.repeat(4_096))
  await browser.navigate(callback.href)
  t.equal(stand.provider.callsTo('/token'), 1)
})

t.test('SE-12 cookie garbage on the callback is no 500', async (t) => {
  const stand = await createEndpointStand(t)
  for (const cookie of ['; ;;=;', 'bearergate=%zz', 'bearergate-login-x=;;', '\u00ff=\u00ff']) {
    const answer = await stand.browser().get(`${stand.origin}/oauth2/callback?state=s&code=c`, {
      headers: { cookie },
    })
    t.equal(answer.status, 400)
  }
})
