import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createEndpointStand, eventTypes, type EndpointStand } from './endpoint-stand.ts'
import type { Browser } from '../support/browser-jar.ts'

async function isSignedIn(stand: EndpointStand, browser: Browser): Promise<boolean> {
  return (await browser.fetch(`${stand.origin}/oauth2/session`)).status === 200
}

t.test('LO-1 LO-2 sign-out ends the session here, then at the provider', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const thief = browser.copy()
  const answer = await browser.post(`${stand.origin}/oauth2/logout`, {})
  t.equal(answer.status, 303)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['clear-site-data'], '"cache", "storage"', 'LO-6')
  t.match(answer.setCookies, [/^bearergate=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/])
  const asked = new URL(answer.location ?? '')
  t.equal(asked.pathname, '/end-session')
  t.match(Object.fromEntries(asked.searchParams), {
    client_id: stand.provider.clientId,
    post_logout_redirect_uri: `${stand.origin}/oauth2/logout/callback`,
    id_token_hint: /^eyJ/,
    state: /^[\w-]+$/,
  })
  t.notOk(await isSignedIn(stand, thief), 'SE-7 a copied cookie is dead')
  t.equal(await stand.store.count(), 0)
  t.match(
    stand.events.find(({ type }) => type === 'logout'),
    { subject: 'alice' },
  )
  await thief.close()
})

t.test('LO-1 the refresh token is revoked in the background', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  await browser.post(`${stand.origin}/oauth2/logout`, {})
  while (!eventTypes(stand).includes('revocation_succeeded')) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const [revoked] = stand.provider.requests.filter(({ path }) => path === '/revoke')
  t.ok(revoked?.form.get('token'))
})

t.test('LO-1 sign-out works while the provider is down', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  await stand.provider.stop()
  const answer = await browser.post(`${stand.origin}/oauth2/logout`, {})
  t.equal(answer.status, 303)
  t.notOk(await isSignedIn(stand, browser))
  t.equal(await stand.store.count(), 0)
})

t.test('LO-4 without an end-session endpoint the signed-out page follows', async (t) => {
  const script = {
    metadata: (all: Record<string, unknown>) => ({ ...all, end_session_endpoint: undefined }),
  }
  const stand = await createEndpointStand(t, { script })
  const browser = stand.browser()
  await stand.signIn(browser)
  const page = await browser.followAll(await browser.post(`${stand.origin}/oauth2/logout`, {}))
  t.equal(page.status, 200)
  t.match(page.body, 'href="/oauth2/login"')
})

t.test('LO-4 or a configured logout address', async (t) => {
  const script = {
    metadata: (all: Record<string, unknown>) => ({ ...all, end_session_endpoint: undefined }),
  }
  const endpoints = { providerLogoutUrl: 'https://op.example/v2/logout' }
  const stand = await createEndpointStand(t, { script, endpoints })
  const answer = await stand.browser().post(`${stand.origin}/oauth2/logout`, {})
  t.equal(answer.headers.location, 'https://op.example/v2/logout')
})

const UNMEANT: Record<string, Record<string, string>> = {
  'another site': { 'sec-fetch-site': 'cross-site' },
  'a sibling host': { 'sec-fetch-site': 'same-site' },
  'an old browser that does not say': {
    'sec-fetch-site': '',
    'sec-fetch-mode': '',
    'sec-fetch-dest': '',
  },
}

for (const [who, headers] of Object.entries(UNMEANT)) {
  t.test(`CS-8 AT-32 a link from ${who} asks first`, async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    await stand.signIn(browser)
    const page = await browser.navigate(`${stand.origin}/oauth2/logout?return_to=/bye`, { headers })
    t.equal(page.status, 200)
    t.ok(await isSignedIn(stand, browser))
    t.match(page.body, '<form method="post" action="/oauth2/logout?return_to=%2Fbye">')
    t.equal(page.headers['referrer-policy'], 'same-origin', 'else Chromium sends "Origin: null"')
    t.match(page.headers['content-security-policy'], "form-action 'self' https: http:;")
    const answer = await browser.submit(page)
    t.equal(answer.status, 303)
    t.notOk(await isSignedIn(stand, browser))
  })
}

