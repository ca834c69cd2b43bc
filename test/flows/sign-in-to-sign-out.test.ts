import t from 'tap'
import { decodeJwt } from 'jose'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { isOneRefresh } from '../support/patience.ts'

t.test('S-22 RS-1 a person signs in and the upstream receives their access token', async (t) => {
  const { gateway, provider, upstream, signedIn, bearerTokens } = await startJourney(t)
  const { browser, page } = await signedIn('alice')

  t.equal(page.status, 200)
  t.equal(new URL(page.url).pathname, '/api/hello')
  t.equal(upstream.requests.length, 1, 'nothing reached the upstream before the login')
  const claims = decodeJwt(bearerTokens()[0] ?? '')
  t.match(claims, { iss: provider.issuer, sub: 'alice', aud: provider.resource })
  t.equal(provider.tokenCalls('authorization_code'), 1)

  const api = await browser.fetch(`${gateway.origin}/api/orders?page=2`)
  t.equal(api.status, 200)
  t.equal(upstream.requests.at(-1)?.url, '/api/orders?page=2')
  t.notMatch(upstream.requests.at(-1)?.headers.cookie ?? '', /bearergate/, 'RS-4')
})

t.test('SE-6 SE-20 the browser holds one small opaque cookie and never a token', async (t) => {
  const { gateway, signedIn, bearerTokens } = await startJourney(t)
  const { browser } = await signedIn()
  const cookies = browser.cookies(gateway.origin)
  t.same([...cookies.keys()], ['bearergate'], 'the transaction cookie is gone')
  const value = cookies.get('bearergate') ?? ''
  t.ok(value.length < 400, `${value.length} bytes`)
  t.notOk(value.includes('eyJ'))
  const session = await browser.fetch(`${gateway.origin}/oauth2/session`)
  for (const token of bearerTokens()) t.notOk(session.body.includes(token))
})

t.test('RT-1 RT-3 tokens of two seconds are refreshed while the person works on', async (t) => {
  const { gateway, provider, signedIn, bearerTokens } = await startJourney(t, {
    provider: { accessTokenSeconds: 2 },
  })
  const { browser } = await signedIn()
  const until = Date.now() + 5_000
  let calls = 0
  while (Date.now() < until) {
    const answer = await browser.fetch(`${gateway.origin}/api/tick`)
    if (answer.status !== 200) t.fail(`${answer.status} ${answer.body}`)
    calls += 1
  }
  const refreshes = provider.tokenCalls('refresh_token')
  t.ok(refreshes >= 2 && refreshes <= 4, `${refreshes} refreshes for ${calls} calls`)
  t.equal(new Set(bearerTokens()).size, refreshes + 1, 'each refresh gave one token')
  t.notOk(
    provider.events.some(({ type }) => type === 'grant.revoked'),
    'no refresh token was reused',
  )
})

t.test('AT-19 RT-2 200 calls at expiry cause one refresh and no failure', async (t) => {
  const { gateway, provider, signedIn } = await startJourney(t, {
    provider: { accessTokenSeconds: 5 },
  })
  const { browser } = await signedIn()
  await browser.fetch(`${gateway.origin}/api/warm`)
  const session = await browser.fetch(`${gateway.origin}/oauth2/session`)
  const expiresAt = Date.parse(session.json().tokens.expire_at)
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, expiresAt - Date.now()) + 50))
  const [before, startedAtMs] = [provider.tokenCalls('refresh_token'), performance.now()]
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => browser.fetch(`${gateway.origin}/api/${n}`)),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const tookMs = performance.now() - startedAtMs
  t.ok(isOneRefresh(provider.tokenCalls('refresh_token') - before, tookMs, 5_000))
})

t.test('LO-1 LO-2 SE-7 after sign-out nothing works, here and at the provider', async (t) => {
  const { gateway, provider, signedIn } = await startJourney(t)
  const { browser } = await signedIn()
  const thief = browser.copy()
  t.teardown(() => thief.close())

  const away = await browser.post(`${gateway.origin}/oauth2/logout`, {})
  t.equal(away.status, 303)
  const endSession = new URL(away.location ?? '')
  t.equal(endSession.origin, provider.issuer)
  for (const name of ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state']) {
    t.ok(endSession.searchParams.get(name), name)
  }
  t.equal((await thief.fetch(`${gateway.origin}/api/x`)).status, 401, 'a copied cookie is dead')
  t.equal(browser.cookies(gateway.origin).size, 0)

  const confirm = await browser.followAll(away)
  const landed = await browser.followAll(await browser.submit(confirm))
  t.equal(new URL(landed.url).origin, gateway.origin)
  t.equal(landed.status, 200)
  const revoked = await gateway.line(({ event }) => event === 'revocation_succeeded')
  t.ok(revoked, 'RT-12 the refresh token was revoked')

  const again = await browser.navigate(`${gateway.origin}/api/x`)
  t.equal(again.status, 302, 'the next visit starts a login')
})

t.test('AT-2 CB-8 SE-9 each login has a new session id and ends the one before', async (t) => {
  const { gateway, signedIn } = await startJourney(t)
  const { browser } = await signedIn('alice')
  const before = browser.copy()
  t.teardown(() => before.close())
  const first = browser.cookies(gateway.origin).get('bearergate')
  await signIn(browser, `${gateway.origin}/oauth2/login?prompt=login&return_to=/api/again`, 'bob')
  t.not(browser.cookies(gateway.origin).get('bearergate'), first)
  t.equal((await before.fetch(`${gateway.origin}/api/x`)).status, 401)
  const session = await browser.fetch(`${gateway.origin}/oauth2/session`)
  t.equal(session.json().user.sub, 'bob', 'AT-33')
})

t.test('AZ-12 callers that are no navigation get a 401 they can act on', async (t) => {
  const { gateway, newBrowser, upstream } = await startJourney(t)
  const answer = await newBrowser().fetch(`${gateway.origin}/api/x`)
  t.equal(answer.status, 401)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.match(answer.headers['www-authenticate'], /^Bearer/)
  t.match(answer.json(), {
    reason: 'no_session',
    status: 401,
    login_url: String,
    request_id: String,
  })
  t.same(answer.setCookies, [], 'SE-10')
  t.equal(upstream.requests.length, 0)
})
