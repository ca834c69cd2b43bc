import t from 'tap'
import type { GatewayPlan } from '../support/gateway.ts'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startScriptedJourney } from '../support/scripted-journey.ts'
import type { RawAnswer } from '../support/scripted-provider.ts'
import { startTwoProviders } from '../support/two-providers.ts'

const PUSHING = { pushedAuthorizationRequests: true }

function parametersOf(location: string | undefined): string[] {
  return [...new URL(location ?? '').searchParams.keys()].toSorted()
}

for (const [name, provider, providerSection] of [
  ['required by the provider', 'required', {}],
  ['asked for by the operator', 'offered', PUSHING],
  [
    'of a client with its secret in the body',
    'required',
    { clientId: 'post', clientAuthentication: 'client_secret_post' },
  ],
  ['of a public client', 'required', { clientId: 'none', clientSecret: undefined }],
] as const)
  t.test(`AZ-14 sign-in by a pushed request, ${name}`, async (t) => {
    const { gateway, newBrowser, upstream } = await startJourney(t, {
      provider: { pushedAuthorizationRequests: provider },
      providerSection,
    })
    await gateway.line(({ event }) => event === 'provider_ready')
    const browser = newBrowser()
    const url = `${gateway.origin}/api/hello?a=1`
    const leaving = await browser.navigate(url)
    t.equal(leaving.status, 302)
    t.same(parametersOf(leaving.location), ['client_id', 'request_uri'])
    t.equal(leaving.headers['cache-control'], 'no-store')
    t.equal(leaving.setCookies.length, 1, 'the login transaction')
    const page = await signIn(browser, url)
    t.equal(page.status, 200)
    t.equal(page.url, url)
    t.equal(upstream.requests.length, 1)
  })

t.test('AZ-14 a provider that only offers it gets requests from the browser', async (t) => {
  const { gateway, newBrowser, signedIn } = await startJourney(t, {
    provider: { pushedAuthorizationRequests: 'offered' },
  })
  t.equal((await signedIn()).page.status, 200)
  const leaving = await newBrowser().navigate(`${gateway.origin}/api/hello`)
  t.ok(parametersOf(leaving.location).includes('code_challenge'))
})

t.test('AZ-15 what was used once is refused; the page again is a new login', async (t) => {
  const { gateway, newBrowser, signedIn } = await startJourney(t, {
    provider: { pushedAuthorizationRequests: 'required' },
  })
  await signedIn()
  const browser = newBrowser()
  const url = `${gateway.origin}/api/hello`
  const leaving = await browser.navigate(url)
  t.equal((await signIn(browser, leaving.location ?? '')).status, 200)
  const other = newBrowser()
  t.equal((await signIn(other, leaving.location ?? '')).status, 400, 'at the provider')
  t.equal((await signIn(other, url)).status, 200)
})

t.test('AZ-14 AZ-18 a step-up is pushed, and done', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { gateway, signedIn } = await startJourney(t, {
    provider: { pushedAuthorizationRequests: 'required' },
    plan: {
      routes: [
        { path: '/api/*', upstream: upstream.origin },
        { path: '/vault/*', upstream: upstream.origin, require: { acr: ['phr'], maxAge: '1h' } },
      ],
    },
  })
  const { browser } = await signedIn()
  const vault = `${gateway.origin}/vault/gold`
  t.same(parametersOf((await browser.navigate(vault)).location), ['client_id', 'request_uri'])
  t.equal((await signIn(browser, vault)).status, 200)
})

t.test('AZ-14 of several providers each as it wants it', async (t) => {
  const { gateway, newBrowser, people } = await startTwoProviders(t, {
    partnersOptions: { pushedAuthorizationRequests: 'required' },
  })
  const browser = newBrowser()
  const staff = await browser.navigate(`${gateway.origin}/staff/x`)
  t.ok(parametersOf(staff.location).includes('state'))
  const partners = await browser.navigate(`${gateway.origin}/partners/x`)
  t.same(parametersOf(partners.location), ['client_id', 'request_uri'])
  for (const path of ['/staff/x', '/partners/x'])
    t.equal((await signIn(browser, gateway.origin + path)).status, 200)
  t.same(people(), ['alice@staff', 'alice@partners'])
})

