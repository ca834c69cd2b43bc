import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createEndpointStand, reasonOf } from './endpoint-stand.ts'

t.test('SE-18 the session tells who is signed in and until when, and no token', async (t) => {
  const stand = await createEndpointStand(t, {
    script: {
      loginClaims: (claims) => ({
        ...claims,
        name: 'Ann',
        phone: '1',
        acr: 'phr',
        auth_time: 1_700_000_000,
      }),
    },
  })
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.fetch(`${stand.origin}/oauth2/session`)
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  const body = answer.json()
  t.strictSame(Object.keys(body.session), [
    ...['created_at', 'ends_at', 'timeout_at', 'ends_in_seconds', 'active', 'timeout_in_seconds'],
  ])
  t.strictSame(Object.keys(body.tokens), [
    ...['expire_at', 'refreshed_at', 'expire_in_seconds', 'next_auto_refresh_in_seconds'],
    ...['refresh_cooldown', 'refresh_cooldown_seconds'],
  ])
  t.match(body, {
    session: { active: true, created_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ },
    tokens: { refresh_cooldown: true },
    user: { sub: 'alice', name: 'Ann' },
    acr: 'phr',
    auth_time: 1_700_000_000,
    login_url: `${stand.origin}/oauth2/login`,
    logout_url: `${stand.origin}/oauth2/logout`,
  })
  t.notOk('phone' in body.user)
  t.ok(body.session.ends_in_seconds > 3_500 && body.session.ends_in_seconds <= 3_600)
  t.ok(body.session.timeout_in_seconds > 1_700 && body.session.timeout_in_seconds <= 1_800)
  t.notMatch(answer.body, /eyJ|nonce|at_hash/)
})

t.test('SE-18 looking does not extend the session', async (t) => {
  let nowMs = Date.now()
  const stand = await createEndpointStand(t, { nowMs: () => nowMs })
  const browser = stand.browser()
  await stand.signIn(browser)
  const before = (await browser.fetch(`${stand.origin}/oauth2/session`)).json().session.timeout_at
  nowMs += 600_000
  const after = (await browser.fetch(`${stand.origin}/oauth2/session`)).json().session
  t.equal(after.timeout_at, before)
  t.ok(after.timeout_in_seconds <= 1_200)
})

t.test('nobody: 401 problem with a login link, never a redirect, no cookie', async (t) => {
  const stand = await createEndpointStand(t)
  const answer = await stand.browser().fetch(`${stand.origin}/oauth2/session`)
  t.equal(answer.status, 401)
  t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
  t.equal(answer.headers['www-authenticate'], 'Bearer')
  t.match(answer.json(), {
    type: 'urn:bearergate:reason:no_session',
    title: String,
    status: 401,
    detail: String,
    reason: 'no_session',
    request_id: answer.headers['x-request-id'],
    login_url: `${stand.origin}/oauth2/login`,
  })
  t.strictSame(answer.setCookies, [])
  const page = await stand.browser().navigate(`${stand.origin}/oauth2/session`)
  t.equal(page.status, 401)
})

t.test('SE-8 a session past its lifetime says so, for a while', async (t) => {
  let nowMs = Date.now()
  const stand = await createEndpointStand(t, { nowMs: () => nowMs })
  const browser = stand.browser()
  const landed = await stand.signIn(browser)
  t.match(landed.setCookies.join(), 'Max-Age=4500', 'an hour and a quarter')
  for (let used = 0; used < 3; used++) {
    nowMs += 1_200_000
    await browser.fetch(`${stand.origin}/x`)
  }
  t.equal(reasonOf(await browser.fetch(`${stand.origin}/oauth2/session`)), 'session_expired')
})

t.test('an ended session says why', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  await stand.sessions.endBySubject(stand.provider.issuer, 'alice')
  t.equal(reasonOf(await browser.fetch(`${stand.origin}/oauth2/session`)), 'session_revoked')
})

t.test('HEAD has the headers and no body', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.fetch(`${stand.origin}/oauth2/session`, { method: 'HEAD' })
  t.equal(answer.status, 200)
  t.equal(answer.body, '')
})

t.test('CS-3 another site gets neither the session nor its refusal', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.fetch(`${stand.origin}/oauth2/session`, { site: 'cross-site' })
  t.equal(answer.status, 403)
  t.match(stand.events.at(-1), { type: 'cross_site_blocked', reason: 'cross_site_refused' })
})

