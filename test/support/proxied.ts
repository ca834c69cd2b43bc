import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import type { GatewayConfig, ProviderConfig } from '../../src/config/gateway-config.ts'
import type { GatewayEvent, RequestFinished } from '../../src/domain/events.ts'
import type { Route } from '../../src/domain/route.ts'
import type { Ticket } from '../../src/domain/session-record.ts'
import { createApp } from '../../src/gateway-app.ts'
import { closeParts, createParts, type GatewayParts } from '../../src/gateway-parts.ts'
import { createOwnCookies } from '../../src/http/own-cookies.ts'
import type { ProviderParts } from '../../src/gateway-providers.ts'
import { continueWhenAdmitted } from '../../src/proxy/expect-continue.ts'
import { websocketUpgrade } from '../../src/proxy/websocket-upgrade.ts'
import { CONNECTION_LIMITS } from '../../src/server/connection-limits.ts'
import { createPublicServer } from '../../src/server/public-server.ts'
import { sampleRoute } from './sample-route.ts'

/** A signed-in user, without any provider having been asked. */
export interface SignedIn {
  /** The Cookie header. */
  readonly cookie: string
  readonly token: string
  readonly ticket: Ticket
}

export interface Proxied {
  readonly port: number
  readonly server: Server
  readonly parts: GatewayParts
  readonly events: readonly GatewayEvent[]
  signIn(
    subject?: string,
    claims?: Readonly<Record<string, unknown>>,
    refreshToken?: string,
    scope?: string,
  ): Promise<SignedIn>
  /** Resolves with the next `request_finished`, or the first not yet asked for. */
  finished(): Promise<RequestFinished>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

export const ISSUER = 'http://127.0.0.1:9'

/** The proxy with its real neighbours (door, guard, sessions, limits), and a provider that is never reached. */
export async function startProxied(
  t: Owner,
  routes: readonly Route[],
  options: {
    readonly config?: Partial<GatewayConfig>
    readonly parts?: Partial<GatewayParts>
    readonly atProvider?: Partial<Pick<ProviderParts, 'bearerTokens' | 'serviceTokens'>>
  } = {},
): Promise<Proxied> {
  const config = { ...testConfig(routes), ...options.config }
  const events: GatewayEvent[] = []
  let wake: () => void = () => undefined
  const record = (event: GatewayEvent): void => {
    events.push(event)
    wake()
  }
  const emit = options.parts?.emit ?? record
  const made = await createParts(config, emit)
  const providers = made.providers.map((one) => ({ ...one, ...options.atProvider }))
  const parts = { ...made, providers, ...options.parts }
  const { app, door, shared, proxyOf } = await createApp(config, parts)
  const { server, connections } = createPublicServer({
    limits: CONNECTION_LIMITS,
    onRequest: (request, response) => app.routing(request, response),
    onUpgrade: (request, socket, head) => upgrade(request, socket, head),
    randomId: () => 'unparsed',
    onClientError: () => undefined,
  })
  server.removeAllListeners('checkContinue')
  server.on(
    'checkContinue',
    continueWhenAdmitted((request, response) => app.routing(request, response)),
  )
  const upgrade = websocketUpgrade({ shared, proxyOf, door, server })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    connections.destroyAll()
    connections.stop()
    server.close()
    await app.close()
    await closeParts(parts)
  })
  let told = 0
  return {
    port: (server.address() as AddressInfo).port,
    server,
    parts,
    events,
    signIn: signingIn(config, parts),
    finished: async () => {
      for (;;) {
        const event = events.filter((event) => event.type === 'request_finished')[told]
        if (event !== undefined) {
          told += 1
          return event
        }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** A route to an upstream that needs no session. */
export function openRoute(path: string, origin: string, overrides: Partial<Route> = {}): Route {
  return sampleRoute(path, { upstream: { origin, basePath: '' }, access: 'public', ...overrides })
}

/** A route to an upstream that needs one. */
export function guardedRoute(path: string, origin: string, overrides: Partial<Route> = {}): Route {
  return openRoute(path, origin, { access: 'required', ...overrides })
}

function signingIn(config: GatewayConfig, parts: GatewayParts): Proxied['signIn'] {
  return async (subject = 'alice', claims = {}, refreshToken, scope) => {
    const token = `token-of-${subject.replace(/[^!-~]/g, '_')}-${randomBytes(4).toString('hex')}`
    const nowMs = Date.now()
    const accessToken = {
      target: '',
      value: token,
      ...(scope === undefined ? {} : { scope }),
      obtainedAtMs: nowMs,
      expiresAtMs: nowMs + 3_600_000,
    }
    const signIn = {
      issuer: ISSUER,
      subject,
      claims: { sub: subject, ...claims },
      accessToken,
      ...(refreshToken === undefined ? {} : { refreshToken }),
    }
    const ticket = await parts.sessions.create(signIn, undefined)
    return { ticket, token, cookie: await cookieOf(config, ticket) }
  }
}

async function cookieOf(config: GatewayConfig, ticket: Ticket): Promise<string> {
  const app = fastify()
  const { secrets, lifetimeMs, cookie } = config.session
  const { publicUrl } = config
  const { sessionCookieOf } = await createOwnCookies(app, {
    publicUrl,
    secrets,
    lifetimeMs,
    ...cookie,
  })
  app.get('/', (_request, reply) => {
    sessionCookieOf('').write(reply, ticket, 3_600)
    return reply.send('')
  })
  const { headers } = await app.inject('/')
  await app.close()
  return String(headers['set-cookie']).split(';', 1)[0] as string
}

function testConfig(routes: readonly Route[]): GatewayConfig {
  return {
    publicUrl: new URL('http://127.0.0.1'),
    listen: { host: '127.0.0.1', port: 0, trustedProxies: [] },
    admin: { host: '127.0.0.1', port: 0 },
    providers: [
      {
        name: '',
        issuer: ISSUER,
        endpoints: {},
        clientId: 'client',
        clientSecret: 'secret',
        clientAuthentication: 'client_secret_basic',
        scope: 'openid',
        resource: [],
        authorizationParameters: {},
        loginParameters: [],
        redirectUri: 'http://127.0.0.1/oauth2/callback',
        postLogoutRedirectUri: 'http://127.0.0.1/oauth2/logout/callback',
        allowInsecureHttp: true,
        allowedOrigins: [],
        idTokenSigningAlgorithms: ['RS256'],
        clockToleranceMs: 0,
        trustedAudiences: [],
        organizations: [],
        acrValues: [],
        userinfo: false,
        timeoutMs: 1_000,
        defaultAccessTokenLifetimeMs: 300_000,
      } as unknown as ProviderConfig,
    ],
    session: {
      secrets: [randomBytes(32)],
      store: 'memory',
      idleTimeoutMs: 1_800_000,
      lifetimeMs: 43_200_000,
      maxSessions: 10_000,
      cookie: { sameSite: 'lax' },
      claims: [],
    },
    logout: { revoke: true, clearSiteData: true, requireTokenType: false },
    loginLimit: { perAddress: 0, total: 0, windowMs: 60_000 },
    routes,
    workers: 1,
    logging: { level: 'info' },
    shutdown: { delayMs: 0, timeoutMs: 1_000 },
  }
}
