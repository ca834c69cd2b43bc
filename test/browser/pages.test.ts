import { createServer } from 'node:http'
import t from 'tap'
import { needsChromium, openChromium } from '../support/chromium.ts'
import { freePort, providerSection, startGateway } from '../support/gateway.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import {
  browserWorld,
  clickThroughProvider,
  signInByClick,
  strangersPage,
} from './browser-world.ts'
import { looksLikeOurs, watchConsole } from './page-checks.ts'

t.test('the pages around a sign-in', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t)
  watchConsole(t, page)
  await page.goto(`${origin}/account`)
  await page.click('[data-provider-form=abort] button')
  await page.waitForURL(/oauth2\/callback/)
  await looksLikeOurs(t, page, 'sign-in-cancelled')
  await page.locator('.way.first').click()
  await page.waitForURL(/interaction/)
  await context.clearCookies({ domain: 'localhost' })
  await clickThroughProvider(page)
  await looksLikeOurs(t, page, 'no-cookies')
  await page.goto(`${origin}/oauth2/callback?state=unknown&code=unknown`)
  await looksLikeOurs(t, page, 'stale-callback')
  await page.goto(`${origin}/oauth2/login?scope=admin&prompt=a&prompt=b`)
  await looksLikeOurs(t, page, 'parameter-refused')
})

t.test('the pages around a sign-out', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t)
  watchConsole(t, page)
  await signInByClick(page, `${origin}/account`)
  const other = await context.newPage()
  await other.goto(await strangersPage(t, `<a href="${origin}/oauth2/logout">sign out</a>`))
  await other.click('a')
  await other.waitForURL(`${origin}/oauth2/logout`)
  await looksLikeOurs(t, other, 'confirm-sign-out')
  await other.click('button')
  await other.click('[data-provider-form=logout] button')
  await other.waitForURL(/logout\/callback/)
  await looksLikeOurs(t, other, 'signed-out')
})

t.test('the pages of a request that leads nowhere', needsChromium(), async (t) => {
  const upstream = createServer()
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const address = upstream.address()
  const port = typeof address === 'object' ? address?.port : 0
  await new Promise((resolve) => upstream.close(resolve))
  const { origin, page } = await browserWorld(t, {
    routes: [{ path: '/broken/*', upstream: `http://127.0.0.1:${port}`, access: 'public' }],
  })
  watchConsole(t, page)
  await page.goto(`${origin}/broken/x`)
  await looksLikeOurs(t, page, 'upstream-down')
  t.notMatch(await page.content(), String(port), 'ER-4 no address')
  await page.goto(`${origin}/oauth2/nothing`)
  await looksLikeOurs(t, page, 'not-found')
  await page.goto(`${origin}/a%5cb`)
  await looksLikeOurs(t, page, 'path-refused')
})

t.test('the page while the provider is down', needsChromium(), async (t) => {
  const provider = await startOpenIdProvider(t)
  const port = await freePort()
  const origin = `http://localhost:${port}`
  provider.registerGateway(origin)
  await provider.stop()
  await startGateway(t, {
    publicUrl: origin,
    listen: { host: '127.0.0.1', port },
    provider: providerSection(provider),
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:9' }],
  })
  const page = await (await openChromium(t)).newPage()
  watchConsole(t, page)
  await page.goto(`${origin}/account`)
  await looksLikeOurs(t, page, 'provider-down')
  await provider.restart()
  for (let attempt = 0; attempt < 40 && page.url().startsWith(origin); attempt++) {
    await page.locator('.way.first').click()
    await page.waitForLoadState()
  }
  t.ok(page.url().startsWith(provider.issuer), 'trying again leads on, without a restart')
})

t.test('SE-7 the pages of a session that is over', needsChromium(), async (t) => {
  const { origin, page, context } = await browserWorld(t, {
    routes: [{ path: '/only/*', upstream: 'http://127.0.0.1:9', unauthenticated: 'reject' }],
  })
  watchConsole(t, page)
  await page.goto(`${origin}/only/x`)
  await looksLikeOurs(t, page, 'please-sign-in')
  await signInByClick(page, `${origin}/account`)
  const copied = await context.cookies(origin)
  await page.click('#sign-out')
  await page.waitForURL(/session\/end/)
  await context.addCookies(copied)
  await page.goto(`${origin}/only/x`)
  await looksLikeOurs(t, page, 'session-ended')
})
