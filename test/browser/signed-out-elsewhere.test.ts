import t from 'tap'
import type { Page } from 'playwright-core'
import { needsChromium } from '../support/chromium.ts'
import { browserWorld, signInByClick, strangersPage } from './browser-world.ts'

/** Listens as docs/logout.md shows; answers what came, once the session has ended. */
function listen(page: Page): Promise<unknown[]> {
  return page.evaluate<unknown[]>(`new Promise((resolve, reject) => {
    const heard = []
    const session = new EventSource('/oauth2/session/events')
    session.onopen = () => { document.title = 'listening' }
    session.onerror = () => reject(new Error('refused'))
    for (const name of ['refreshed', 'expiring', 'ended']) {
      session.addEventListener(name, ({ data }) => {
        heard.push([name, JSON.parse(data)])
        if (name !== 'ended') return
        session.close()
        resolve(heard)
      })
    }
  })`)
}

/** Shows an address in a frame; answers the title the frame has then, if it could be shown. */
async function frameTitle(page: Page, url: string): Promise<string> {
  await page.evaluate(`new Promise((resolve) => {
    const frame = document.createElement('iframe')
    frame.onload = resolve
    frame.src = ${JSON.stringify(url)}
    document.body.append(frame)
  })`)
  return (await page.frames().at(-1)?.title()) ?? ''
}

t.test(
  "LO-13 SE-22 a frame in the provider's page signs out, and the open page hears of it",
  needsChromium(),
  async (t) => {
    const { origin, page, context, provider, gateway } = await browserWorld(t)
    await signInByClick(page, `${origin}/account`)
    const heard = listen(page)
    await page.waitForFunction('document.title === "listening"')

    const signedIn = gateway.events.find((event) => event.type === 'login_succeeded')
    const query = new URLSearchParams({ iss: provider.issuer, sid: signedIn?.sid ?? '' })
    const url = `${origin}/oauth2/frontchannel-logout?${query}`
    const elsewhere = await context.newPage()
    await elsewhere.goto(`${provider.issuer}/.well-known/openid-configuration`)
    t.equal(await frameTitle(elsewhere, url), 'Sign-out')
    t.match(await heard, [
      ['ended', { reason: 'session_revoked', login_url: `${origin}/oauth2/login` }],
    ])
    t.match(
      gateway.events.find(({ type }) => type === 'logout'),
      { kind: 'frontchannel', sessionCount: 1 },
    )
  },
)

t.test('LO-13 AT-34 the page of a stranger cannot frame it', needsChromium(), async (t) => {
  const { origin, page } = await browserWorld(t)
  await page.goto(await strangersPage(t, '<p>framing</p>'))
  t.not(await frameTitle(page, `${origin}/oauth2/frontchannel-logout`), 'Sign-out')
})

t.test('SE-22 the page of a stranger cannot listen', needsChromium(), async (t) => {
  const { origin, page, gateway } = await browserWorld(t)
  await signInByClick(page, `${origin}/account`)
  await page.goto(await strangersPage(t, '<p>listening</p>'))
  const state = await page.evaluate(`new Promise((resolve) => {
    const session = new EventSource('${origin}/oauth2/session/events', { withCredentials: true })
    session.onerror = () => resolve(session.readyState)
    session.onopen = () => resolve('open')
  })`)
  t.equal(state, 2, 'closed for good')
  t.ok(gateway.events.some(({ type }) => type === 'cross_site_blocked'))
})