t.test('CS-8 AT-32 an image, a frame or a script of another site signs nobody out', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  for (const dest of ['image', 'iframe', 'script', 'empty']) {
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': dest,
    }
    await browser.get(`${stand.origin}/oauth2/logout`, { headers })
  }
  const image = {
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'no-cors',
    'sec-fetch-dest': 'image',
  }
  await browser.get(`${stand.origin}/oauth2/logout`, { headers: image })
  await browser.navigate(`${stand.origin}/oauth2/logout`, {
    headers: { 'sec-purpose': 'prefetch' },
  })
  t.ok(await isSignedIn(stand, browser))
})

for (const site of ['none', 'same-origin'] as const) {
  t.test(`CS-8 a navigation that is ${site} signs out`, async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    await stand.signIn(browser)
    const answer = await browser.navigate(`${stand.origin}/oauth2/logout`, { site })
    t.equal(answer.status, 303)
    t.notOk(await isSignedIn(stand, browser))
  })
}

t.test('CS-8 a form of another site is refused and told', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const headers = { origin: 'https://evil.example' }
  const answer = await browser.post(
    `${stand.origin}/oauth2/logout`,
    {},
    { site: 'cross-site', headers },
  )
  t.equal(answer.status, 403)
  t.match(stand.events.at(-1), { type: 'cross_site_blocked', reason: 'cross_site_refused' })
  t.ok(await isSignedIn(stand, browser))
})

t.test('LO-5 the wished landing place is kept through the provider', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.post(`${stand.origin}/oauth2/logout?return_to=/bye?x=1`, {})
  const state = new URL(answer.location ?? '').searchParams.get('state')
  const landing = await browser.navigate(`${stand.origin}/oauth2/logout/callback?state=${state}`)
  t.equal(landing.status, 303)
  t.equal(landing.headers.location, '/bye?x=1')
})

t.test('LO-5 AT-6 a wish for another site lands at home', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  for (const wish of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/oauth2/login',
  ]) {
    const path = `/oauth2/logout?return_to=${encodeURIComponent(wish)}`
    const answer = await browser.post(stand.origin + path, {})
    const state = new URL(answer.location ?? '').searchParams.get('state')
    const landing = await browser.navigate(`${stand.origin}/oauth2/logout/callback?state=${state}`)
    t.equal(landing.headers.location, '/')
  }
})

for (const query of ['', '?state=', '?state=x', `?state=${'A'.repeat(200)}`, '?foo=bar&error=x']) {
  t.test(`LO-3 the logout callback copes with "${query.slice(0, 20)}"`, async (t) => {
    const stand = await createEndpointStand(t)
    const page = await stand.browser().navigate(`${stand.origin}/oauth2/logout/callback${query}`)
    t.equal(page.status, 200)
    t.match(page.body, 'href="/oauth2/login"')
  })
}

t.test('LO-3 the configured landing place', async (t) => {
  const stand = await createEndpointStand(t, { endpoints: { postLogoutRedirect: '/goodbye' } })
  const page = await stand.browser().navigate(`${stand.origin}/oauth2/logout/callback`)
  t.equal(page.headers.location, '/goodbye')
})

t.test('SE-17 the store is down: 503 that leads back to sign-out, nothing half done', async (t) => {
  const stand = await createEndpointStand(t, {
    store: (store) => ({
      ...store,
      end: () => Promise.reject(new GatewayError('store_unavailable', 'frozen')),
    }),
  })
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.post(`${stand.origin}/oauth2/logout`, {})
  t.equal(answer.status, 503)
  t.strictSame(answer.setCookies, [])
  t.match(answer.body, 'href="/oauth2/logout"')
  t.equal(stand.provider.callsTo('/revoke'), 0)
})

t.test(
  'signing out without a session still ends it at the provider, and sets nothing',
  async (t) => {
    const stand = await createEndpointStand(t)
    const answer = await stand.browser().post(`${stand.origin}/oauth2/logout`, {})
    t.equal(answer.status, 303)
    t.strictSame(answer.setCookies, [])
    t.notOk(new URL(answer.location ?? '').searchParams.has('id_token_hint'))
  },
)

t.test('AZ-10 a repeated parameter is 400 and ends nothing', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.post(`${stand.origin}/oauth2/logout?return_to=/a&return_to=/b`, {})
  t.equal(answer.status, 400)
  t.ok(await isSignedIn(stand, browser))
})
