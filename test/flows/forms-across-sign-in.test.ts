import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { Browser, BrowserOptions, Page } from '../support/browser-jar.ts'
import { startJourney, type Journey } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { ask } from '../support/raw-socket.ts'

const NOTE = 'note=caf%C3%A9%0D%0Aone+%26+two&submit=1&_charset_=x'
const TYPE = 'application/x-www-form-urlencoded'

async function formJourney(t: Test) {
  const upstream = await startRecordingUpstream(t)
  const to = { upstream: upstream.origin }
  const journey = await startJourney(t, {
    plan: {
      routes: [
        { path: '/api/*', ...to, replayForm: true },
        { path: '/small/*', ...to, replayForm: true, maxBody: '20B' },
        { path: '/vault/*', ...to, replayForm: true, require: { acr: ['phr'] } },
        { path: '/off/*', ...to },
      ],
    },
  })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const { gateway } = journey
  const posted = () =>
    upstream.requests.filter(({ method }) => method === 'POST').map(({ url, body }) => [url, body])
  const postNote = (browser: Browser, more: BrowserOptions = {}, path = '/api/notes?list=1') =>
    browser.post(gateway.origin + path, {}, { body: NOTE, ...more })
  return { ...journey, upstream, posted, postNote }
}

/** The session ends elsewhere: the browser keeps its ticket. */
async function endSession({ gateway }: Pick<Journey, 'gateway'>, browser: Browser) {
  const elsewhere = browser.copy()
  await elsewhere.post(`${gateway.origin}/oauth2/logout`, {})
  await elsewhere.close()
}

/** The page's hidden form: where it goes, and its text areas, as a browser reads them. */
function hiddenForm({ body }: Page): { action: string; fields: [string, string][] } | undefined {
  const form = /<form id="form" method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(body)
  if (form === null) return undefined
  const areas = form[2]?.matchAll(/<textarea name="([^"]*)">\n([\s\S]*?)<\/textarea>/g) ?? []
  const fields = [...areas].map(([, name = '', value = '']): [string, string] => [
    unescaped(name),
    unescaped(value),
  ])
  return { action: unescaped(form[1] ?? ''), fields }
}

function unescaped(html: string): string {
  return html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

/** The sealed form of a page that kept one, and the login for its sake. */
function kept(page: Page) {
  const sealed = hiddenForm(page)?.fields[0]?.[1] ?? ''
  const login = unescaped(/href="(\/oauth2\/login[^"]*)"/.exec(page.body)?.[1] ?? '')
  return { sealed, login: new URL(login, page.url).href }
}

/** What the page's scripts do: brings the sealed form to the gateway. */
function bring(browser: Browser, page: Page, sealed: string): Promise<Page> {
  return browser.post(new URL('/oauth2/form', page.url).href, { form: sealed })
}

/** And sends the form that it answers. */
function send(browser: Browser, page: Page): Promise<Page> {
  const { action, fields } = hiddenForm(page) ?? { action: '', fields: [] }
  const body = new URLSearchParams(fields).toString()
  return browser.post(new URL(action, page.url).href, {}, { body })
}

t.test('a form posted after the end of the session arrives after the login, once', async (t) => {
  const journey = await formJourney(t)
  const { browser } = await journey.signedIn()
  await endSession(journey, browser)

  const refused = await journey.postNote(browser)
  t.equal(refused.status, 401)
  t.match(refused.body, 'Your form has not been sent yet')
  t.same(refused.setCookies, [], 'SE-10 nothing is set')
  const { sealed, login } = kept(refused)
  t.match(login, /\/oauth2\/login\?return_to=%2Foauth2%2Fform%3Fid%3D/)
  t.same(journey.posted(), [])

  const back = await signIn(browser, login)
  t.equal(back.status, 200)
  t.equal(new URL(back.url).pathname, '/oauth2/form')
  const handed = await bring(browser, back, sealed)
  t.equal(handed.status, 200)
  t.equal(handed.headers['cache-control'], 'no-store')
  t.equal((await send(browser, handed)).status, 200)
  t.same(journey.posted(), [['/api/notes?list=1', NOTE]], 'target and body octet for octet')
  const [arrived] = journey.upstream.requests.filter(({ method }) => method === 'POST')
  t.same(arrived?.values('content-type'), [TYPE])
  t.match(arrived?.values('authorization')[0], /^Bearer /)

  const again = await bring(browser, back, sealed)
  t.equal(again.status, 409, 'reload: it is handed over once')
  t.match(again.body, 'Your form was sent before')
  t.equal(hiddenForm(again), undefined)
  t.equal(journey.posted().length, 1)
})

