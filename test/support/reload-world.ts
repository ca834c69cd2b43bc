import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createBrowser, type Browser } from './browser-jar.ts'
import {
  providerSection,
  startGatewayProcess,
  type GatewayPlan,
  type GatewayProcess,
} from './gateway.ts'
import { signIn, startOpenIdProvider } from './openid-provider.ts'
import { until } from './redis-servers.ts'
import { startUpstreamOfReloads } from './upstream-of-reloads.ts'

/** A gateway process, a provider, an upstream, and the plan to change. */
export async function startReloadWorld(
  t: Test,
  more: GatewayPlan = {},
  env: Record<string, string> = {},
) {
  const provider = await startOpenIdProvider(t, { accessTokenSeconds: 600 })
  const upstream = await startUpstreamOfReloads(t, 'old')
  const plan = {
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')] },
    ...more,
  }
  const planOf = (...routes: GatewayPlan[]): GatewayPlan => ({ ...plan, routes })
  const api = { path: '/api/*', upstream: upstream.origin, websocket: true }
  const open = { path: '/open/*', upstream: upstream.origin, access: 'public' }
  const gateway = await startGatewayProcess(t, planOf(api, open), { env })
  provider.registerGateway(gateway.origin)
  await until(async () => !(await gateway.ask('/readyz')).body.includes('fail'))
  const change = async (next: GatewayPlan | string, event = 'config_reloaded') => {
    await gateway.rewrite(next)
    const line = await gateway.reload()
    t.equal(line['event'], event, JSON.stringify(line))
    return line
  }
  return { provider, upstream, plan, planOf, api, open, gateway, change }
}

export async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function newBrowser(t: Test): Browser {
  const browser = createBrowser()
  t.teardown(() => browser.close())
  return browser
}

export async function signedIn(t: Test, { origin }: GatewayProcess): Promise<Browser> {
  const browser = newBrowser(t)
  t.equal((await signIn(browser, `${origin}/api/hello`)).status, 200)
  return browser
}

export function cookieOf(browser: Browser, origin: string): string {
  return [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
}
