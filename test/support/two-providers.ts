import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import { createBrowser, type Browser } from './browser-jar.ts'
import {
  providerSection,
  startGateway,
  type GatewayPlan,
  type InProcessGateway,
} from './gateway.ts'
import {
  startOpenIdProvider,
  type OpenIdProvider,
  type OpenIdProviderOptions,
} from './openid-provider.ts'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'

export interface TwoProviders {
  readonly staff: OpenIdProvider
  readonly partners: OpenIdProvider
  readonly gateway: InProcessGateway
  readonly upstream: RecordingUpstream
  newBrowser(): Browser
  /** Who the upstream was told of, in order: `name@issuer`. */
  people(): string[]
}

export interface TwoProvidersOptions {
  /** Further keys of `providers.partners`. */
  readonly partners?: GatewayPlan
  readonly partnersOptions?: OpenIdProviderOptions
  readonly staff?: GatewayPlan
  /** Told of it before the gateway starts. */
  readonly staffFirst?: (staff: OpenIdProvider) => unknown
  readonly routesTo?: (upstream: string) => readonly object[]
  readonly plan?: GatewayPlan
  readonly answer?: Parameters<typeof startRecordingUpstream>[1]
}

/**
 * Two real providers with the same users, and routes for one, the other, and either:
 * `/staff/*`, `/partners/*`, `/both/*`, `/open/*`.
 */
export async function startTwoProviders(
  t: Test,
  options: TwoProvidersOptions = {},
): Promise<TwoProviders> {
  const callbackPaths = ['/oauth2/callback', '/oauth2/callback/staff', '/oauth2/callback/partners']
  const staff = await startOpenIdProvider(t, { callbackPaths })
  const partners = await startOpenIdProvider(t, { callbackPaths, ...options.partnersOptions })
  options.staffFirst?.(staff)
  const upstream = await startRecordingUpstream(t, options.answer)
  const { origin } = upstream
  const gateway = await startGateway(t, {
    providers: {
      staff: providerSection(staff, { title: 'Staff & friends', ...options.staff }),
      partners: providerSection(partners, options.partners),
    },
    routes: [
      { path: '/staff/*', upstream: origin, provider: 'staff' },
      { path: '/partners/*', upstream: origin, provider: 'partners' },
      { path: '/both/*', upstream: origin, provider: ['staff', 'partners'] },
      { path: '/open/*', upstream: origin, access: 'public' },
      ...(options.routesTo?.(origin) ?? []),
    ],
    ...options.plan,
  })
  staff.registerGateway(gateway.origin)
  partners.registerGateway(gateway.origin)
  for (const { issuer } of [staff, partners])
    await gateway.line((line) => line['event'] === 'provider_ready' && line['issuer'] === issuer)
  return {
    staff,
    partners,
    gateway,
    upstream,
    newBrowser: () => {
      const browser = createBrowser()
      t.teardown(() => browser.close())
      return browser
    },
    people: () =>
      upstream.requests.map((request) => {
        const [token = ''] = request.values('authorization')
        if (token === '') return 'nobody'
        const { sub, iss } = decodeJwt(token.replace('Bearer ', ''))
        return `${sub}@${iss === staff.issuer ? 'staff' : 'partners'}`
      }),
  }
}