const json = (status: number, error: string): RawAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error, error_description: 'words of the provider' }),
})

for (const [answer, status, reason, providerError] of [
  [json(400, 'invalid_request'), 502, 'provider_error', 'invalid_request'],
  [json(400, 'access_denied'), 403, 'login_refused', 'access_denied'],
  [{ status: 413 }, 502, 'provider_error', 'http_413'],
  [{ status: 429 }, 503, 'provider_unavailable', 'http_429'],
  [{ status: 500 }, 503, 'provider_unavailable', 'http_500'],
] as const)
  t.test(
    `AZ-15 ${answer.status} ${providerError}: a page with a way on, no redirect`,
    async (t) => {
      const { scripted, gateway, newBrowser } = await pushingJourney(t)
      scripted.script.raw = (path) => (path === '/par' ? answer : undefined)
      const browser = newBrowser()
      const page = await browser.navigate(`${gateway.origin}/api/x`)
      t.equal(page.status, status)
      t.equal(page.location, undefined)
      t.same(page.setCookies, [], 'no login transaction')
      t.match(page.headers['content-type'], /^text\/html/)
      t.equal(page.headers['retry-after'] !== undefined, status === 503, 'ER-14')
      t.ok(page.body.includes(String(page.headers['x-request-id'])))
      t.notMatch(page.body, /http-equiv="refresh"/i)
      t.notMatch(page.body, /words of the provider|invalid_request|access_denied|http_\d/)
      t.equal(scripted.callsTo('/par'), 1)
      const line = await gateway.line(({ event }) => event === 'login_failed')
      t.match(line, { reason, provider_error: providerError })

      delete scripted.script.raw
      const again = await browser.followAll(await browser.navigate(`${gateway.origin}/api/x`))
      t.equal(again.status, 200, 'once the provider takes it')
    },
  )

t.test(
  'AZ-15 ID-4 a provider that is down is a page to try again, and is forgotten after',
  async (t) => {
    const { scripted, gateway, newBrowser } = await pushingJourney(t)
    await scripted.stop()
    const browser = newBrowser()
    const page = await browser.navigate(`${gateway.origin}/api/x`)
    t.equal(page.status, 503)
    t.ok(page.headers['retry-after'])
    t.same(page.setCookies, [])
    await scripted.restart()
    const again = await browser.followAll(await browser.navigate(`${gateway.origin}/api/x`))
    t.equal(again.status, 200)
  },
)

t.test(
  'AZ-14 RL-4 AZ-12 AZ-13 only a login that may start costs the provider a call',
  async (t) => {
    const { scripted, gateway, newBrowser } = await pushingJourney(t, {
      loginLimit: { perAddress: 2, window: '10m' },
    })
    const url = `${gateway.origin}/api/x`
    const browser = newBrowser()
    t.equal((await browser.fetch(url)).status, 401)
    await browser.navigate(url, { method: 'HEAD' })
    await browser.navigate(url, { headers: { 'sec-purpose': 'prefetch' } })
    await browser.get(`${gateway.origin}/oauth2/login`, { headers: { 'sec-fetch-dest': 'iframe' } })
    t.equal(scripted.callsTo('/par'), 0)

    t.equal((await browser.navigate(url)).status, 302)
    t.equal((await browser.navigate(`${gateway.origin}/oauth2/login?login_hint=ann`)).status, 302)
    t.equal((await browser.navigate(url)).status, 429)
    t.equal((await browser.navigate(`${gateway.origin}/oauth2/login`)).status, 429)
    t.equal(scripted.callsTo('/par'), 2, 'the limit comes first')
  },
)

async function pushingJourney(
  t: Parameters<typeof startScriptedJourney>[0],
  plan: GatewayPlan = {},
) {
  const upstream = await startRecordingUpstream(t)
  return startScriptedJourney(t, [{ path: '/api/*', upstream: upstream.origin }], {
    provider: PUSHING,
    plan,
  })
}
