import { buildProviders, namedProviders, type NamedProvider } from './build-provider.ts'
import { buildRedis } from './build-redis.ts'
import { buildRoute, withUniqueIds, type RouteDefaults } from './build-route.ts'
import type { GatewayConfig, ListenConfig, LogoutConfig, SessionConfig } from './gateway-config.ts'
import type { LoadedTree } from './schema/config-schema.ts'

/** The configuration under the names of the house, from a tree without problems. */
export function buildConfig(tree: LoadedTree): GatewayConfig {
  const defaults = routeDefaults(tree, namedProviders(tree))
  return {
    publicUrl: tree.publicUrl,
    listen: buildListen(tree),
    admin: { host: tree.admin.host, port: tree.admin.port },
    providers: buildProviders(tree),
    session: buildSession(tree),
    logout: buildLogout(tree),
    loginLimit: buildLoginLimit(tree),
    ...(tree.forwardAuth === undefined ? {} : { forwardAuth: { key: tree.forwardAuth.key } }),
    ...(tree.identity === undefined ? {} : { identity: buildIdentity(tree, tree.identity) }),
    routes: withUniqueIds(tree.routes.map((route) => buildRoute(route, defaults))),
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

function routeDefaults(
  { publicUrl }: LoadedTree,
  providers: readonly NamedProvider[],
): RouteDefaults {
  const names = providers.map(({ name }) => name)
  return {
    websocketOrigin: publicUrl.origin,
    names,
    ofProvider: (name) => tokenDefaults(providers, name),
  }
}

/** Of several, all have the same where a route needs it: the rules see to that. */
function tokenDefaults(providers: readonly NamedProvider[], wanted: string | undefined) {
  const { audience, resource = [] } = providers.find(({ name }) => name === wanted)?.keys ?? {}
  const named = audience === undefined ? [] : [audience]
  return { resource, audience: [...named, ...resource] }
}

function buildListen({ listen }: LoadedTree): ListenConfig {
  const { host, port, trustedProxies, tls } = listen
  return { host, port, trustedProxies, ...(tls === undefined ? {} : { tls }) }
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
