import { tokenWish, type RouteToken } from '../domain/route-token.ts'
import { identityRule, type IdentityRule } from '../domain/signed-identity.ts'
import type { Credentials, Route, RouteHeaders } from '../domain/route.ts'
import { buildRequirement } from './build-requirement.ts'
import { claimPath } from './formats/claim-path.ts'
import { providersOfRoute } from './providers-of-route.ts'
import type { LoadedTree } from './schema/config-schema.ts'

type LoadedRoute = LoadedTree['routes'][number]

export interface RouteDefaults {
  /** Where WebSockets come from. */
  readonly websocketOrigin: string
  /** Of all providers. */
  readonly names: readonly string[]
  readonly ofProvider: (name: string | undefined) => TokenDefaults
}

interface TokenDefaults {
  /** The resources named at login. */
  readonly resource: readonly string[]
  /** The API that tokens of callers are for. */
  readonly audience: readonly string[]
}

/** The route as the rooms below know it. */
export function buildRoute(route: LoadedRoute, defaults: RouteDefaults): Route {
  const { host, methods, stripPrefix } = route
  const providers = providersOfRoute(route.provider, defaults.names)
  const loginAt = loginAtOf(providers, defaults.names)
  const ofProvider = defaults.ofProvider(providers[0])
  return {
    id: routeId(route),
    path: route.path,
    ...(host === undefined ? {} : { host }),
    ...(methods === undefined ? {} : { methods }),
    upstream: upstreamOf(route),
    ...(stripPrefix === undefined ? {} : { stripPrefix }),
    access: route.access,
    providers,
    ...(loginAt === undefined ? {} : { loginAt }),
    unauthenticated: route.unauthenticated,
    credentials: credentialsOf(route, ofProvider.audience),
    ...(route.require === undefined ? {} : { require: buildRequirement(route.require) }),
    token: tokenOf(route, ofProvider),
    headers: headersOf(route),
    ...(route.identity === undefined ? {} : { identity: identityOf(route.identity, route) }),
    csrf: route.csrf,
    replayForm: route.replayForm,
    ...(route.cors === undefined ? {} : { cors: corsOf(route.cors) }),
    websocket: websocketOf(route, defaults.websocketOrigin),
    timeouts: {
      connectMs: route.timeouts.connect,
      headersMs: route.timeouts.headers,
      idleMs: route.timeouts.idle,
      totalMs: route.timeouts.total,
    },
    maxBodyBytes: route.maxBody,
    ...(route.maxHeaders === undefined ? {} : { maxHeaderBytes: route.maxHeaders }),
    cacheable: route.cacheable,
    hostHeader: route.hostHeader,
  }
}

/** What login links have to say for a route that does not take all providers. */
function loginAtOf(providers: readonly string[], names: readonly string[]): string | undefined {
  const isSaid = providers.length > 0 && providers.length < names.length
  return isSaid ? providers.join(',') : undefined
}

function credentialsOf(
  { credentials, bearer }: LoadedRoute,
  defaultAudience: readonly string[],
): Credentials {
  const session = credentials.includes('session')
  if (!credentials.includes('bearer')) return { session }
  const { audience = defaultAudience, algorithms, check } = bearer
  return { session, bearer: { audience, algorithms, check } }
}

/** Labels of logs and metrics, made unique: routes that differ in their methods only are told apart by them. */
export function withUniqueIds(routes: readonly Route[]): Route[] {
  return routes.map((route) => {
    const isShared = routes.some((other) => other !== route && other.id === route.id)
    const methods = route.methods?.join(',')
    return isShared && methods !== undefined ? { ...route, id: `${route.id} ${methods}` } : route
  })
}

function routeId({ host = '', path }: LoadedRoute): string {
  return `${host}${path.path}${path.kind === 'prefix' ? '/*' : ''}`
}

function upstreamOf({ upstream, tls, http2 }: LoadedRoute): Route['upstream'] {
  const { certificateAuthority, certificate, key, serverName } = tls
  return {
    ...upstream,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { clientCertificate: { certificate, key } }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(http2 ? { http2 } : {}),
  }
}

function tokenOf(
  { token }: LoadedRoute,
  { resource: [only, ...others] }: TokenDefaults,
): RouteToken {
  const { via, audience, resource, scope } = token
  if (via === 'login' || via === 'none') return { via }
  // A refresh for a scope alone is for the resource of the login.
  const own = via === 'refresh' && audience === undefined && others.length === 0 ? only : undefined
  const named = resource ?? own
  return tokenWish(via, {
    ...(audience === undefined ? {} : { audience }),
    ...(named === undefined ? {} : { resource: named }),
    ...(scope === undefined ? {} : { scope: scope.join(' ') }),
  })
}

function headersOf({ headers }: LoadedRoute): RouteHeaders {
  const set = Object.entries(headers.set).map(([name, parts]) => ({
    name,
    value: parts,
  }))
  const { remove, hide } = headers
  return { set, remove, ...(hide.length === 0 ? {} : { hide }) }
}

function identityOf(
  { header, audience, claims }: NonNullable<LoadedRoute['identity']>,
  { upstream }: LoadedRoute,
): IdentityRule {
  const names = claims.flatMap((name) => claimPath(name) ?? [])
  return identityRule({ header, audience: audience ?? upstream.origin, claims: names })
}

function corsOf({
  origins,
  credentials,
  headers,
  expose,
  maxAge,
}: NonNullable<LoadedRoute['cors']>) {
  return { origins, credentials, headers, expose, maxAgeSeconds: Math.floor(maxAge / 1_000) }
}

function websocketOf({ websocket }: LoadedRoute, origin: string): Route['websocket'] {
  if (websocket === true) return { origins: [origin] }
  return websocket
}
