import type { Test } from 'tap'
import { createBrowser, type Browser } from './browser-jar.ts'
import { startGateway, type GatewayPlan, type InProcessGateway } from './gateway.ts'
import { startScriptedProvider, type Script, type ScriptedProvider } from './scripted-provider.ts'

export interface ScriptedJourney {
  readonly scripted: ScriptedProvider
  readonly gateway: InProcessGateway
  /** A browser that has been to `path` and is signed in. */
  signedIn(path: string): Promise<Browser>
  newBrowser(): Browser
}

/** A gateway in front of these routes, and a provider that answers as told. */
export async function startScriptedJourney(
  t: Test,
  routes: readonly object[],
  {
    script = {},
    provider = {},
    plan = {},
  }: {
    readonly script?: Script
    readonly provider?: GatewayPlan
    readonly plan?: GatewayPlan
  } = {},
): Promise<ScriptedJourney> {
  const scripted = await startScriptedProvider(t, { script })
  const gateway = await startGateway(t, {
    provider: {
      issuer: scripted.issuer,
      clientId: scripted.clientId,
      clientSecret: scripted.clientSecret,
      allowInsecureHttp: true,
      ...provider,
    },
    routes,
    ...plan,
  })
  await gateway.line(({ event }) => event === 'provider_ready')
  const newBrowser = () => {
    const browser = createBrowser()
    t.teardown(() => browser.close())
    return browser
  }
  return {
    scripted,
    gateway,
    newBrowser,
    signedIn: async (path) => {
      const browser = newBrowser()
      await browser.followAll(await browser.navigate(gateway.origin + path))
      return browser
    },
  }
}
