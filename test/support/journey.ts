import type { Test } from 'tap'
import { createBrowser, type Browser, type Page } from './browser-jar.ts'
import {
  providerSection,
  startGateway,
  type GatewayPlan,
  type InProcessGateway,
} from './gateway.ts'
import {
  signIn,
  startOpenIdProvider,
  type OpenIdProvider,
  type OpenIdProviderOptions,
} from './openid-provider.ts'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'

export interface Journey {
  readonly provider: OpenIdProvider
  readonly upstream: RecordingUpstream
  readonly gateway: InProcessGateway
  /** A fresh browser: no cookies, closed at the end of the test. */
  newBrowser(): Browser
  /** A fresh browser after a login as `username`, on the page it asked for. */
  signedIn(username?: string): Promise<{ readonly browser: Browser; readonly page: Page }>
  /** The access tokens the upstream received, in order. */
  bearerTokens(): string[]
}

export interface JourneyOptions {
  readonly provider?: OpenIdProviderOptions
  readonly providerSection?: GatewayPlan
  /** Further top-level keys of the configuration. */
  readonly plan?: GatewayPlan
}

/** A real provider, a recording upstream and a gateway in between: `/api/*` protected, `/open/*` public. */
export async function startJourney(t: Test, options: JourneyOptions = {}): Promise<Journey> {
  const provider = await startOpenIdProvider(t, options.provider)
  const upstream = await startRecordingUpstream(t)
  const gateway = await startGateway(t, {
    provider: providerSection(provider, options.providerSection),
    routes: [
      { path: '/api/*', upstream: upstream.origin },
      { path: '/open/*', upstream: upstream.origin, access: 'public' },
    ],
    ...options.plan,
  })
  provider.registerGateway(gateway.origin)
  const newBrowser = () => {
    const browser = createBrowser()
    t.teardown(() => browser.close())
    return browser
  }
  return {
    provider,
    upstream,
    gateway,
    newBrowser,
    signedIn: async (username = 'alice') => {
      await gateway.line(({ event }) => event === 'provider_ready')
      const browser = newBrowser()
      const page = await signIn(browser, `${gateway.origin}/api/hello`, username)
      return { browser, page }
    },
    bearerTokens: () =>
      upstream.requests.flatMap((request) =>
        request.values('authorization').map((value) => value.replace(/^Bearer /, '')),
      ),
  }
}
