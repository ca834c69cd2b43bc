import t from 'tap'
import type { Browser } from '../support/browser-jar.ts'
import { openEventStream } from '../support/event-stream.ts'
import { startJourney, type Journey } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'

/** Signs out at the provider, as its own menu would: without a word to the gateway. */
async function signOutAtProvider(browser: Browser, { provider }: Journey): Promise<void> {
  const confirm = await browser.followAll(await browser.navigate(`${provider.issuer}/session/end`))
  const page = await browser.followAll(await browser.submit(confirm))
  if (!page.body.includes('signed out')) throw new Error(page.body)
}

async function isSignedIn(browser: Browser, { gateway }: Journey): Promise<boolean> {
  return (await browser.fetch(`${gateway.origin}/api/x`)).status === 200
}

t.test('LO-9 LO-14 a sign-out at the provider ends the session here', async (t) => {
  const journey = await startJourney(t)
  const { browser } = await journey.signedIn('alice')
  const { browser: bob } = await journey.signedIn('bob')
  await signOutAtProvider(browser, journey)
  const told = await journey.gateway.line(({ event }) => event === 'logout')
  t.match(told, { kind: 'backchannel', session_count: 1, audit: true, sid_hash: String })
  const answer = await browser.fetch(`${journey.gateway.origin}/api/x`)
  t.equal(answer.status, 401)
  t.equal(answer.json().reason, 'session_revoked')
  t.ok(await isSignedIn(bob, journey))
  t.notOk(journey.gateway.events.some(({ type }) => type === 'revocation_succeeded'))
  t.ok(journey.provider.events.some(({ type }) => type === 'backchannel.success'))
  const { body } = await journey.gateway.ask('/metrics')
  t.match(body, 'bearergate_logouts_total{kind="backchannel"} 1')
})

t.test('LO-9 signing out in one window signs out another of the same login', async (t) => {
  const journey = await startJourney(t)
  const { gateway, provider } = journey
  const { browser: first } = await journey.signedIn('alice')
  // The same session at the provider, a second session at the gateway.
  const second = first.copy()
  t.teardown(() => second.close())
  second.setCookie(gateway.origin, 'bearergate', '')
  const again = await signIn(second, `${gateway.origin}/api/again`, 'nobody is asked')
  t.equal(again.status, 200)
  t.ok(await isSignedIn(first, journey))
  t.ok(await isSignedIn(second, journey))

  const cookie = `bearergate=${second.cookies(gateway.origin).get('bearergate')}`
  const url = `${gateway.origin}/oauth2/session/events`
  const events = await openEventStream(t, url, { cookie, 'sec-fetch-site': 'same-origin' })
  const away = await first.followAll(await first.post(`${gateway.origin}/oauth2/logout`, {}))
  t.ok(away.url.startsWith(provider.issuer))
  t.ok(await isSignedIn(second, journey), 'not before the provider says so')
  await first.followAll(await first.submit(away))
  t.same((await events.next()).data.reason, 'session_revoked')
  t.notOk(await isSignedIn(second, journey))
})

t.test('LO-9 a sign-out in one browser leaves the same user in another alone', async (t) => {
  const journey = await startJourney(t)
  const { browser } = await journey.signedIn('alice')
  const { browser: elsewhere } = await journey.signedIn('alice')
  await signOutAtProvider(browser, journey)
  await journey.gateway.line(({ event }) => event === 'logout')
  t.notOk(await isSignedIn(browser, journey))
  t.ok(await isSignedIn(elsewhere, journey))
})

t.test('after a sign-out everywhere the user can sign in again at once', async (t) => {
  const journey = await startJourney(t)
  const { browser } = await journey.signedIn('alice')
  await signOutAtProvider(browser, journey)
  await journey.gateway.line(({ event }) => event === 'logout')
  await signIn(browser, `${journey.gateway.origin}/api/x`, 'alice')
  t.ok(await isSignedIn(browser, journey))
})

t.test('RT-2 LO-14 a refresh after a sign-out elsewhere brings nothing back', async (t) => {
  const journey = await startJourney(t, { provider: { accessTokenSeconds: 1 } })
  const { browser } = await journey.signedIn('alice')
  await signOutAtProvider(browser, journey)
  await journey.gateway.line(({ event }) => event === 'logout')
  const before = journey.provider.tokenCalls('refresh_token')
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => browser.fetch(`${journey.gateway.origin}/api/x`)),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([401]))
  t.equal(journey.provider.tokenCalls('refresh_token'), before)
})
