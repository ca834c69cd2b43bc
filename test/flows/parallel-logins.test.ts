import t from 'tap'
import type { Browser, Page } from '../support/browser-jar.ts'
import { startJourney } from '../support/journey.ts'

/** Submits the provider's forms until it sends the browser back; answers that last redirect, not followed. */
async function toCallback(browser: Browser, started: Page, username: string): Promise<Page> {
  let page = started
  for (let step = 0; step < 12; step += 1) {
    if (page.location?.includes('/oauth2/callback') === true) return page
    const fields = page.body.includes('name="username"') ? { username } : {}
    page =
      page.location === undefined ? await browser.submit(page, fields) : await browser.follow(page)
  }
  throw new Error(`no way back from ${page.url}`)
}

t.test('AZ-17 three tabs sign in at once and each lands on its own page', async (t) => {
  const { gateway, provider, newBrowser } = await startJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = newBrowser()
  const paths = ['/api/one', '/api/two?x=1', '/api/three']
  const tabs: Page[] = []
  for (const path of paths) {
    tabs.push(await browser.navigate(gateway.origin + path))
  }
  const landings: string[] = []
  for (const tab of tabs.reverse()) {
    const back = await toCallback(browser, tab, 'alice')
    const landed = await browser.followAll(back)
    t.equal(landed.status, 200)
    landings.push(landed.url.replace(gateway.origin, ''))
  }
  t.same(landings, [...paths].reverse())
  t.equal(provider.tokenCalls('authorization_code'), 3)
})

t.test(
  'CB-2 of 20 identical callbacks one redeems the code and nobody sees a broken page',
  async (t) => {
    const { gateway, provider, newBrowser } = await startJourney(t)
    await gateway.line(({ event }) => event === 'provider_ready')
    const browser = newBrowser()
    const back = await toCallback(
      browser,
      await browser.navigate(`${gateway.origin}/api/x`),
      'alice',
    )
    const copies = Array.from({ length: 20 }, () => browser.copy())
    t.teardown(() => Promise.all(copies.map((copy) => copy.close())))
    const answers = await Promise.all(copies.map((copy) => copy.follow(back)))
    t.equal(provider.tokenCalls('authorization_code'), 1)
    t.equal(answers.filter(({ status }) => status === 303).length, 1, 'one is signed in')
    t.ok(answers.every(({ status }) => status === 303 || status === 400))
    t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
  },
)

t.test('AT-1 AT-5 the callback of one browser is worth nothing in another', async (t) => {
  const { gateway, provider, newBrowser, upstream } = await startJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const attacker = newBrowser()
  const back = await toCallback(attacker, await attacker.navigate(`${gateway.origin}/api/x`), 'eve')
  const victim = newBrowser()
  const answer = await victim.navigate(back.location ?? '', { site: 'cross-site' })
  t.equal(answer.status, 400)
  t.equal(victim.cookies(gateway.origin).size, 0)
  t.equal(provider.tokenCalls('authorization_code'), 0)
  t.equal(upstream.requests.length, 0)
})

t.test('CB-13 the callback once more, from history: home when signed in', async (t) => {
  const { gateway, newBrowser } = await startJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = newBrowser()
  const back = await toCallback(browser, await browser.navigate(`${gateway.origin}/api/x`), 'alice')
  await browser.followAll(back)
  const again = await browser.navigate(back.location ?? '')
  t.equal(again.status, 303)
  t.equal(new URL(again.location ?? '').origin, gateway.origin)
  t.notMatch(again.location, /code=/)
})

t.test('CB-11 cancelling at the provider ends on a page, not in a loop', async (t) => {
  const { gateway, provider, newBrowser } = await startJourney(t)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = newBrowser()
  const login = await browser.followAll(await browser.navigate(`${gateway.origin}/api/x`))
  const page = await browser.followAll(
    await browser.post(login.url, { abort: '1' }, { headers: { origin: provider.issuer } }),
  )
  t.equal(page.status, 403)
  t.match(page.headers['content-type'], /^text\/html/)
  t.equal(provider.tokenCalls(), 0)
})
