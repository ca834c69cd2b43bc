import t from 'tap'
import { needsChromium } from '../support/chromium.ts'
import { browserWorld, signInByClick, type WorldOptions } from './browser-world.ts'

const VAULT: WorldOptions = {
  routesTo: (application) => [
    { path: '/vault/*', upstream: application, require: { acr: ['phr'] } },
  ],
}

t.test(
  'RS-7 a page that needs a second factor asks for it once, and comes back to itself',
  needsChromium(),
  async (t) => {
    const { origin, page, provider, hits } = await browserWorld(t, VAULT)
    await signInByClick(page, `${origin}/account`)
    t.equal(provider.tokenCalls('authorization_code'), 1)
    await signInByClick(page, `${origin}/vault/gold?bar=1#door`)
    t.equal(page.url(), `${origin}/vault/gold?bar=1`)
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    t.equal(provider.tokenCalls('authorization_code'), 2, 'one more login')
    await page.reload()
    t.equal(await page.textContent('#secret'), 'the secret of alice')
    t.equal(provider.tokenCalls('authorization_code'), 2, 'and no other')
    t.same(
      hits.map(({ target }) => target),
      ['/account', '/vault/gold?bar=1', '/vault/gold?bar=1'],
    )
  },
)

t.test(
  'a step-up that does not help ends on a page with a way to try again',
  needsChromium(),
  async (t) => {
    const { origin, page, provider, hits } = await browserWorld(t, {
      ...VAULT,
      provider: { acrOf: () => 'pwd' },
    })
    await signInByClick(page, `${origin}/account`)
    await signInByClick(page, `${origin}/vault/gold`)
    t.equal(await page.textContent('h1'), 'This sign-in is not enough here')
    t.equal(provider.tokenCalls('authorization_code'), 2)
    await page.click('text=Confirm that it is you')
    await page.waitForSelector('[data-provider-form=login]')
    await page.goto(`${origin}/account`)
    t.equal(await page.textContent('#secret'), 'the secret of alice', 'still signed in')
    t.same(
      hits.map(({ target }) => target),
      ['/account', '/account'],
    )
  },
)
