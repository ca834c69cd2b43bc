import { randomBytes } from 'node:crypto'
import t from 'tap'
import { needsChromium, openChromium } from '../support/chromium.ts'
import { needsFront, startFront } from '../support/front-proxies.ts'
import { freePort, providerSection, startGateway } from '../support/gateway.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { serve, signInByClick } from './browser-world.ts'

t.test(
  'FW-10 nginx asks, a person clicks: sign-in, a call from the page, sign-out',
  { ...needsFront('nginx'), ...needsChromium() },
  async (t) => {
    const provider = await startOpenIdProvider(t)
    const paths: string[] = []
    const application = await serve(t, (request, response) => {
      paths.push(`${request.method} ${request.url} ${String(request.headers['x-user'])}`)
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(`<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,">
<h1 id="who">${String(request.headers['x-user'])}</h1>
<form method="post" action="/oauth2/logout"><button id="out">Sign out</button></form></html>`)
    })
    const [port, key] = [await freePort(), randomBytes(32).toString('hex')]
    const origin = `http://localhost:${port}`
    const gateway = await startGateway(t, {
      publicUrl: origin,
      provider: providerSection(provider),
      listen: { trustedProxies: ['127.0.0.1/32'] },
      forwardAuth: { key },
      routes: [{ path: '/*', upstream: 'none', headers: { set: { 'X-User': '${claims.sub}' } } }],
    })
    provider.registerGateway(origin)
    await gateway.line(({ event }) => event === 'provider_ready')
    const upstreamPort = Number(new URL(application).port)
    await startFront(t, 'nginx', { port, gatewayPort: gateway.port, upstreamPort, key })
    const context = await openChromium(t)
    const page = context.pages()[0] ?? (await context.newPage())

    await signInByClick(page, `${origin}/orders?of=today`)
    t.equal(page.url(), `${origin}/orders?of=today`)
    t.equal(await page.textContent('#who'), 'alice')
    t.same(paths, ['GET /orders?of=today alice'], 'nothing came through before the login')
    const status = (path: string) => page.evaluate(`fetch('${path}').then(({ status }) => status)`)
    t.equal(await status('/api/x'), 200)
    t.equal(await status('/oauth2/verify'), 404, 'nobody asks through the proxy')

    await page.click('#out')
    await page.waitForURL(({ hostname }) => hostname === '127.0.0.1') // at the provider, which asks too
    const count = paths.length
    await page.goto(`${origin}/orders`)
    t.equal(new URL(page.url()).origin, provider.issuer, 'the session has ended')
    t.equal(paths.length, count)
  },
)
