import t, { type Test } from 'tap'
import type { Browser, Page } from '../support/browser-jar.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { startGateway, type GatewayPlan } from '../support/gateway.ts'
import { signIn } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startScriptedProvider, type Script } from '../support/scripted-provider.ts'
import { startTwoProviders, type TwoProviders } from '../support/two-providers.ts'

const OWN = { ownCallback: true }

/** The callback that a login at a real provider leads to, not opened yet. */
async function callbackOf(browser: Browser, loginUrl: string): Promise<URL> {
  let page = await browser.navigate(loginUrl)
  for (let steps = 0; steps < 12; steps += 1) {
    if (page.location?.includes('/oauth2/callback') === true) return new URL(page.location)
    if (page.location !== undefined) page = await browser.follow(page)
    else
      page = await browser.submit(page, page.body.includes('username') ? { username: 'alice' } : {})
  }
  throw new Error(`no callback: ${page.status} ${page.url}`)
}

async function refusedWith(
  t: Test,
  { gateway, staff, partners, upstream }: TwoProviders,
  answer: Page,
  { status, reason }: { status: number; reason: string },
): Promise<void> {
  t.equal(answer.status, status)
  t.match(await gateway.line(({ event }) => event === 'login_failed'), { reason })
  t.equal(staff.tokenCalls() + partners.tokenCalls(), 0, 'no token endpoint saw the code')
  t.equal(upstream.requests.length, 0)
  t.notOk(
    answer.setCookies.some((line) => /bearergate-at-\w+=[^;]/.test(line)),
    'no session',
  )
  t.match(answer.body, 'Reference: <code>')
}

const BENT: readonly [string, (callback: URL, two: TwoProviders) => void][] = [
  [
    'names the other issuer',
    ({ searchParams }, { partners }) => searchParams.set('iss', partners.issuer),
  ],
  ['names no issuer', ({ searchParams }) => searchParams.delete('iss')],
  [
    'names an issuer nobody knows',
    ({ searchParams }) => searchParams.set('iss', 'https://evil.example'),
  ],
  ['names an empty issuer', ({ searchParams }) => searchParams.set('iss', '')],
]

for (const own of [{}, OWN]) {
  const how = own === OWN ? 'at a callback of its own' : 'at the shared callback'
  for (const [what, bend] of BENT) {
    t.test(`AT-4 CB-3 an answer ${how} that ${what} is refused unused`, async (t) => {
      const two = await startTwoProviders(t, { staff: own, partners: own })
      const browser = two.newBrowser()
      const callback = await callbackOf(browser, `${two.gateway.origin}/staff/x`)
      bend(callback, two)
      const answer = await browser.navigate(callback.href, { site: 'cross-site' })
      await refusedWith(t, two, answer, { status: 403, reason: 'login_refused' })
      const again = await browser.navigate(callback.href, { site: 'cross-site' })
      t.equal(again.status, 400, 'CB-2 the login is used up')
      t.equal(two.staff.tokenCalls() + two.partners.tokenCalls(), 0)
    })
  }

  t.test(
    `AT-4 a code that one provider gave for a login at the other is used nowhere, ${how}`,
    async (t) => {
      const two = await startTwoProviders(t, { staff: own, partners: own })
      const { gateway, staff } = two
      const browser = two.newBrowser()
      // "partners" is the attacker: it hands the browser on to the honest one, with the honest one's own client and callback.
      const atAttacker = new URL(
        (await browser.navigate(`${gateway.origin}/oauth2/login?provider=partners`)).location ?? '',
      )
      const atHonest = new URL(
        (await two.newBrowser().navigate(`${gateway.origin}/oauth2/login?provider=staff`))
          .location ?? '',
      )
      for (const name of ['state', 'nonce', 'code_challenge'])
        atHonest.searchParams.set(name, atAttacker.searchParams.get(name) ?? '')
      const callback = await callbackOf(browser, atHonest.href)
      t.equal(callback.searchParams.get('iss'), staff.issuer)
      t.ok(callback.searchParams.get('code'))
      const answer = await browser.navigate(callback.href, { site: 'cross-site' })
      await refusedWith(t, two, answer, { status: 403, reason: 'login_refused' })
    },
  )
}

t.test("AT-4 an answer that comes to another provider's callback is refused unused", async (t) => {
  for (const [own, path] of [
    [{ staff: OWN, partners: OWN }, '/oauth2/callback/partners'],
    [{ staff: OWN, partners: OWN }, '/oauth2/callback'],
    [{ staff: OWN, partners: {} }, '/oauth2/callback'],
    [{ staff: {}, partners: OWN }, '/oauth2/callback/partners'],
  ] as const) {
    const two = await startTwoProviders(t, own)
    const browser = two.newBrowser()
    const callback = await callbackOf(browser, `${two.gateway.origin}/staff/x`)
    t.not(callback.pathname, path)
    callback.pathname = path
    const answer = await browser.navigate(callback.href, { site: 'cross-site' })
    await refusedWith(t, two, answer, { status: 403, reason: 'login_refused' })
  }
})

