import t, { type Test } from 'tap'
import type { Browser } from '../support/browser-jar.ts'
import { startJourney, type JourneyOptions } from '../support/journey.ts'
import { signIn, type OpenIdProviderOptions } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

/** `/api/*` for everybody who is signed in, `/vault/*` for who signed in with a second factor. */
async function stepUpJourney(t: Test, provider: OpenIdProviderOptions = {}, more: object = {}) {
  const upstream = await startRecordingUpstream(t)
  const options: JourneyOptions = {
    provider,
    plan: {
      routes: [
        { path: '/api/*', upstream: upstream.origin },
        {
          path: '/vault/*',
          upstream: upstream.origin,
          require: { acr: ['phr'], maxAge: '1h' },
          ...more,
        },
      ],
    },
  }
  const journey = await startJourney(t, options)
  return { ...journey, upstream, vault: `${journey.gateway.origin}/vault/gold?bar=1` }
}

function paths({ requests }: { readonly requests: readonly { readonly url: string }[] }): string[] {
  return requests.map(({ url }) => url)
}

t.test('RS-7 ID-16 SE-9 a page that needs more sends to a login for it, then shows', async (t) => {
  const { gateway, upstream, vault, signedIn } = await stepUpJourney(t)
  const { browser } = await signedIn()
  const before = browser.cookies(gateway.origin).get('bearergate')
  const leaving = await browser.navigate(vault)
  t.equal(leaving.status, 302)
  const asked = new URL(leaving.headers.location ?? '').searchParams
  t.equal(asked.get('acr_values'), 'phr')
  t.equal(asked.get('max_age'), '3600')

  const page = await signIn(browser, vault)
  t.equal(page.status, 200)
  t.equal(page.url, vault)
  t.not(browser.cookies(gateway.origin).get('bearergate'), before, 'under a new session id')
  const again = await browser.navigate(vault)
  t.equal(again.status, 200, 'no login any more')
  t.same(paths(upstream), ['/api/hello', '/vault/gold?bar=1', '/vault/gold?bar=1'])
})

t.test('a first login for such a page is one for it already: not two in a row', async (t) => {
  const { gateway, newBrowser, vault } = await stepUpJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = newBrowser()
  const leaving = await browser.navigate(vault)
  t.equal(new URL(leaving.headers.location ?? '').searchParams.get('acr_values'), 'phr')
  t.equal((await signIn(browser, vault)).status, 200)
})

t.test('RFC 9470 §3 scripts get 401 with what is needed and a link that does it', async (t) => {
  const { gateway, upstream, vault, signedIn } = await stepUpJourney(t)
  const { browser } = await signedIn()
  const answer = await browser.fetch(vault)
  t.equal(answer.status, 401)
  t.equal(
    answer.headers['www-authenticate'],
    'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="3600"',
  )
  const problem = answer.json()
  t.match(problem, {
    reason: 'step_up_required',
    needed: { acr_values: 'phr', max_age: '3600' },
    login_url: `${gateway.origin}/oauth2/login?acr_values=phr&max_age=3600`,
  })
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 200, 'the session is kept')

  const page = await signIn(browser, `${problem.login_url}&return_to=%2Fapi%2Fback`)
  t.equal(page.url, `${gateway.origin}/api/back`)
  t.equal((await browser.fetch(vault)).status, 200)
  t.same(paths(upstream), ['/api/hello', '/api/x', '/api/back', '/vault/gold?bar=1'])
})

t.test(
  'ID-16 a provider that does not give it: a page, no loop, and the session stays',
  async (t) => {
    const { gateway, upstream, vault, signedIn, provider } = await stepUpJourney(t, {
      acrOf: () => 'pwd',
    })
    const { browser } = await signedIn()
    const page = await signIn(browser, vault)
    t.equal(page.status, 403)
    t.match(page.body, 'This sign-in is not enough here')
    t.match(page.body, 'acr_values=phr&amp;max_age=3600&amp;return_to=%2Fvault%2Fgold%3Fbar%3D1')
    t.equal(provider.tokenCalls('authorization_code'), 2, 'one attempt')
    t.ok(gateway.events.some((event) => 'reason' in event && event.reason === 'step_up_failed'))
    t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 200)
    t.same(paths(upstream), ['/api/hello', '/api/x'])
  },
)

t.test('cancelled at the provider: the same page, and the session stays', async (t) => {
  const { gateway, vault, signedIn } = await stepUpJourney(t)
  const { browser } = await signedIn()
  const form = await browser.followAll(await browser.navigate(vault))
  const abort = form.body.slice(form.body.indexOf('<form data-provider-form="abort"'))
  const page = await browser.followAll(await browser.submit({ ...form, body: abort }))
  t.equal(page.status, 403)
  t.match(page.body, 'This sign-in is not enough here')
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 200)
})