t.test('of many that bring the same form at once, one gets it', async (t) => {
  const journey = await formJourney(t)
  const { browser } = await journey.signedIn()
  await endSession(journey, browser)
  const { sealed, login } = kept(await journey.postNote(browser))
  const back = await signIn(browser, login)
  const answers = await Promise.all(Array.from({ length: 20 }, () => bring(browser, back, sealed)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status }) => status === 409).length, 19)
})

t.test(
  'AT-33 another user who signs in then does not send it, its own user still can',
  async (t) => {
    const journey = await formJourney(t)
    const { browser } = await journey.signedIn('alice')
    await endSession(journey, browser)
    const { sealed, login } = kept(await journey.postNote(browser))

    const back = await signIn(browser, `${login}&prompt=login`, 'bob')
    t.equal(new URL(back.url).pathname, '/oauth2/form')
    const refused = await bring(browser, back, sealed)
    t.equal(refused.status, 403)
    t.match(refused.body, 'Your form was not sent')
    t.notMatch(refused.body, /caf|note/, 'nor is it shown')
    t.equal(hiddenForm(refused), undefined)
    t.match(
      await browser.fetch(`${journey.gateway.origin}/oauth2/session`).then((page) => page.json()),
      {
        user: { sub: 'bob' },
      },
    )

    const own = kept(refused).login
    t.match(own, /prompt=login/)
    const returned = await signIn(browser, own, 'alice')
    t.equal((await send(browser, await bring(browser, returned, sealed))).status, 200)
    t.same(journey.posted(), [['/api/notes?list=1', NOTE]])
  },
)

t.test('where nobody was known it belongs to the login that its page began', async (t) => {
  const journey = await formJourney(t)
  const browser = journey.newBrowser()
  const { sealed, login } = kept(await journey.postNote(browser))

  const thief = (await journey.signedIn('bob')).browser
  const stolen = await bring(thief, { url: login } as Page, sealed)
  t.equal(stolen.status, 403, 'a session that was begun for something else')
  t.notMatch(stolen.body, /caf|note=/)

  const back = await signIn(browser, login)
  t.equal((await send(browser, await bring(browser, back, sealed))).status, 200)
  t.same(journey.posted(), [['/api/notes?list=1', NOTE]])
})

t.test('without a session it is kept on: the page leads to the login again', async (t) => {
  const journey = await formJourney(t)
  const { browser } = await journey.signedIn()
  await endSession(journey, browser)
  const refused = await journey.postNote(browser)
  const { sealed, login } = kept(refused)
  const early = await bring(browser, refused, sealed)
  t.equal(early.status, 401)
  t.equal(kept(early).login, login)
  const back = await signIn(browser, login)
  t.equal((await send(browser, await bring(browser, back, sealed))).status, 200)
})

t.test(
  'RS-7 a form for which the login was not good enough arrives after the step-up',
  async (t) => {
    const journey = await formJourney(t)
    const { browser } = await journey.signedIn()
    const refused = await journey.postNote(browser, {}, '/vault/notes')
    t.equal(refused.status, 401)
    const { sealed, login } = kept(refused)
    t.match(login, /acr_values=phr&return_to=%2Foauth2%2Fform/)
    const back = await signIn(browser, login)
    t.equal((await send(browser, await bring(browser, back, sealed))).status, 200)
    t.same(journey.posted(), [['/vault/notes', NOTE]])
  },
)

