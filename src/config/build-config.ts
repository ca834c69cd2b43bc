import { buildRedis } from './build-redis.ts'
import { buildRoute, withUniqueIds, type RouteDefaults } from './build-route.ts'
import { isLoopback } from './formats/web-address.ts'
import type { GatewayConfig, ListenConfig, LogoutConfig, ProviderConfig, SessionConfig } from './gateway-config.ts'
import type { LoadedTree } from './schema/config-schema.ts'

/** The configuration under the names of the house, from a tree without problems. */
export function buildConfig(tree: LoadedTree): GatewayConfig {
  return {
    publicUrl: tree.publicUrl,
    listen: buildListen(tree),
    admin: { host: tree.admin.host, port: tree.admin.port },
    provider: buildProvider(tree),
    session: buildSession(tree),
    logout: buildLogout(tree),
    loginLimit: buildLoginLimit(tree),
    ...(tree.forwardAuth === undefined ? {} : { forwardAuth: { key: tree.forwardAuth.key } }),
    ...(tree.identity === undefined ? {} : { identity: buildIdentity(tree, tree.identity) }),
    routes: withUniqueIds(tree.routes.map((route) => buildRoute(route, routeDefaults(tree)))),
    workers: tree.workers,
    logging: { level: tree.logging.level },
    shutdown: { delayMs: tree.shutdown.delay, timeoutMs: tree.shutdown.timeout },
  }
}

function buildIdentity(
  { publicUrl }: LoadedTree,
  { keys, issuer, lifetime }: NonNullable<LoadedTree['identity']>,
): NonNullable<GatewayConfig['identity']> {
  return { keys, issuer: issuer ?? publicUrl.origin, lifetimeMs: lifetime }
}

function buildLoginLimit({ loginLimit }: LoadedTree): GatewayConfig['loginLimit'] {
  const { perAddress, total, window } = loginLimit
  return { perAddress, total, windowMs: window }
}

function routeDefaults({ publicUrl, provider }: LoadedTree): RouteDefaults {
  const { audience, resource } = provider
  const named = audience === undefined ? [] : [audience]
  return { websocketOrigin: publicUrl.origin, resource, audience: [...named, ...resource] }
}

function buildListen({ listen }: LoadedTree): ListenConfig {
  const { host, port, trustedProxies, tls } = listen
  return { host, port, trustedProxies, ...(tls === undefined ? {} : { tls }) }
}

function buildProvider(tree: LoadedTree): ProviderConfig {
  const { provider, publicUrl } = tree
  const { discoveryUrl, clientSecret, audience, maxAge } = provider
  const { certificateAuthority } = provider.tls
  const fallback = clientSecret === undefined ? 'none' : 'client_secret_basic'
  return {
    issuer: provider.issuer,
    ...(discoveryUrl === undefined ? {} : { discoveryUrl }),
    endpoints: { ...provider.endpoints },
    clientId: provider.clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    clientAuthentication: provider.clientAuthentication ?? fallback,
    scope: provider.scope.join(' '),
    ...(audience === undefined ? {} : { audience }),
    resource: provider.resource,
    routeResources: routeResources(tree),
    authorizationParameters: provider.authorizationParameters,
    loginParameters: provider.loginParameters.filter(
      (name) => !Object.hasOwn(provider.authorizationParameters, name),
    ),
    redirectUri: `${publicUrl.origin}/oauth2/callback`,
    postLogoutRedirectUri: `${publicUrl.origin}/oauth2/logout/callback`,
    allowInsecureHttp: provider.allowInsecureHttp || isLoopbackHttp(provider.issuer),
    allowedOrigins: provider.allowedOrigins,
    idTokenSigningAlgorithms: provider.idToken.algorithms,
    clockToleranceMs: provider.idToken.clockTolerance,
    trustedAudiences: provider.idToken.trustedAudiences,
    organizations: provider.organizations,
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge / 1_000 }),
    acrValues: provider.acrValues,
    userinfo: provider.userinfo,
    timeoutMs: provider.timeout,
    defaultAccessTokenLifetimeMs: provider.accessTokenLifetime,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
  }
}

/** What routes will refresh for must be asked for at login (RFC 8707 §2.2). */
function routeResources({ provider, routes }: LoadedTree): string[] {
  const named = routes.flatMap(({ token: { via, resource } }) =>
    via === 'refresh' && resource !== undefined ? [resource] : [],
  )
  return [...new Set(named)].filter((one) => !provider.resource.includes(one))
}

/** Plain HTTP that stays inside the machine needs no switch; endpoints elsewhere are still refused by their origin. */
function isLoopbackHttp(issuer: string): boolean {
  const url = new URL(issuer)
  return url.protocol === 'http:' && isLoopback(url)
}

function buildSession({ session }: LoadedTree): SessionConfig {
  return {
    secrets: session.secrets,
    store: session.store,
    ...(session.store === 'file' && session.file !== undefined
      ? { file: { path: session.file.path, maxBytes: session.file.maxSize } }
      : {}),
    ...(session.store === 'redis' && session.redis !== undefined
      ? { redis: buildRedis(session.redis) }
      : {}),
    idleTimeoutMs: session.idleTimeout,
    lifetimeMs: session.lifetime,
    maxSessions: session.maxSessions,
    ...(session.maxPerSubject === undefined ? {} : { maxPerSubject: session.maxPerSubject }),
    cookie: { sameSite: session.cookie.sameSite },
    claims: session.claims,
  }
}

function buildLogout({ logout }: LoadedTree): LogoutConfig {
  const { revoke, clearSiteData, postLogoutRedirect, providerLogoutUrl, requireTokenType } = logout
  return {
    revoke,
    ...(postLogoutRedirect === undefined ? {} : { postLogoutRedirect }),
    clearSiteData,
    ...(providerLogoutUrl === undefined ? {} : { providerLogoutUrl }),
    requireTokenType,
  }
}
