import t, { type Test } from 'tap'
import { createBrowser } from '../support/browser-jar.ts'
import type { GatewayPlan } from '../support/gateway.ts'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'

/** A gateway whose visitors come from any address they name, unless `trustedProxies` is empty. */
async function limited(t: Test, loginLimit: GatewayPlan, trustedProxies = ['127.0.0.1/32']) {
  const journey = await startJourney(t, {
    plan: { loginLimit: { window: '10m', ...loginLimit }, listen: { trustedProxies } },
  })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const visit = async (address: string, path = '/api/hello') => {
    const browser = createBrowser()
    const headers = { 'x-forwarded-for': address }
    const page = await browser.navigate(journey.gateway.origin + path, { headers })
    await browser.close()
    return page
  }
  return { ...journey, visit }
}

t.test('RL-4 an address that begins too many logins is refused, others are not', async (t) => {
  const { visit, gateway } = await limited(t, { perAddress: 3 })
  for (let at = 0; at < 3; at++) t.equal((await visit('192.0.2.1')).status, 302)

  const page = await visit('192.0.2.1')
  t.equal(page.status, 429)
  const seconds = Number(page.headers['retry-after'])
  t.ok(seconds > 0 && seconds <= 600, `ER-14 ${seconds}`)
  t.match(page.headers['content-type'], /^text\/html/)
  t.same(page.setCookies, [], 'no login transaction')
  t.equal((await visit('192.0.2.1', '/oauth2/login')).status, 429, 'login links count too')

  t.equal((await visit('192.0.2.2')).status, 302)
  const line = await gateway.line(({ reason, event }) => event === 'login_failed' && !!reason)
  t.equal(line['reason'], 'rate_limited')
})

t.test('RL-4 who was refused may begin again when the window is over', async (t) => {
  const { visit } = await limited(t, { perAddress: 1, window: '1s' })
  const statuses: number[] = []
  const untilAnswered = async (wanted: number) => {
    while (statuses.at(-1) !== wanted) statuses.push((await visit('192.0.2.1')).status)
  }
  await untilAnswered(302)
  await untilAnswered(429)
  await untilAnswered(302)
  t.same([...new Set(statuses)], [302, 429])
})

t.test('RL-4 scripts are no logins, and signed-in users are not counted', async (t) => {
  const { signedIn, newBrowser, gateway, visit } = await limited(t, { perAddress: 1 }, [])
  const { browser, page } = await signedIn()
  t.equal(page.status, 200)
  t.equal((await visit('192.0.2.1')).status, 429)
  for (let at = 0; at < 5; at++) {
    t.equal((await browser.navigate(`${gateway.origin}/api/hello`)).status, 200)
    t.equal((await newBrowser().fetch(`${gateway.origin}/api/hello`)).status, 401)
  }
})

t.test('RL-4 FW-3 naming other addresses gives a stranger no more logins', async (t) => {
  const { visit } = await limited(t, { perAddress: 2 }, [])
  const statuses = []
  for (let at = 0; at < 4; at++) statuses.push((await visit(`192.0.2.${at}`)).status)
  t.same(statuses, [302, 302, 429, 429])
})

t.test('RL-4 an IPv6 network counts as one address', async (t) => {
  const { visit } = await limited(t, { perAddress: 1 })
  t.equal((await visit('2001:db8:1:1::1')).status, 302)
  t.equal((await visit('2001:db8:1:1:ffff::2')).status, 429)
  t.equal((await visit('2001:db8:1:2::1')).status, 302)
})

t.test('RL-4 all addresses together begin so many logins and no more', async (t) => {
  const { visit } = await limited(t, { total: 3 })
  const statuses = []
  for (let at = 0; at < 5; at++) statuses.push((await visit(`192.0.2.${at}`)).status)
  t.same(statuses, [302, 302, 302, 429, 429])
})

t.test('RL-4 AT-22 a flood of callbacks from one address asks nobody anything', async (t) => {
  const { visit, provider } = await limited(t, { perAddress: 3 })
  const path = '/oauth2/callback?code=forged&state=forged'
  for (let at = 0; at < 3; at++) t.equal((await visit('192.0.2.1', path)).status, 400)
  const refused = await visit('192.0.2.1', path)
  t.equal(refused.status, 429)
  t.ok(refused.headers['retry-after'])
  t.equal(provider.tokenCalls(), 0)
  t.equal((await visit('192.0.2.2', path)).status, 400, 'another address is heard')
})

t.test('RL-4 AT-21 a thousand abandoned logins leave nothing behind', async (t) => {
  const { visit, gateway, newBrowser } = await limited(t, { perAddress: 10, total: 0 })
  const statuses = new Map<number, number>()
  for (let at = 0; at < 1_000; at += 20) {
    const visits = Array.from({ length: 20 }, (_, n) => visit(`192.0.${(at + n) % 40}.1`))
    for (const { status } of await Promise.all(visits))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.same(Object.fromEntries(statuses), { 302: 400, 429: 600 })
  t.match((await gateway.ask('/metrics')).body, /^bearergate_sessions 0$/m)
  const page = await signIn(newBrowser(), `${gateway.origin}/api/hello`)
  t.equal(page.status, 200, 'a real login works')
})

t.test('RL-4 0 is no limit', async (t) => {
  const { visit } = await limited(t, { perAddress: 0, total: 0, window: undefined })
  for (let at = 0; at < 150; at++) t.equal((await visit('192.0.2.1')).status, 302)
})