t.test('a provider that is down does not lose the form: the retry leads to it', async (t) => {
  const journey = await formJourney(t)
  const browser = journey.newBrowser()
  const { sealed, login } = kept(await journey.postNote(browser))
  await journey.provider.stop()
  const leaving = await browser.navigate(login)
  await journey.provider.restart()
  t.equal(leaving.status, 302, 'metadata is known')
  const cancelled = await browser.navigate(
    `${journey.gateway.origin}/oauth2/callback?error=temporarily_unavailable&state=${
      new URL(leaving.location ?? '').searchParams.get('state') ?? ''
    }&iss=${encodeURIComponent(journey.provider.issuer)}`,
    { site: 'cross-site' },
  )
  t.equal(cancelled.status, 503)
  t.equal(kept(cancelled).login, login)
  const back = await signIn(browser, kept(cancelled).login)
  t.equal((await send(browser, await bring(browser, back, sealed))).status, 200)
})

const OTHERS: Readonly<Record<string, BrowserOptions>> = {
  'another site': { site: 'cross-site', headers: { origin: 'https://evil.example' } },
  'a sibling': { site: 'same-site', headers: { origin: 'http://127.0.0.1:1' } },
  'a page without origin': { headers: { origin: 'null' } },
  'nobody, with cross-site metadata': { site: 'cross-site' },
}

for (const [name, wish] of Object.entries(OTHERS)) {
  t.test(`AT-13 CS-1 a form of ${name} is not kept`, async (t) => {
    const journey = await formJourney(t)
    const { browser } = await journey.signedIn()
    await endSession(journey, browser)
    const refused = await journey.postNote(browser, wish)
    t.equal(refused.status, 401)
    t.equal(hiddenForm(refused), undefined)
    t.same(refused.setCookies, [])

    const signedIn = (await journey.signedIn()).browser
    const blocked = await journey.postNote(signedIn, wish)
    t.equal(blocked.status, 403, 'nor may it use a session')
    t.equal(hiddenForm(blocked), undefined)
    t.same(journey.posted(), [])
  })
}

const NOT_KEPT: Readonly<
  Record<string, { readonly path?: string; readonly wish: BrowserOptions }>
> = {
  'on a route that does not say so': { path: '/off/x', wish: {} },
  'larger than 64 KiB': { wish: { body: `a=${'x'.repeat(65_535)}` } },
  "larger than the route's own limit": { path: '/small/x', wish: { body: `a=${'x'.repeat(19)}` } },
  'with a file': { wish: { headers: { 'content-type': 'multipart/form-data; boundary=b' } } },
  'in another charset': { wish: { body: 'a=%E9' } },
}

for (const [name, { path, wish }] of Object.entries(NOT_KEPT)) {
  t.test(`a form ${name} is not kept, and a page says so`, async (t) => {
    const journey = await formJourney(t)
    const page = await journey.postNote(journey.newBrowser(), wish, path)
    t.equal(page.status, 401)
    t.match(page.body, 'Your form was not sent')
    t.match(page.body, 'href="/oauth2/login" target="_blank" rel="noopener"')
    t.equal(hiddenForm(page), undefined)
    t.notMatch(page.body, '<script')
    t.same(journey.posted(), [])
  })
}

t.test('a form of just 64 KiB is kept, target and all', async (t) => {
  const journey = await formJourney(t)
  const browser = journey.newBrowser()
  const body = `a=${'x'.repeat(65_534)}`
  const { sealed, login } = kept(await journey.postNote(browser, { body }))
  const back = await signIn(browser, login)
  t.equal((await send(browser, await bring(browser, back, sealed))).status, 200)
  t.same(journey.posted(), [['/api/notes?list=1', body]])
})

