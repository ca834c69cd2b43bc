import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { needsChromium, screenshot } from '../support/chromium.ts'
import type { GatewayPlan } from '../support/gateway.ts'
import {
  browserWorld,
  clickThroughProvider,
  goBack,
  serve,
  signInByClick,
  strangersPage,
} from './browser-world.ts'

const TYPED = 'café "quoted" <b>\n\nthird line & more\n'
const NOTE =
  'note=%0D%0Acaf%C3%A9+%22quoted%22+%3Cb%3E%0D%0A%0D%0Athird+line+%26+more%0D%0A&_charset_=UTF-8&submit=x'

interface Post {
  readonly target: string
  readonly body: string
  readonly subject: string
}

/** A shop with a form, which answers with a redirect as forms do. */
async function shop(t: Test, posts: Post[]): Promise<string> {
  const page = `<!doctype html><html lang="en"><title>shop</title><link rel="icon" href="data:,">
<form method="post" action="/shop/orders?list=1"><textarea name="note"></textarea>
<input type="hidden" name="_charset_"><input type="hidden" name="submit" value="x"><button id="order">Order</button></form></html>`
  const done = '<!doctype html><html lang="en"><title>shop</title><h1>Thank you</h1></html>'
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      return response.end(request.url === '/shop/done' ? done : page)
    }
    const chunks = (await request.toArray()) as Buffer[]
    const body = Buffer.concat(chunks).toString('latin1')
    posts.push({ target: request.url ?? '', body, subject: String(request.headers['x-subject']) })
    return response.writeHead(303, { location: '/shop/done' }).end()
  }
  return serve(t, (request, response) => void answer(request, response))
}

async function shopWorld(t: Test, chromium: BrowserContextOptions = {}, gateway: GatewayPlan = {}) {
  const posts: Post[] = []
  const upstream = await shop(t, posts)
  const headers = { set: { 'X-Subject': '${claims.sub}' } }
  const world = await browserWorld(t, {
    routes: [{ path: '/shop/*', upstream, replayForm: true, headers }],
    chromium,
    gateway,
  })
  world.page.on('console', (message) => {
    const expected = /Failed to load resource: the server responded/.test(message.text())
    if (message.type() === 'error' && !expected) t.fail(message.text())
  })
  return { ...world, posts }
}

type World = Awaited<ReturnType<typeof shopWorld>>

/** The session ends while the form is being filled in; the provider forgets the user too. */
async function endSession({ context, origin }: World): Promise<void> {
  const cookies = await context.cookies(origin)
  const elsewhere = await context.newPage()
  await elsewhere.goto(`${origin}/public/x`)
  await elsewhere.evaluate(`fetch('/oauth2/logout', { method: 'POST', redirect: 'manual' })`)
  await elsewhere.close()
  await context.clearCookies({ domain: '127.0.0.1' })
  await context.addCookies(cookies) // the ticket of a session that timed out would still be there
}

/** Also while the page is still on its way somewhere. */
async function reach(page: Page, url: string): Promise<unknown> {
  return page.goto(url).catch((error: Error) => {
    if (/interrupted by another navigation/.test(error.message)) return reach(page, url)
    throw error
  })
}

async function fillIn(page: Page): Promise<void> {
  await page.fill('[name=note]', `\n${TYPED}`)
}

t.test(
  'a form filled in while the session ended arrives after the login, as typed, once',
  needsChromium(),
  async (t) => {
    const world = await shopWorld(t)
    const { page, origin, posts } = world
    await signInByClick(page, `${origin}/shop/form`)
    await fillIn(page)
    await endSession(world)
    await page.click('#order')
    t.equal(await page.textContent('h1'), 'Your form has not been sent yet')
    t.equal(await page.locator('h1').count(), 1)
    await screenshot(page, 'form-kept')
    t.same(posts, [])

    await page.click('.way >> text=Sign in and send the form')
    await clickThroughProvider(page)
    await page.waitForURL(`${origin}/shop/done`)
    const sent = { target: '/shop/orders?list=1', body: NOTE, subject: 'alice' }
    t.same(posts, [sent], 'the very octets')
    t.equal(await page.evaluate('sessionStorage.length'), 0, 'nothing is left in the tab')

    await page.reload()
    for (let steps = 0; steps < 4; steps++) await goBack(page)
    await reach(page, `${origin}/shop/form`)
    t.same(posts, [sent], 'neither reload nor back sends it again')
  },
)