t.test('unauthenticated: reject keeps pages from being sent away, and links there', async (t) => {
  const { vault, signedIn } = await stepUpJourney(t, {}, { unauthenticated: 'reject' })
  const { browser } = await signedIn()
  const page = await browser.navigate(vault)
  t.equal(page.status, 401)
  t.match(page.body, 'href="/oauth2/login?acr_values=phr&amp;max_age=3600&amp;return_to=')
})

/** An upstream of its own mind about who may see what. */
async function challengedJourney(t: Test, challenge: string, provider: OpenIdProviderOptions = {}) {
  const upstream = await startRecordingUpstream(t, (request, response) => {
    if (isSteppedUp(request.headers['x-acr'])) return void response.end('gold')
    response.writeHead(401, { 'www-authenticate': challenge }).end('more, please')
  })
  const journey = await startJourney(t, {
    provider,
    plan: {
      routes: [
        { path: '/api/*', upstream: upstream.origin, headers: { set: { 'X-Acr': 'phr' } } },
        {
          path: '/*',
          upstream: upstream.origin,
          headers: { set: { 'X-Acr': '${claims.acr}' } },
        },
      ],
    },
  })
  return { ...journey, upstream }
}

function isSteppedUp(acr: unknown): boolean {
  return acr === 'phr'
}

const CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="phr"'

t.test("RS-7 an upstream's own challenge sends pages to the login it asks for", async (t) => {
  const { gateway, signedIn, upstream } = await challengedJourney(t, CHALLENGE)
  const { browser } = await signedIn()
  const url = `${gateway.origin}/gold`
  const page = await signIn(browser, url)
  t.equal(page.status, 200)
  t.equal(page.body, 'gold')
  t.same(paths(upstream), ['/api/hello', '/gold', '/gold'])
})

t.test("RS-6 RS-7 scripts get the upstream's challenge as it is", async (t) => {
  const { gateway, signedIn } = await challengedJourney(t, CHALLENGE)
  const { browser } = await signedIn()
  const answer = await browser.fetch(`${gateway.origin}/gold`)
  t.equal(answer.status, 401)
  t.equal(answer.headers['www-authenticate'], CHALLENGE)
  t.equal(answer.body, 'more, please')
})

t.test(
  "RS-8 an upstream's insufficient_scope is its own answer, for pages and scripts",
  async (t) => {
    const challenge = 'Bearer error="insufficient_scope", scope="write:orders"'
    const upstream = await startRecordingUpstream(t, (request, response) => {
      if (request.url === '/api/hello') return void response.end()
      response.writeHead(403, { 'www-authenticate': challenge }).end('not with this scope')
    })
    const journey = await startJourney(t, {
      plan: { routes: [{ path: '/*', upstream: upstream.origin }] },
    })
    const { browser } = await journey.signedIn()
    for (const answer of [
      await browser.navigate(`${journey.gateway.origin}/orders`),
      await browser.fetch(`${journey.gateway.origin}/orders`),
    ]) {
      t.equal(answer.status, 403)
      t.equal(answer.headers['www-authenticate'], challenge)
      t.equal(answer.body, 'not with this scope')
    }
    t.equal(journey.provider.tokenCalls(), 1, 'no login and no refresh would mend it')
  },
)

t.test('RS-7 the same challenge again after that login: a page, and no second login', async (t) => {
  const { gateway, signedIn, provider } = await challengedJourney(
    t,
    'Bearer error="insufficient_user_authentication", acr_values="pwd"',
  )
  const { browser } = await signedIn()
  const url = `${gateway.origin}/gold`
  const page = await signIn(browser, url)
  t.equal(page.status, 403)
  t.match(page.body, 'This sign-in is not enough here')
  t.equal(provider.tokenCalls('authorization_code'), 2)
  await anotherPageMayStillAsk(t, browser, gateway.origin)
})

async function anotherPageMayStillAsk(t: Test, browser: Browser, origin: string): Promise<void> {
  const leaving = await browser.navigate(`${origin}/silver`)
  t.equal(leaving.status, 302, 'another page is another request')
}

for (const challenge of [
  'Bearer error="invalid_request", acr_values="phr"',
  'Bearer error="insufficient_user_authentication"',
  'Basic realm="x", error="insufficient_user_authentication", acr_values="phr"',
  'Bearer error="insufficient_user_authentication", acr_values="a\\"b", max_age="soon"',
]) {
  t.test(`RS-6 passed on as it is: ${challenge}`, async (t) => {
    const { gateway, signedIn } = await challengedJourney(t, challenge)
    const { browser } = await signedIn()
    const page = await browser.navigate(`${gateway.origin}/gold`)
    t.equal(page.status, 401)
    t.equal(page.headers['www-authenticate'], challenge)
  })
}
