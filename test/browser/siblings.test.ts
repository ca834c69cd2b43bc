import t, { type Test } from 'tap'
import type { Page } from 'playwright-core'
import { needsChromium } from '../support/chromium.ts'
import { browserWorld, cookiesOf, endTls, signInByClick, strangersPage } from './browser-world.ts'

// Here the gateway is https://app.gateway.test and the attacker owns a sibling, evil.gateway.test:
// the same site to a browser, so SameSite keeps nothing back and cookies can be planted.

/** A page of the sibling host, over https too: else even its scheme would make it another site. */
async function siblingPage(t: Test, page: Page, html: string): Promise<void> {
  const { port } = new URL(await strangersPage(t, html))
  await page.goto(await endTls(t, Number(port), 'evil.gateway.test'))
}

const SESSION_STATUS = `fetch('/oauth2/session').then((answer) => answer.status)`

t.test(
  'SE-1 over https the cookie is of the kind no other host can set',
  needsChromium(),
  async (t) => {
    const { origin, page, context } = await browserWorld(t, { https: true })
    await signInByClick(page, `${origin}/account`)
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    const cookies = await cookiesOf(context, origin)
    t.strictSame([...cookies.keys()], ['__Host-bearergate'])
    t.match(cookies.get('__Host-bearergate'), {
      secure: true,
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      domain: 'app.gateway.test',
    })
  },
)

t.test(
  'AT-3 AT-7 cookies that a sibling plants neither sign in nor sign out',
  needsChromium(),
  async (t) => {
    const { origin, page, context } = await browserWorld(t, { https: true })
    const names = ['bearergate', '__Host-bearergate', '__Secure-bearergate', '__host-bearergate']
    const plant = names
      .flatMap((name) =>
        ['/', '/account', '/oauth2/callback'].map((path) => `${name}=x; Path=${path}`),
      )
      .map((cookie) => `document.cookie = '${cookie}; Domain=gateway.test'`)
      .join('\n')
    const sibling = await context.newPage()
    await siblingPage(t, sibling, `<script>${plant}</script>`)
    await signInByClick(page, `${origin}/account`)
    t.equal(await page.textContent('#secret'), 'the secret of alice', 'planted before')
    await siblingPage(t, sibling, `<script>${plant}</script>`)
    await page.reload()
    t.equal(await page.textContent('#secret'), 'the secret of alice', 'planted after')
  },
)

t.test(
  'AT-13 a sibling changes nothing and reads nothing, although its requests carry the cookie',
  needsChromium(),
  async (t) => {
    const { origin, page, context, hits, gateway } = await browserWorld(t, { https: true })
    await signInByClick(page, `${origin}/account`)
    const sibling = await context.newPage()
    await siblingPage(
      t,
      sibling,
      `<iframe name="hidden"></iframe>
<form id="form" method="post" action="${origin}/api/form" target="hidden"><input name="a" value="b"></form>
<form id="out" method="post" action="${origin}/oauth2/logout" target="hidden"></form>
<script>
fetch('${origin}/api/POST', { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => {})
navigator.sendBeacon('${origin}/api/beacon', 'x')
document.getElementById('form').submit()
setTimeout(() => document.getElementById('out').submit(), 200)
</script>`,
    )
    for (const path of ['/api/POST', '/api/form', '/api/beacon', '/oauth2/logout']) {
      const line = await gateway.line((one) => one['path'] === path)
      t.equal(line['reason'], 'cross_site_refused', path)
    }
    t.ok(
      hits.every(({ method }) => method === 'GET'),
      'the application heard of none of it',
    )
    const read = `fetch('${origin}/api/me', { credentials: 'include' }).then(() => 'read', () => 'refused')`
    t.equal(await sibling.evaluate(read), 'refused', 'no answer can be read')
    t.equal(await page.evaluate(SESSION_STATUS), 200, 'and nobody was signed out')
  },
)