t.test('SE-17 the store is down: 503 with Retry-After, cookie untouched', async (t) => {
  const stand = await createEndpointStand(t, {
    store: (store) => ({
      ...store,
      watchIsLive: () => false,
      read: () => Promise.reject(new GatewayError('store_unavailable', 'frozen')),
    }),
  })
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await browser.fetch(`${stand.origin}/oauth2/session`)
  t.equal(answer.status, 503)
  t.equal(reasonOf(answer), 'store_unavailable')
  t.ok(Number(answer.headers['retry-after']) > 0)
  t.strictSame(answer.setCookies, [])
})

t.test(
  'SE-21 a refresh asks the provider once and is idempotent during the cooldown',
  async (t) => {
    let nowMs = Date.now()
    const stand = await createEndpointStand(t, { nowMs: () => nowMs })
    const browser = stand.browser()
    await stand.signIn(browser)
    const refresh = () =>
      browser.fetch(`${stand.origin}/oauth2/session/refresh`, { method: 'POST' })
    t.equal((await refresh()).status, 200)
    t.equal(stand.provider.callsTo('refresh_token'), 0, 'the login just gave one')
    nowMs = Date.now() + 61_000
    const answers = await Promise.all([refresh(), refresh(), refresh()])
    t.ok(answers.every(({ status }) => status === 200))
    t.equal(stand.provider.callsTo('refresh_token'), 1)
    t.match(answers[0]?.json(), { session: { active: true }, user: { sub: 'alice' } })
  },
)

t.test('SE-21 refused: 401; outage: 503 with Retry-After and the session kept', async (t) => {
  let nowMs = Date.now()
  const stand = await createEndpointStand(t, { nowMs: () => nowMs })
  const browser = stand.browser()
  await stand.signIn(browser)
  nowMs = Date.now() + 61_000
  const refresh = () => browser.fetch(`${stand.origin}/oauth2/session/refresh`, { method: 'POST' })
  stand.provider.script.tokenAnswer = () => ({ status: 503, body: 'no' })
  const outage = await refresh()
  t.equal(outage.status, 503)
  t.equal(reasonOf(outage), 'provider_unavailable')
  t.ok(outage.headers['retry-after'])
  t.equal((await browser.fetch(`${stand.origin}/oauth2/session`)).status, 200)
  stand.provider.script.tokenAnswer = () => ({
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"invalid_grant"}',
  })
  nowMs += 61_000
  const refused = await refresh()
  t.equal(refused.status, 401)
  t.equal(reasonOf(refused), 'refresh_rejected')
})

const FOREIGN: Record<string, Record<string, string>> = {
  'another site': { 'sec-fetch-site': 'cross-site' },
  'a sibling host': { 'sec-fetch-site': 'same-site' },
  'a foreign origin': { origin: 'https://evil.example' },
  'a null origin': { origin: 'null', 'sec-fetch-site': 'same-origin' },
  'nothing at all': {},
}

for (const [who, headers] of Object.entries(FOREIGN)) {
  t.test(`CS-1 SE-21 ${who} cannot refresh`, async (t) => {
    const stand = await createEndpointStand(t, { refreshCooldownMs: 0 })
    const browser = stand.browser()
    await stand.signIn(browser)
    for (const type of ['text/plain', 'application/json', 'garbage']) {
      const answer = await browser.get(`${stand.origin}/oauth2/session/refresh`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body: '{}',
      })
      t.equal(answer.status, 403)
    }
    t.equal(stand.provider.callsTo('refresh_token'), 0)
  })
}

t.test('CS-1 without Fetch Metadata our origin or a custom header will do', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  for (const headers of [{ origin: stand.origin }, { 'x-requested-with': 'script' }]) {
    const options = { method: 'POST', headers }
    t.equal((await browser.get(`${stand.origin}/oauth2/session/refresh`, options)).status, 200)
  }
})

t.test('other methods are 405 with Allow', async (t) => {
  const stand = await createEndpointStand(t)
  const answer = await stand.browser().fetch(`${stand.origin}/oauth2/session`, { method: 'DELETE' })
  t.equal(answer.status, 405)
  t.equal(answer.headers.allow, 'GET, HEAD')
})