t.test('scripts get the problem they always got', async (t) => {
  const journey = await formJourney(t)
  const page = await journey.newBrowser().fetch(`${journey.gateway.origin}/api/x`, {
    method: 'POST',
    headers: { 'content-type': TYPE, origin: journey.gateway.origin },
    body: NOTE,
  })
  t.equal(page.status, 401)
  t.match(page.json(), { reason: 'no_session', login_url: /\/oauth2\/login$/ })
})

t.test('RL-3 a form in chunks is read to the bound and no further', async (t) => {
  const { gateway } = await formJourney(t)
  const answer = await ask(
    t,
    gateway.port,
    `POST /api/x HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nContent-Type: ${TYPE}\r\nAccept: text/html\r\n` +
      `Origin: ${gateway.origin}\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n${'a'.repeat(65_537)}\r\n`,
  )
  t.equal(answer.status, 401)
  t.match(answer.body, 'Your form was not sent')
  t.match(answer.head, /^connection: close/im)
})

t.test('who brings many forms and never ends them keeps nobody from being answered', async (t) => {
  const journey = await formJourney(t)
  const { port, origin } = journey.gateway
  const head =
    `POST /api/x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: ${TYPE}\r\nAccept: text/html\r\n` +
    `Origin: ${origin}\r\nContent-Length: 9\r\n\r\n`
  const idlers = Array.from({ length: 64 }, () => connect(port, '127.0.0.1'))
  t.teardown(() => idlers.forEach((socket) => socket.destroy()))
  for (const socket of idlers) socket.on('error', () => undefined).write(head)
  const browser = journey.newBrowser()
  const isKept = async () => hiddenForm(await journey.postNote(browser)) !== undefined
  while (await isKept()); // until all of them have been taken in
  t.pass('answered, not kept')
  for (const socket of idlers) socket.destroy()
  while (!(await isKept()));
  t.pass('kept again')
})

t.test(
  '/oauth2/form takes nothing from other sites, and opens nothing it did not seal',
  async (t) => {
    const journey = await formJourney(t)
    const { browser } = await journey.signedIn()
    await endSession(journey, browser)
    const { sealed, login } = kept(await journey.postNote(browser))
    const back = await signIn(browser, login)
    const url = `${journey.gateway.origin}/oauth2/form`

    const foreign: BrowserOptions = {
      site: 'cross-site',
      headers: { origin: 'https://evil.example' },
    }
    t.equal((await browser.post(url, { form: sealed }, foreign)).status, 403, 'CS-1')
    for (const form of ['', 'x', `x${sealed}`, sealed.slice(0, -9), sealed.replace('.', '')]) {
      const page = await browser.post(url, { form })
      t.equal(page.status, 400)
      t.match(page.body, 'Your form was not sent')
    }
    const twice = await browser.post(url, {}, { body: `form=${sealed}&form=${sealed}` })
    t.equal(twice.status, 400)
    t.equal((await browser.post(url, { form: 'x'.repeat(200_000) })).status, 413)
    t.equal(
      (await browser.post(url, {}, { headers: { 'content-type': 'text/plain' }, body: 'x' }))
        .status,
      400,
    )

    t.equal((await send(browser, await bring(browser, back, sealed))).status, 200, 'still unused')
    t.equal(journey.posted().length, 1)
  },
)

t.test('/oauth2/form by itself changes nothing and says that nothing waits', async (t) => {
  const journey = await formJourney(t)
  const page = await journey.newBrowser().navigate(`${journey.gateway.origin}/oauth2/form?id=x`)
  t.equal(page.status, 200)
  t.match(page.body, 'No form waits in this tab')
  t.same(page.setCookies, [])
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /script-src 'sha256-[^']+'/)
  t.notMatch(policy, 'unsafe')
})
