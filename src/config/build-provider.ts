import { isLoopback } from './formats/web-address.ts'
import type { ClientKey } from '../oidc/private-key-jwt.ts'
import type { ClientAuthenticationMethod } from '../oidc/provider-options.ts'
import type { ProviderConfig } from './gateway-config.ts'
import { providersOfRoute } from './providers-of-route.ts'
import type { LoadedTree } from './schema/config-schema.ts'

type ProviderKeys = NonNullable<LoadedTree['provider']> &
  Partial<NonNullable<LoadedTree['providers']>[string]>

/** A provider as written; '' is the name of one that stands alone under `provider`. */
export interface NamedProvider {
  readonly name: string
  readonly keys: ProviderKeys
}

/** All providers, in the order of the file. */
export function namedProviders({ provider, providers = {} }: LoadedTree): readonly NamedProvider[] {
  if (provider !== undefined) return [{ name: '', keys: provider }]
  return Object.entries(providers).map(([name, keys]) => ({ name, keys }))
}

/** All providers under the names of the house. */
export function buildProviders(tree: LoadedTree): readonly ProviderConfig[] {
  const providers = namedProviders(tree)
  const sharing = providers.filter(({ keys }) => keys.ownCallback !== true).length
  return providers.map((provider) => buildProvider(tree, provider, sharing > 1))
}

function buildProvider(
  tree: LoadedTree,
  { name, keys }: NamedProvider,
  isCallbackShared: boolean,
): ProviderConfig {
  const { origin } = tree.publicUrl
  const { discoveryUrl, clientSecret, clientKey, audience, maxAge, ownCallback = false } = keys
  const { certificateAuthority, certificate, key } = keys.tls
  return {
    name,
    title: keys.title ?? name,
    issuer: keys.issuer,
    ...(discoveryUrl === undefined ? {} : { discoveryUrl }),
    endpoints: { ...keys.endpoints },
    clientId: keys.clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(clientKey === undefined ? {} : { clientKey: clientKeyOf(clientKey) }),
    clientAuthentication: keys.clientAuthentication ?? defaultAuthentication(keys),
    scope: keys.scope.join(' '),
    ...(audience === undefined ? {} : { audience }),
    resource: keys.resource,
    routeResources: routeResources(tree, { name, keys }),
    authorizationParameters: keys.authorizationParameters,
    loginParameters: keys.loginParameters.filter(
      (parameter) => !Object.hasOwn(keys.authorizationParameters, parameter),
    ),
    pushedAuthorizationRequests: keys.pushedAuthorizationRequests,
    signedAuthorizationRequests: keys.signedAuthorizationRequests,
    redirectUri: `${origin}/oauth2/callback${ownCallback ? `/${name}` : ''}`,
    sharesCallback: isCallbackShared && !ownCallback,
    postLogoutRedirectUri: `${origin}/oauth2/logout/callback`,
    allowInsecureHttp: keys.allowInsecureHttp || isLoopbackHttp(keys.issuer),
    allowedOrigins: keys.allowedOrigins,
    idTokenSigningAlgorithms: keys.idToken.algorithms,
    clockToleranceMs: keys.idToken.clockTolerance,
    trustedAudiences: keys.idToken.trustedAudiences,
    organizations: keys.organizations,
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge / 1_000 }),
    acrValues: keys.acrValues,
    userinfo: keys.userinfo,
    timeoutMs: keys.timeout,
    defaultAccessTokenLifetimeMs: keys.accessTokenLifetime,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { clientCertificate: { certificate, key } }),
  }
}

function defaultAuthentication({
  clientSecret,
  clientKey,
  tls,
}: ProviderKeys): ClientAuthenticationMethod {
  if (clientSecret !== undefined) return 'client_secret_basic'
  if (clientKey !== undefined) return 'private_key_jwt'
  return tls.certificate === undefined ? 'none' : 'tls_client_auth'
}

function clientKeyOf({ key, keyId, audience }: NonNullable<ProviderKeys['clientKey']>): ClientKey {
  return { key, audience, ...(keyId === undefined ? {} : { keyId }) }
}

/** What routes will refresh for must be asked for at login (RFC 8707 §2.2). */
function routeResources(tree: LoadedTree, { name, keys }: NamedProvider): string[] {
  const names = namedProviders(tree).map((provider) => provider.name)
  const named = tree.routes.flatMap(({ provider, token: { via, resource } }) => {
    const isAsked = via === 'refresh' && providersOfRoute(provider, names).includes(name)
    return isAsked && resource !== undefined ? [resource] : []
  })
  return [...new Set(named)].filter((one) => !keys.resource.includes(one))
}

/** Plain HTTP that stays inside the machine needs no switch; endpoints elsewhere are still refused by their origin. */
function isLoopbackHttp(issuer: string): boolean {
  const url = new URL(issuer)
  return url.protocol === 'http:' && isLoopback(url)
}
