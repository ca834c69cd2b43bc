import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { fastify, LogController, type FastifyInstance } from 'fastify'
import type { GatewayConfig } from './config/gateway-config.ts'
import { parseTrustedProxies } from './domain/client-address.ts'
import type { Emit } from './domain/events.ts'
import { buildRouteTable } from './domain/route-table.ts'
import { hasUpstream } from './domain/route.ts'
import { ownEndpoints } from './endpoints/endpoints.ts'
import { createEntries } from './gateway-entries.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { createProxies } from './gateway-proxies.ts'
import { elapsedMs, entranceOf, siteOf, type Entrance } from './http/entrance.ts'
import { createFormSeal } from './http/form-seal.ts'
import { createHostRule } from './http/host-rule.ts'
import { createLoginLimit } from './http/login-limit.ts'
import { createOwnCookies } from './http/own-cookies.ts'
import { answerRefusals } from './http/refusal-plugin.ts'
import { createDoor, FORWARDED_METHODS } from './http/target-door.ts'
import { untrustedProxyWarning } from './http/untrusted-proxy.ts'
import { createFormKeeping } from './proxy/form-keeping.ts'
import type { ProxyOf, SharedContext } from './proxy/proxy-context.ts'
import { proxyPlugin } from './proxy/proxy-plugin.ts'
import { routeGuard } from './proxy/route-guard.ts'
import { verifyEndpoint } from './proxy/verify-endpoint.ts'

/** What the listener hands its requests to. */
export interface GatewayApp {
  readonly app: FastifyInstance
  readonly door: (request: IncomingMessage) => string
  readonly shared: SharedContext
  readonly proxyOf: ProxyOf
}

/** Nothing here has a schema: fastify's compilers for them are 110 files that every start would load. */
const NO_SCHEMAS = { buildValidator: noCompiler, buildSerializer: noCompiler }

function noCompiler(): never {
  throw new Error('routes of the gateway have no schemas')
}

/** The gateway's HTTP application, ready to be handed requests; it never listens (STACK F3). */
export async function createApp(config: GatewayConfig, parts: GatewayParts): Promise<GatewayApp> {
  const { publicUrl, routes } = config
  const { emit } = parts
  const door = createGatewayDoor(config, untrustedProxyWarning(emit))
  const app = fastify({
    rewriteUrl: door,
    genReqId: (request) => entranceOf(request).requestId,
    logController: new LogController({ disableRequestLogging: true }), // telemetry writes the one line
    schemaController: { compilersFactory: NO_SCHEMAS },
    trustProxy: false, // the door reads forwarded headers, of trusted peers only (F1)
  })
  for (const method of FORWARDED_METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
  readNoBodies(app)
  answerRefusals(app, emit)
  tellRequests(app, emit)

  const { secrets, lifetimeMs, cookie } = config.session
  const cookies = await createOwnCookies(app, { publicUrl, secrets, lifetimeMs, ...cookie })
  const loginLimit = await createLoginLimit(app, config.loginLimit)
  const entries = createEntries({ parts, ...cookies, loginLimit })
  const formSeal = createFormSeal(cookies.seal)
  const forms = createFormKeeping({
    formSeal,
    sessionCookies: new Map(entries.map(({ name, sessionCookie }) => [name, sessionCookie])),
    publicUrl,
    formId: () => randomBytes(16).toString('base64url'),
  })
  const pseudonym = viaPseudonym(config)
  const shared: SharedContext = { ...parts, publicUrl, routes, pseudonym, forms }
  const proxyOf = createProxies({ shared, entries, providers: parts.providers })
  await app.register(ownEndpoints, {
    ...parts,
    ...cookies,
    ...config.logout,
    entries,
    formSeal,
    loginLimit,
    publicUrl,
    trustedOrigins: [publicUrl.origin],
    claims: config.session.claims,
    lifetimeMs,
    sameSite: cookie.sameSite,
    stepUpAcrValues: new Set(routes.flatMap(({ require }) => require?.stepUp?.acrValues ?? [])),
  })
  if (config.forwardAuth !== undefined)
    await app.register(verifyEndpoint, { proxyOf, key: config.forwardAuth.key })
  const guards = routes
    .filter((route) => hasUpstream(route))
    .map((route) => [route, routeGuard(proxyOf(route), route)] as const)
  await app.register(proxyPlugin, { guards: new Map(guards) })
  await app.ready()
  return { app, door, shared, proxyOf }
}

/** Where every request is looked at first (DESIGN §1.2). */
export function createGatewayDoor(
  { publicUrl, providers, routes, listen, forwardAuth }: GatewayConfig,
  onUntrustedProxy: (address: string) => void = () => {},
) {
  const callbacks = providers.map(({ redirectUri }) => new URL(redirectUri).pathname)
  const routeHosts = routes.flatMap(({ host }) => (host === undefined ? [] : [host]))
  return createDoor({
    site: siteOf(publicUrl),
    routes: buildRouteTable(routes),
    hosts: createHostRule(publicUrl, routeHosts),
    trustedProxies: parseTrustedProxies(listen.trustedProxies),
    forwardAuth: forwardAuth !== undefined,
    ownCallbacks: new Set(callbacks),
    onUntrustedProxy,
  })
}

/** Our name in Via: the same in every replica, so that a loop through the balancer is seen too (HX-5). */
export function viaPseudonym({ publicUrl, providers }: GatewayConfig): string {
  const clients = providers.map(({ clientId }) => clientId)
  const identity = [publicUrl.origin, ...clients].join(' ')
  return `bearergate-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`
}

/** Refusals must not depend on what a body claims to be. */
function readNoBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/**
 * One event for each answer of our own; a transfer tells its own end. By onSend, because an
 * onResponse hook would hang listeners on every proxied request too.
 */
function tellRequests(app: FastifyInstance, emit: Emit): void {
  app.addHook('onSend', (request, { raw }, _payload, done) => {
    raw.once('close', () => {
      emit(requestFinished(entranceOf(request.raw), raw.writableFinished ? raw.statusCode : 0))
    })
    done()
  })
}

function requestFinished(entrance: Entrance, status: number) {
  const { target, session, reason, cause } = entrance
  return {
    type: 'request_finished',
    requestId: entrance.requestId,
    clientAddress: entrance.clientAddress,
    method: entrance.method,
    path: target?.path ?? '',
    host: entrance.host,
    routeId: entrance.route?.id ?? entrance.endpoint,
    status,
    durationMs: elapsedMs(entrance),
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined ? {} : { cause }),
    ...(session === undefined
      ? {}
      : { subject: session.record.subject, issuer: session.record.issuer }),
    ...(status === 0 ? { clientLeft: true } : {}),
  } as const
}