t.test('callbacks of their own work, and no other path is one', async (t) => {
  const two = await startTwoProviders(t, { partners: OWN })
  const { gateway, newBrowser } = two
  const browser = newBrowser()
  t.equal((await signIn(browser, `${gateway.origin}/staff/x`)).status, 200)
  t.equal((await signIn(browser, `${gateway.origin}/partners/x`)).status, 200)
  for (const path of ['staff', 'nobody', 'partners/', 'Partners', 'partners%2f', '%70artners'])
    t.equal(
      (await browser.navigate(`${gateway.origin}/oauth2/callback/${path}?code=a&state=b`)).status,
      404,
      path,
    )
  const head = await browser.get(`${gateway.origin}/oauth2/callback/partners`, { method: 'HEAD' })
  t.equal(head.status, 405, 'AT-44')
})

/** Two providers that do not say who they are when they answer, as many do not. */
async function silentProviders(t: Test, more: GatewayPlan = {}) {
  const script: Script = {
    metadata: (document) => ({
      ...document,
      authorization_response_iss_parameter_supported: undefined,
    }),
    callback: (parameters) => {
      parameters.delete('iss')
      return parameters
    },
  }
  const one = await startScriptedProvider(t, { script })
  const other = await startScriptedProvider(t, { script })
  const upstream = await startRecordingUpstream(t)
  const section = ({ issuer, clientId, clientSecret }: typeof one) => {
    return { issuer, clientId, clientSecret, allowInsecureHttp: true, ...more }
  }
  const gateway = await startGateway(t, {
    providers: { one: section(one), other: section(other) },
    routes: [{ path: '/*', upstream: upstream.origin, provider: 'one' }],
  })
  for (const { issuer } of [one, other])
    await gateway.line((line) => line['event'] === 'provider_ready' && line['issuer'] === issuer)
  const browser = createBrowser()
  t.teardown(() => browser.close())
  const login = await browser.navigate(`${gateway.origin}/x`)
  const callback = await one.authorize(login.location ?? '')
  return { one, other, gateway, upstream, browser, callback }
}

t.test(
  'AT-4 without iss an answer at a shared callback could be anybody’s, and is refused unused',
  async (t) => {
    const { one, other, gateway, upstream, browser, callback } = await silentProviders(t)
    t.match(
      await gateway.line(({ code }) => code === 'iss_not_announced'),
      { provider: 'one' },
      'told at start',
    )
    const answer = await browser.navigate(callback.href, { site: 'cross-site' })
    t.equal(answer.status, 403)
    t.match(await gateway.line(({ event }) => event === 'login_failed'), {
      reason: 'login_issuer_missing',
      provider: 'one',
    })
    t.match(gateway.logText(), 'set ownCallback: true')
    t.equal(one.callsTo('/token') + other.callsTo('/token'), 0)
    t.equal(upstream.requests.length, 0)
  },
)

t.test('AT-4 with a callback of its own it is known whose answer it is', async (t) => {
  const { one, other, gateway, browser, callback } = await silentProviders(t, OWN)
  t.equal(callback.pathname, '/oauth2/callback/one')
  const page = await browser.followAll(
    await browser.navigate(callback.href, { site: 'cross-site' }),
  )
  t.equal(page.status, 200)
  t.equal(page.body, 'ok')
  t.equal(one.callsTo('/token'), 1)
  t.equal(other.callsTo('/token'), 0)
  t.notMatch(gateway.logText(), 'iss_not_announced')
})

t.test('LO-7 a logout token of one provider in the name of the other is refused', async (t) => {
  const { one, other, gateway } = await silentProviders(t)
  const send = async (claims: object, signer: typeof one) => {
    const seconds = Math.floor(Date.now() / 1000)
    const token = await signer.sign(
      {
        aud: one.clientId,
        iat: seconds,
        exp: seconds + 60,
        jti: String(Math.random()),
        sub: 'alice',
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      },
      { typ: 'logout+jwt' },
    )
    const body = new URLSearchParams({ logout_token: token })
    return (await fetch(`${gateway.origin}/oauth2/backchannel-logout`, { method: 'POST', body }))
      .status
  }
  t.equal(await send({ iss: one.issuer }, one), 200)
  t.equal(await send({ iss: other.issuer }, other), 200)
  t.equal(await send({ iss: one.issuer }, other), 400)
  t.equal(await send({ iss: 'https://evil.example' }, one), 400)
  t.equal(await send({}, one), 400)
})