t.test('SE-2 the same with a strict session cookie', needsChromium(), async (t) => {
  const secrets = [randomBytes(32).toString('base64')]
  const world = await shopWorld(t, {}, { session: { secrets, cookie: { sameSite: 'strict' } } })
  const { page, origin, posts } = world
  await signInByClick(page, `${origin}/shop/form`)
  await page.waitForURL(`${origin}/shop/form`)
  await fillIn(page)
  await endSession(world)
  await page.click('#order')
  await page.click('.way >> text=Sign in and send the form')
  await clickThroughProvider(page)
  await page.waitForURL(`${origin}/shop/done`)
  t.match(posts, [{ body: NOTE, subject: 'alice' }])
})

t.test(
  'AT-33 a form of alice is not sent when bob signs in, and is when alice does',
  needsChromium(),
  async (t) => {
    const world = await shopWorld(t)
    const { page, origin, posts } = world
    await signInByClick(page, `${origin}/shop/form`)
    await fillIn(page)
    await endSession(world)
    await page.click('#order')
    await page.click('.way >> text=Sign in and send the form')
    await clickThroughProvider(page, 'bob')
    await page.waitForURL(`${origin}/oauth2/form`)
    t.equal(await page.textContent('h1'), 'Your form was not sent')
    await screenshot(page, 'form-of-somebody-else')
    t.same(posts, [])

    await page.click('text=Use another account')
    await clickThroughProvider(page, 'alice')
    await page.waitForURL(`${origin}/shop/done`)
    t.match(posts, [{ body: NOTE, subject: 'alice' }])
  },
)

t.test('without scripts the form waits in its page for a click', needsChromium(), async (t) => {
  const world = await shopWorld(t, { javaScriptEnabled: false })
  const { page, context, origin, posts } = world
  await page.goto(`${origin}/shop/form`)
  await clickThroughProvider(page)
  await fillIn(page)
  const cookies = await context.cookies(origin)
  await context.clearCookies()
  t.ok(cookies.length)
  await page.click('#order')
  t.equal(await page.textContent('h1'), 'Your form has not been sent yet')
  await screenshot(page, 'form-in-page')
  const [tab] = await Promise.all([
    context.waitForEvent('page'),
    page.click('.way >> text=Sign in in a new tab'),
  ])
  await clickThroughProvider(tab)
  t.match(await tab.textContent('main'), 'No form waits in this tab')
  await page.click('.way >> text=Send the form')
  t.equal(await page.textContent('h1'), 'Your form can be sent now')
  t.same(posts, [])
  await page.click('.way >> text=Send the form')
  await page.waitForURL(`${origin}/shop/done`)
  t.match(posts, [{ body: NOTE, subject: 'alice' }])
})

t.test(
  'AT-13 a form of a stranger leaves nothing behind and is never sent',
  needsChromium(),
  async (t) => {
    const world = await shopWorld(t)
    const { page, origin, posts } = world
    await page.goto(
      await strangersPage(
        t,
        `<form method="post" action="${origin}/shop/orders"><input name="note" value="evil"><button id="lure">free</button></form>`,
      ),
    )
    await page.click('#lure')
    t.equal(await page.textContent('h1'), 'Your form was not sent')
    t.equal(await page.evaluate('sessionStorage.length'), 0)
    await page.goto(`${origin}/shop/form`)
    await clickThroughProvider(page)
    await page.goto(`${origin}/oauth2/form?id=${'x'.repeat(22)}`)
    t.equal(await page.textContent('h1'), 'No form waits in this tab')
    t.same(posts, [])
  },
)
