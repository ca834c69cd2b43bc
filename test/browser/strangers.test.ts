import t from 'tap'
import { needsChromium } from '../support/chromium.ts'
import { browserWorld, signInByClick, strangersPage } from './browser-world.ts'

/** The session endpoint, asked by the application's own page: 200 while signed in. */
const SESSION_STATUS = `fetch('/oauth2/session').then((answer) => answer.status)`

t.test('AT-32 CS-8 another site cannot sign anybody out', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t)
  await signInByClick(page, `${origin}/account`)
  const logout = `${origin}/oauth2/logout`
  const stranger = await strangersPage(
    t,
    `<img src="${logout}"><iframe name="hidden"></iframe>
<form id="form" method="post" action="${logout}" target="hidden"></form>
<form id="visible" method="post" action="${logout}"><button id="trap">Win a prize</button></form>
<a id="link" href="${logout}">look</a>
<script>fetch('${logout}', { method: 'POST', mode: 'no-cors', credentials: 'include' }); document.getElementById('form').submit()</script>`,
  )
  const bad = await context.newPage()
  await bad.goto(stranger)
  await bad.waitForLoadState('networkidle')
  t.equal(await page.evaluate(SESSION_STATUS), 200, 'image, frame, fetch')
  await bad.click('#trap')
  await bad.waitForURL(`${origin}/**`)
  t.equal(await page.evaluate(SESSION_STATUS), 200, 'a clicked form')
  await bad.goto(stranger)
  await bad.click('#link')
  await bad.waitForURL(`${origin}/**`)
  t.equal(await page.evaluate(SESSION_STATUS), 200, 'a clicked link')
  await bad.click('button')
  await bad.waitForURL(/session\/end/)
  t.equal(await page.evaluate(SESSION_STATUS), 401, 'the confirmation, clicked by the user, does')
})

t.test(
  'AT-13 another site cannot use the session against the application',
  needsChromium(),
  async (t) => {
    const { origin, page, context, hits } = await browserWorld(t)
    await signInByClick(page, `${origin}/account`)
    const before = hits.length
    const stranger = await strangersPage(
      t,
      `<img src="${origin}/api/image"><iframe src="${origin}/api/frame"></iframe>
<iframe name="hidden"></iframe>
<form id="form" method="post" action="${origin}/api/form" target="hidden" enctype="text/plain"><input name='{"a":"' value='b"}'></form>
<script>
for (const method of ['GET', 'POST'])
  fetch('${origin}/api/' + method, { method, mode: 'no-cors', credentials: 'include' }).catch(() => {})
navigator.sendBeacon('${origin}/api/beacon', 'x')
document.getElementById('form').submit()
</script>`,
    )
    const bad = await context.newPage()
    await bad.goto(stranger)
    await bad.waitForLoadState('networkidle')
    t.equal(hits.length, before, 'the application heard of none of it')
  },
)

