import t from 'tap'
import { setTimeout as after } from 'node:timers/promises'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'

t.test('ID-4 a provider that is down at start delays logins and nothing else', async (t) => {
  const { gateway, provider, newBrowser } = await startJourney(t)
  await provider.stop()
  const dark = await startJourneyAgainst(t, provider)
  t.equal((await dark.ask('/livez')).status, 200)
  t.equal((await dark.ask('/readyz')).status, 503)
  const browser = newBrowser()
  t.equal((await browser.fetch(`${dark.origin}/open/x`)).status, 200, 'public routes are served')
  const page = await browser.navigate(`${dark.origin}/api/x`)
  t.equal(page.status, 503)
  t.ok(page.headers['retry-after'])
  t.match(page.headers['content-type'], /^text\/html/)
  t.same(page.setCookies, [])

  await provider.restart()
  await dark.line(({ event }) => event === 'provider_ready')
  t.equal((await dark.ask('/readyz')).status, 200)
  provider.registerGateway(dark.origin)
  t.equal((await signIn(browser, `${dark.origin}/api/x`)).status, 200, 'recovered alone')
  t.ok(gateway.origin)
})

t.test('RT-5 D-8 a provider that is down signs nobody out', async (t) => {
  const { gateway, provider, signedIn } = await startJourney(t, {
    provider: { accessTokenSeconds: 2 },
  })
  const { browser } = await signedIn()
  await provider.stop()
  const api = () => browser.fetch(`${gateway.origin}/api/x`)
  t.equal((await api()).status, 200, 'the token is still valid')

  await after(2_100) // past the life of the access token
  const refused = await api()
  t.equal(refused.status, 503)
  t.equal(refused.json().reason, 'provider_unavailable')
  t.ok(refused.headers['retry-after'], 'ER-14')
  t.same(refused.setCookies, [])
  t.equal((await browser.fetch(`${gateway.origin}/open/x`)).status, 200)

  await provider.restart()
  let answer = await api()
  for (const end = Date.now() + 8_000; answer.status === 503 && Date.now() < end;) {
    await after(100)
    answer = await api()
  }
  t.equal(answer.status, 200, 'the same session goes on')
})

t.test('LO-1 sign-out works while the provider is down', async (t) => {
  const { gateway, provider, signedIn } = await startJourney(t)
  const { browser } = await signedIn()
  const thief = browser.copy()
  t.teardown(() => thief.close())
  await provider.stop()
  const started = Date.now()
  const answer = await browser.post(`${gateway.origin}/oauth2/logout`, {})
  t.equal(answer.status, 303)
  t.ok(Date.now() - started < 2_000, 'logout does not wait')
  t.equal((await thief.fetch(`${gateway.origin}/api/x`)).status, 401)
})

async function startJourneyAgainst(
  t: Parameters<typeof startJourney>[0],
  provider: Awaited<ReturnType<typeof startJourney>>['provider'],
) {
  const { startGateway, providerSection } = await import('../support/gateway.ts')
  const { startRecordingUpstream } = await import('../support/recording-upstream.ts')
  const upstream = await startRecordingUpstream(t)
  return startGateway(t, {
    provider: providerSection(provider),
    routes: [
      { path: '/api/*', upstream: upstream.origin },
      { path: '/open/*', upstream: upstream.origin, access: 'public' },
    ],
  })
}
