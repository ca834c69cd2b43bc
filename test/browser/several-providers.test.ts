import t from 'tap'
import { needsChromium } from '../support/chromium.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import {
  browserWorld,
  clickThroughProvider,
  cookiesOf,
  type WorldOptions,
} from './browser-world.ts'
import { looksLikeOurs, watchConsole } from './page-checks.ts'

function routes(application: string) {
  return [
    { path: '/staff/*', upstream: application, provider: 'staff' },
    { path: '/partners/*', upstream: application, provider: 'partners' },
    { path: '/*', upstream: application, provider: ['staff', 'partners'] },
  ]
}

t.test(
  'a person chooses where to sign in, is signed in at both, and signs out of both',
  needsChromium(),
  async (t) => {
    const partners = await startOpenIdProvider(t)
    const options: WorldOptions = { partners, routesOnly: routes }
    const { origin, page, context, provider: staff } = await browserWorld(t, options)
    watchConsole(t, page)
    await page.goto(`${origin}/account?tab=2`)
    t.equal(await page.textContent('h1'), 'How do you want to sign in?')
    t.same(await page.locator('main li a').allTextContents(), ['Staff account', 'Partner account'])
    await looksLikeOurs(t, page, 'choose-provider')
    // By keyboard, as people do who use no mouse: two links, two steps.
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Partner account')
    await page.goto(`${origin}/account?tab=2`)
    await page.click('text=Partner account')
    t.ok(page.url().startsWith(partners.issuer))
    await clickThroughProvider(page, 'paula')
    t.equal(page.url(), `${origin}/account?tab=2`)
    t.equal(await page.textContent('#secret'), 'the secret of paula')

    await page.goto(`${origin}/staff/desk`)
    t.ok(page.url().startsWith(staff.issuer), 'no choice: this page is for staff')
    await clickThroughProvider(page, 'alice')
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    await page.goto(`${origin}/partners/desk`)
    t.equal(await page.textContent('#secret'), 'the secret of paula', 'side by side')
    const names = [...(await cookiesOf(context, origin)).keys()].filter((name) =>
      name.includes('bearergate'),
    )
    t.same(names.sort(), ['bearergate-at-partners', 'bearergate-at-staff'])

    await page.click('#sign-out')
    t.equal(await page.textContent('h1'), 'You are signed out here')
    await looksLikeOurs(t, page, 'signed-out-here')
    await page.click('text=Sign out: Staff account')
    await page.click('[data-provider-form=logout] button')
    await page.waitForURL(/logout\/callback/)
    t.same(await page.locator('main li a').allTextContents(), [
      'Sign out: Partner account',
      'Sign in again',
    ])
    await page.goto(`${origin}/partners/desk`)
    t.ok(page.url().startsWith(partners.issuer), 'signed out here')
  },
)