t.test(
  'AT-14 another site cannot open a WebSocket with the session',
  needsChromium(),
  async (t) => {
    const { origin, page, context, hits } = await browserWorld(t, {
      gateway: {},
    })
    await signInByClick(page, `${origin}/account`)
    const before = hits.length
    const bad = await context.newPage()
    await bad.goto(await strangersPage(t, ''))
    const end = await bad.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket('${origin.replace('http', 'ws')}/api/socket')
    socket.onopen = () => resolve('open')
    socket.onerror = () => resolve('refused')
  })`)
    t.equal(end, 'refused')
    t.equal(hits.length, before)
  },
)

t.test('AT-34 none of our pages can be framed', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t)
  await signInByClick(page, `${origin}/account`)
  const paths = [
    '/oauth2/logout',
    '/oauth2/logout/callback',
    '/oauth2/callback?error=x',
    '/oauth2/nothing',
  ]
  const frames = paths.map((path) => `<iframe src="${origin}${path}"></iframe>`).join('')
  const bad = await context.newPage()
  await bad.goto(await strangersPage(t, frames))
  await bad.waitForLoadState('networkidle')
  for (const frame of bad.frames().slice(1)) {
    t.equal(await frame.locator('main').count(), 0, 'nothing of ours is shown')
  }
})

t.test('AZ-12 a protected page in a frame starts no sign-in', needsChromium(), async (t) => {
  const { origin, context, provider } = await browserWorld(t)
  const asked: string[] = []
  context.on('request', (request) => asked.push(request.url()))
  const bad = await context.newPage()
  await bad.goto(await strangersPage(t, `<iframe src="${origin}/account"></iframe>`))
  await bad.waitForLoadState('networkidle')
  t.notOk(asked.some((url) => url.startsWith(provider.issuer)))
})

const HOSTILE_RETURNS = [
  'https://evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/%09/evil.example',
  '/%5cevil.example',
  'https:evil.example',
  'https:/evil.example',
  'javascript:document.title="owned"',
  'data:text/html,owned',
  'http://localhost@evil.example',
  'http://localhost.evil.example',
  '/..//evil.example',
  '/.//evil.example',
  '%2f%2fevil.example',
  '/%2f/evil.example',
  ' //evil.example',
  '／／evil.example',
  '/a\r\nLocation: https://evil.example',
  '/oauth2/logout',
  '/oauth2/login',
]

t.test(
  'AT-6 whatever a sign-in link wishes, the browser ends at the gateway',
  needsChromium(),
  async (t) => {
    const { origin, page, context } = await browserWorld(t)
    await signInByClick(page, `${origin}/account`)
    const outside: string[] = []
    context.on('request', (request) => {
      if (request.url().includes('evil')) outside.push(request.url())
    })
    for (const wish of HOSTILE_RETURNS) {
      await page.goto(`${origin}/oauth2/login?return_to=${encodeURIComponent(wish)}`)
      await page.waitForURL(/^http:\/\/localhost/)
      t.equal(new URL(page.url()).origin, origin, JSON.stringify(wish))
      t.not(await page.title(), 'owned', JSON.stringify(wish))
    }
    t.strictSame(
      outside.filter((url) => new URL(url).hostname.includes('evil')),
      [],
    )
    t.equal(await page.evaluate(SESSION_STATUS), 200, 'and still signed in')
  },
)

const MARKUP = '"><script>document.title="owned"</script><img src=x onerror=document.title="owned">'

t.test('AT-35 markup in any parameter stays text', needsChromium(), async (t) => {
  const { origin, page } = await browserWorld(t)
  const value = encodeURIComponent(MARKUP)
  const targets = [
    ...['error', 'error_description', 'error_uri', 'state', 'code', 'iss'].map(
      (name) => `/oauth2/callback?${name}=${value}`,
    ),
    `/oauth2/login?return_to=${value}&login_hint=a&login_hint=b`,
    `/oauth2/logout/callback?state=${value}`,
    `/oauth2/${value}`,
    `/oauth2/logout?return_to=${value}`,
  ]
  for (const target of targets) {
    await page.goto(origin + target)
    t.not(await page.title(), 'owned', target)
    t.equal(await page.locator('img').count(), 0, target)
  }
})

t.test(
  'LO-13 the provider signs out through its frame, nobody else can frame it',
  needsChromium(),
  async (t) => {
    const { origin, page, context, provider, gateway } = await browserWorld(t)
    await signInByClick(page, `${origin}/account`)
    const login = gateway.events.find(({ type }) => type === 'login_succeeded') as { sid?: string }
    const query = new URLSearchParams({ iss: provider.issuer, sid: login.sid ?? '' })
    const frame = `<iframe src="${origin}/oauth2/frontchannel-logout?${query}"></iframe>`
    const signOut = await context.newPage()
    await signOut.goto(`${provider.issuer}/jwks`)
    await signOut.setContent(frame)
    await signOut.waitForLoadState('networkidle')
    t.equal(await page.evaluate(SESSION_STATUS), 401)
    t.equal(await signOut.frames()[1]?.title(), 'Sign-out')
    const bad = await context.newPage()
    await bad.goto(await strangersPage(t, frame))
    await bad.waitForLoadState('networkidle')
    t.not(await bad.frames()[1]?.title(), 'Sign-out')
  },
)
