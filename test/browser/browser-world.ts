import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { listen } from '../../src/server/listen.ts'
import { openChromium } from '../support/chromium.ts'
import { freePort, providerSection, startGateway, type GatewayPlan } from '../support/gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import {
  startOpenIdProvider,
  type OpenIdProvider,
  type OpenIdProviderOptions,
} from '../support/openid-provider.ts'

/** A request as the application behind the gateway saw it. */
export interface Hit {
  readonly method: string
  readonly target: string
  readonly authorization: string | undefined
}

export interface WorldOptions {
  readonly provider?: OpenIdProviderOptions
  /** A second provider: then they are `staff` and `partners`, and every route says which it takes. */
  readonly partners?: OpenIdProvider
  /** Keys of the gateway's configuration on top of the usual ones. */
  readonly gateway?: GatewayPlan
  readonly routes?: readonly object[]
  /** All routes, instead of the usual ones. */
  readonly routesOnly?: (application: string) => readonly object[]
  /** Further routes, to the usual application. */
  readonly routesTo?: (application: string) => readonly object[]
  readonly chromium?: BrowserContextOptions
  readonly prefs?: (origin: string) => object
  /** The gateway is `https://app.gateway.test:…`, behind something that ends TLS. */
  readonly https?: boolean
}

/** What the browser takes for this machine; a site of its own, with sibling hosts. */
const PUBLIC_HOST = 'app.gateway.test'

/**
 * A browser in front of a gateway in front of an application. The gateway is `http://localhost:…`,
 * the provider and strangers are `http://127.0.0.1:…`: different sites to a browser.
 */
export async function browserWorld(t: Test, options: WorldOptions = {}) {
  const provider = await startOpenIdProvider(t, {
    backchannelLogout: options.https !== true, // the provider's own calls do not trust our certificate
    ...options.provider,
  })
  const port = await freePort()
  const origin = options.https ? await endTls(t, port) : `http://localhost:${port}`
  provider.registerGateway(origin)
  options.partners?.registerGateway(origin)
  const hits: Hit[] = []
  const application = await serve(t, (request, response) => {
    hits.push(hitOf(request))
    answer(request, response)
  })
  const gateway = await startGateway(t, {
    publicUrl: origin,
    listen: { host: '127.0.0.1', port },
    ...providersPlan(provider, options.partners),
    routes: options.routesOnly?.(application) ?? [
      { path: '/public/*', upstream: application, access: 'public' },
      { path: '/*', upstream: application },
      ...(options.routes ?? []),
      ...(options.routesTo?.(application) ?? []),
    ],
    ...options.gateway,
  })
  const chromium = { ignoreHTTPSErrors: true, ...options.chromium }
  const context = await openChromium(t, chromium, options.prefs?.(origin))
  const page = context.pages()[0] ?? (await context.newPage())
  return { provider, gateway, origin, application, hits, context, page }
}

function providersPlan(
  provider: OpenIdProvider,
  partners: OpenIdProvider | undefined,
): GatewayPlan {
  if (partners === undefined) return { provider: providerSection(provider) }
  const staff = providerSection(provider, { title: 'Staff account' })
  return { providers: { staff, partners: providerSection(partners, { title: 'Partner account' }) } }
}

/** Opens a page of the gateway and signs in with real clicks at the provider. */
export async function signInByClick(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await clickThroughProvider(page)
}

/** The clicks at the provider's pages, until the browser is back. */
export async function clickThroughProvider(page: Page, username = 'alice'): Promise<void> {
  await page.fill('[name=username]', username)
  await page.click('[data-provider-form=login] button')
  const consent = '[data-provider-form=consent] button'
  await page.waitForSelector(`${consent}, body:not(:has([data-provider-form]))`)
  // Consent is asked for once, however many tabs sign in.
  if ((await page.locator(consent).count()) > 0) await page.click(consent)
  await page.waitForURL(({ hostname }) => hostname !== '127.0.0.1')
}

/** The back button, as far as there is something to go back to. */
export async function goBack(page: Page): Promise<void> {
  // Not page.goBack: it waits for a load event, which a page kept in memory does not fire.
  const here = page.url()
  await page.evaluate('history.back()').catch(() => undefined) // the answer may be lost to the navigation
  const elsewhere = (url: URL) => url.href !== here
  await page.waitForURL(elsewhere, { waitUntil: 'commit', timeout: 2_000 }).catch(() => undefined)
}

/** The cookies a browser keeps for the gateway, by name. */
export async function cookiesOf(context: BrowserContext, origin: string) {
  const cookies = await context.cookies(origin)
  return new Map(cookies.map((cookie) => [cookie.name, cookie]))
}

/** A page of somebody else: another site than the gateway. */
export async function strangersPage(t: Test, html: string): Promise<string> {
  const body = `<!doctype html><html lang="en"><title>stranger</title>${html}</html>`
  return serve(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body)
  })
}

/** The address of something that ends TLS in front of a port, as load balancers do. */
export async function endTls(t: Test, port: number, host = PUBLIC_HOST): Promise<string> {
  const sockets = new Set<Socket>()
  const own = { cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY }
  const server = createTlsServer(own, (outside) => {
    const inside = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => sockets.delete(from))
      from.pipe(to)
    }
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `https://${host}:${(server.address() as AddressInfo).port}`
}

/** Serves on a free loopback port until the test ends. */
export async function serve(
  t: Test,
  answerRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answerRequest)
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return listen(server, '127.0.0.1', 0)
}

function hitOf({ method, url, headers }: IncomingMessage): Hit {
  return { method: method ?? '', target: url ?? '', authorization: headers.authorization }
}

/** HTML for pages, an event stream under /events, JSON otherwise: an application without sign-in code. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const subject = subjectOf(request.headers.authorization)
  const path = request.url ?? '/'
  if (path.startsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hello\n\n')
  } else if (path.includes('/api/')) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ subject, target: path }))
  } else {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(
      `<!doctype html><html lang="en"><title>application</title><link rel="icon" href="data:,">
<h1 id="secret">the secret of ${subject}</h1><p id="target"></p>
<form method="post" action="/oauth2/logout"><button id="sign-out">Sign out</button></form>
<a id="next" href="/next">next</a></html>`,
    )
  }
}

function subjectOf(authorization: string | undefined): string {
  const claims = /^Bearer [^.]+\.([^.]+)\./.exec(authorization ?? '')?.[1]
  if (claims === undefined) return 'nobody'
  const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub?: string }
  return sub ?? 'nobody'
}
