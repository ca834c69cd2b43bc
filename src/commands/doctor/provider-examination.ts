import type { GatewayConfig, ProviderConfig } from '../../config/gateway-config.ts'
import { createProviders, type ProviderParts } from '../../gateway-providers.ts'
import { createBoundedFetch, type BoundedFetch } from '../../oidc/bounded-fetch.ts'
import type { ProviderConnection } from '../../oidc/provider-connection.ts'
import type { Provider } from '../../oidc/provider.ts'
import { evidence } from '../../telemetry/evidence.ts'
import { examineClient } from './client-examination.ts'
import {
  failure,
  ok,
  skipped,
  warning,
  type Examination,
  type Finding,
  type Tell,
} from './finding.ts'
import { logoutNotices } from '../logout-notices.ts'
import { discoveryFailure } from './provider-failure.ts'
import { offerFindings, signsIn, type ProviderNeeds } from './provider-offer.ts'
import { examineLogoutRedirect, examineRedirect } from './redirect-examination.ts'

/** Below the time there is for all: a provider that is silent is to be told as that. */
const ANSWER_WITHIN_MS = 8_000

/** Reads metadata and keys of a provider as the gateway does, and tries the client there without any user. */
export function providerExamination(config: ProviderConfig, all: GatewayConfig): Examination {
  const { name, issuer } = config
  return {
    subject: `provider ${name === '' ? issuer : `${name}: ${issuer}`}`,
    async examine(tell) {
      const { parts, outcome } = search(config, all, tell)
      const http = createBoundedFetch(config)
      try {
        const cause = await outcome
        const connection = parts.provider.current()
        if (connection === undefined) return tell(discoveryFailure(cause, config))
        const needs = { provider: config, logout: all.logout, routes: all.routes }
        for (const finding of known(connection, needs)) tell(finding)
        const logins = signsIn(needs)
          ? examineLogins(parts.provider, config, http.fetch, tell)
          : undefined
        if (logins === undefined) tell(NO_LOGINS)
        await Promise.all([logins, examineIntrospection(parts, config, all).then(each(tell))])
        if (logins !== undefined) tell(logoutUris(all))
      } finally {
        await Promise.all([parts.provider.close(), http.close()])
      }
    },
  }
}

interface Search {
  readonly parts: ProviderParts
  /** Why the first attempt to read metadata and keys failed; `undefined` when it did not. */
  readonly outcome: Promise<unknown>
}

function search(config: ProviderConfig, { routes }: GatewayConfig, tell: Tell): Search {
  let settle: (cause: unknown) => void = () => undefined
  const outcome = new Promise<unknown>((resolve) => (settle = resolve))
  // With no tolerance, a clock is told of from 5 s on: a running gateway bears more before it says so.
  const providers = [
    { ...config, clockToleranceMs: 0, timeoutMs: Math.min(config.timeoutMs, ANSWER_WITHIN_MS) },
  ]
  const [parts] = createProviders(
    { providers, routes },
    {
      cooldownMs: 0,
      nowMs: Date.now,
      emit(event) {
        if (event.type === 'provider_ready') settle(undefined)
        if (event.type === 'provider_unavailable') settle(event.cause)
        if (event.type === 'warning' && event.code === 'clock_skew')
          tell(warning('clock', event.message, 'keep this machine and the provider on NTP'))
      },
    },
  )
  return { parts: parts!, outcome }
}

function each(tell: Tell): (findings: readonly Finding[]) => void {
  return (findings) => findings.forEach(tell)
}

function known({ metadata, keys }: ProviderConnection, needs: ProviderNeeds): Finding[] {
  const usable = keys.known().filter(({ use }) => use !== 'enc')
  const kinds = [...new Set(usable.map(({ kty, crv, alg }) => alg ?? crv ?? kty))].join(', ')
  return [
    ok('discovery', `it calls itself ${metadata.issuer}, as configured`),
    usable.length > 0
      ? ok(
          'keys',
          `${usable.length} signing ${usable.length === 1 ? 'key' : 'keys'} at ${keys.url} (${kinds})`,
        )
      : failure(
          'keys',
          `there is no key for signatures at ${keys.url}`,
          'give the provider a signing key: no token can be checked',
        ),
    ...offerFindings(metadata, needs),
  ]
}

const NO_LOGINS = skipped(
  'client',
  'no route takes sessions of this provider: client and redirect URI are not tried',
)

async function examineLogins(
  provider: Provider,
  config: ProviderConfig,
  fetch: BoundedFetch,
  tell: Tell,
): Promise<void> {
  await Promise.all([
    examineClient(provider, config).then(tell),
    examineRedirect(provider, config, fetch).then(tell),
    examineLogoutRedirect(provider, config, fetch).then(each(tell)),
  ])
}

function logoutUris(all: GatewayConfig): Finding {
  const { backchannel, frontchannel } = logoutNotices(all)
  const uris = `${backchannel} (back channel), ${frontchannel} (front channel)`
  return skipped('logout_uris', `whether these are registered cannot be seen from here: ${uris}`)
}

/** Asks about a token that is none, where callers' tokens are to be asked about (RFC 7662). */
async function examineIntrospection(
  { bearerTokens, provider }: ProviderParts,
  { name }: ProviderConfig,
  { routes }: GatewayConfig,
): Promise<Finding[]> {
  const route = routes.find(
    ({ credentials: { bearer }, providers }) =>
      providers.includes(name) && bearer !== undefined && bearer.check !== 'keys',
  )
  if (route?.credentials.bearer === undefined) return []
  const { bearer } = route.credentials
  const { introspection_endpoint: endpoint } = provider.current()?.metadata.endpoints ?? {}
  if (endpoint === undefined && bearer.check === 'auto')
    return [
      skipped(
        'introspection',
        `there is no introspection_endpoint: ${route.id} takes signed tokens only`,
      ),
    ]
  try {
    await bearerTokens.check('bearergate-doctor', { ...bearer, check: 'introspection' })
    return [ok('introspection', 'the provider answers questions about tokens')]
  } catch (cause) {
    const words = evidence(cause).map(({ message, error, name: kind }) => error ?? message ?? kind)
    return [
      failure(
        'introspection',
        `${route.id} needs introspection, and it fails: ${words.join(': ')}`,
        'allow introspection for this client at the provider, or check tokens by keys (bearer.check)',
      ),
    ]
  }
}
