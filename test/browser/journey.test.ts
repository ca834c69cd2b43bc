import { randomBytes } from 'node:crypto'
import t from 'tap'
import { needsChromium } from '../support/chromium.ts'
import {
  browserWorld,
  clickThroughProvider,
  cookiesOf,
  goBack,
  signInByClick,
} from './browser-world.ts'

/** Answers status and body. */
const FETCH_API = `fetch('/api/me').then(async (answer) => [answer.status, await answer.text()])`

/** Asks the session endpoint, which never refreshes, until the access token is over. */
const TOKEN_EXPIRED = `(async () => {
  for (;;) {
    const session = await (await fetch('/oauth2/session')).json()
    if (session.tokens.expire_in_seconds <= 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
})()`

t.test(
  'sign in with a click, call the API, refresh, sign out, see nothing',
  needsChromium(),
  async (t) => {
    const { origin, page, context, hits, provider } = await browserWorld(t, {
      provider: { accessTokenSeconds: 2 },
    })
    await signInByClick(page, `${origin}/account?tab=2#part`)
    t.equal(page.url(), `${origin}/account?tab=2`, 'the page that was asked for')
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    t.strictSame(JSON.parse((await page.evaluate<[number, string]>(FETCH_API))[1]), {
      subject: 'alice',
      target: '/api/me',
    })

    const before = hits.at(-1)?.authorization
    await page.evaluate(TOKEN_EXPIRED)
    await page.evaluate(FETCH_API)
    t.not(hits.at(-1)?.authorization, before, 'the API gets a new token')
    t.equal(provider.tokenCalls('refresh_token'), 1)

    const otherTab = await context.newPage()
    await otherTab.goto(`${origin}/public/page`)
    await page.click('#sign-out')
    await page.click('[data-provider-form=logout] button')
    await page.waitForURL(`${origin}/oauth2/logout/callback*`)
    t.equal((await otherTab.evaluate<[number, string]>(FETCH_API))[0], 401, 'the API refuses')

    const calls = hits.length
    for (let steps = 0; steps < 3; steps++) {
      await goBack(page)
      t.not(await page.textContent('h1'), 'the secret of alice', `LO-6 ${page.url()}`)
    }
    t.equal(hits.length, calls, 'the application was not asked either')
  },
)

t.test(
  'SE-1 CB-7 the browser holds one cookie, no token, and no address with a code',
  needsChromium(),
  async (t) => {
    const { origin, page, context } = await browserWorld(t)
    await signInByClick(page, `${origin}/account`)
    const cookies = await cookiesOf(context, origin)
    t.equal(cookies.size, 1, 'SE-3 the login transaction cookie is gone')
    const [cookie] = [...cookies.values()]
    t.match(cookie, { httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' })
    t.ok((cookie?.value.length ?? 0) + (cookie?.name.length ?? 0) < 4096, 'SE-4')
    t.equal(await page.evaluate('document.cookie'), '')
    t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0)
    t.notMatch(await page.evaluate('document.referrer'), /code=|state=/)
    t.notMatch(
      await page.evaluate(`performance.getEntries().map((entry) => entry.name).join(' ')`),
      /code=/,
    )
    const session = await page.evaluate(`fetch('/oauth2/session').then((answer) => answer.text())`)
    t.notMatch(session, /eyJ/, 'SE-20 no token in the session answer')
  },
)

t.test('CB-13 going back after the sign-in does not sign in twice', needsChromium(), async (t) => {
  const { origin, page, provider } = await browserWorld(t)
  await signInByClick(page, `${origin}/account`)
  await page.goto(`${origin}/next`)
  await goBack(page)
  t.equal(await page.textContent('#secret'), 'the secret of alice')
  t.equal(provider.tokenCalls('authorization_code'), 1)
})

t.test(
  'AZ-17 three tabs sign in at once and each lands on its own page',
  needsChromium(),
  async (t) => {
    const { origin, context } = await browserWorld(t)
    const tabs = await Promise.all([1, 2, 3].map(() => context.newPage()))
    for (const [index, tab] of tabs.entries()) await tab.goto(`${origin}/tab/${index}`)
    for (const [index, tab] of [...tabs.entries()].toReversed()) {
      if (tab.url().startsWith(origin)) continue
      await clickThroughProvider(tab)
      t.equal(tab.url(), `${origin}/tab/${index}`)
      t.equal(await tab.textContent('#secret'), 'the secret of alice')
    }
    t.equal((await cookiesOf(context, origin)).size, 1)
  },
)

t.test(
  'SE-2 with SameSite=Strict a sign-in with a click arrives signed in',
  needsChromium(),
  async (t) => {
    const { origin, page, context } = await browserWorld(t, {
      gateway: {
        session: {
          secrets: [randomBytes(32).toString('base64')],
          cookie: { sameSite: 'strict' },
        },
      },
    })
    await signInByClick(page, `${origin}/account`)
    await page.waitForURL(`${origin}/account`)
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    const [cookie] = [...(await cookiesOf(context, origin)).values()]
    t.equal(cookie?.sameSite, 'Strict')
  },
)

t.test(
  'CB-12 a browser that keeps no cookies gets a page that says so, not a loop',
  needsChromium(),
  async (t) => {
    const { origin, page, provider } = await browserWorld(t, {
      prefs: (gateway) => ({
        profile: {
          content_settings: { exceptions: { cookies: { [`${gateway},*`]: { setting: 2 } } } },
        },
      }),
    })
    await signInByClick(page, `${origin}/account`)
    t.equal(new URL(page.url()).pathname, '/oauth2/callback')
    t.match(await page.textContent('body'), /cookie/i)
    t.equal(provider.tokenCalls(), 0, 'the code was not used')
  },
)

t.test('LO-15 an event stream in the page ends with the session', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t)
  await signInByClick(page, `${origin}/account`)
  await page.evaluate(`new Promise((resolve) => {
    window.stream = new EventSource('/events')
    window.stream.onmessage = resolve
    window.stream.onerror = () => { window.broken = true; window.stream.close() }
  })`)
  const other = await context.newPage()
  await other.goto(`${origin}/other`)
  await other.click('#sign-out')
  await page.waitForFunction('window.broken === true')
  t.equal((await page.evaluate<[number, string]>(FETCH_API))[0], 401)
})
