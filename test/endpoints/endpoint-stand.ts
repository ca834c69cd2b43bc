import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import type { Test } from 'tap'
import { parseTrustedProxies } from '../../src/domain/client-address.ts'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { returnToTarget } from '../../src/domain/return-to.ts'
import { buildRouteTable } from '../../src/domain/route-table.ts'
import { createSessionEngine, type SessionEngine } from '../../src/domain/session-engine.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { afterTimeout } from '../../src/domain/timer.ts'
import { ownEndpoints, type OwnEndpointsOptions } from '../../src/endpoints/endpoints.ts'
import {
  createSessionEventStreams,
  type SessionEventStreams,
  type SessionEventStreamsOptions,
} from '../../src/endpoints/session-event-streams.ts'
import { entranceOf, siteOf } from '../../src/http/entrance.ts'
import { createFormSeal } from '../../src/http/form-seal.ts'
import { createHostRule } from '../../src/http/host-rule.ts'
import { createLoginLimit } from '../../src/http/login-limit.ts'
import { createOwnCookies } from '../../src/http/own-cookies.ts'
import { answerRefusals } from '../../src/http/refusal-plugin.ts'
import type { ProviderEntry } from '../../src/http/provider-entry.ts'
import { refuse } from '../../src/http/refusal.ts'
import { createStartLogin } from '../../src/http/start-login.ts'
import { createStartStepUp } from '../../src/http/start-step-up.ts'
import { ROUTE_URL } from '../../src/http/internal-urls.ts'
import { createDoor } from '../../src/http/target-door.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { vault } from '../../src/session-store/vault.ts'
import { createBrowser, type Browser, type Page } from '../support/browser-jar.ts'
import {
  startScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../support/scripted-provider.ts'
import { routeOf } from '../http/gateway-stand.ts'

export interface EndpointPlan {
  readonly script?: Script
  readonly provider?: Partial<ProviderOptions>
  readonly endpoints?: Partial<OwnEndpointsOptions>
  /** Called for every store operation; may throw. */
  readonly store?: (store: SessionStore) => SessionStore
  readonly nowMs?: () => number
  readonly refreshCooldownMs?: number
  readonly eventStreams?: Partial<SessionEventStreamsOptions>
  /** Starts without waiting for the provider. */
  readonly impatient?: boolean
}

export interface EndpointStand {
  readonly origin: string
  readonly provider: ScriptedProvider
  readonly events: GatewayEvent[]
  readonly sessions: SessionEngine
  readonly store: SessionStore
  readonly eventStreams: SessionEventStreams
  browser(): Browser
  /** Opens a page and goes to the provider and back; answers the callback's answer. */
  signIn(browser: Browser, path?: string): Promise<Page>
  /** Goes to the provider with a login's redirect; answers the callback URL. */
  authorize(login: Page): Promise<string>
}

/** Our endpoints with everything real below them, and one protected page that tells who is signed in. */
export async function createEndpointStand(
  t: Test,
  plan: EndpointPlan = {},
): Promise<EndpointStand> {
  const provider = await startScriptedProvider(t, { script: plan.script ?? {} })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const publicUrl = new URL(`http://127.0.0.1:${port}`)
  const events: GatewayEvent[] = []
  const emit = (event: GatewayEvent): void => void events.push(event)
  const nowMs = plan.nowMs ?? Date.now

  const client = createProvider(providerOptions(provider, publicUrl, plan.provider), emit)
  const memory = createMemorySessionStore({ maxSessions: 1_000, nowMs })
  const store = plan.store?.(memory) ?? memory
  const sessions = createSessionEngine({
    store,
    vault,
    issuers: new Set([provider.issuer]),
    refreshTokenGrant: (record) => refreshTokenGrant(client, record),
    routeTokenGrant: () => Promise.reject(new Error('no route wants a token of its own')),
    idleTimeoutMs: 1_800_000,
    lifetimeMs: 3_600_000,
    refreshCooldownMs: plan.refreshCooldownMs ?? 60_000,
    cacheEntries: 100,
    nowMs,
    randomToken: () => randomBytes(32).toString('base64url'),
    emit,
  })

  const eventStreams = createSessionEventStreams({
    sessions,
    warningMs: 60_000,
    nowMs,
    after: afterTimeout,
    ...plan.eventStreams,
  })
  const routes = [routeOf({})]
  const app = fastify({
    rewriteUrl: createDoor({
      site: siteOf(publicUrl),
      routes: buildRouteTable(routes),
      hosts: createHostRule(publicUrl, []),
      trustedProxies: parseTrustedProxies([]),
    }),
    genReqId: (raw) => entranceOf(raw as never).requestId,
  })
  answerRefusals(app, emit)
  const sameSite = plan.endpoints?.sameSite ?? 'lax'
  const cookies = await createOwnCookies(app, {
    publicUrl,
    secrets: [randomBytes(32)],
    lifetimeMs: 3_600_000,
    sameSite,
  })
  const loginLimit = await createLoginLimit(app, { perAddress: 0, total: 0, windowMs: 60_000 })
  const sessionCookie = cookies.sessionCookieOf('')
  const own = { ...cookies, name: '', provider: client, sessions, sessionCookie, emit, nowMs }
  const startLogin = createStartLogin({ ...own, loginLimit })
  const entry: ProviderEntry = {
    ...own,
    title: 'the provider',
    issuer: provider.issuer,
    startLogin,
    startStepUp: createStartStepUp({ ...own, startLogin }),
    loginParameters: ['login_hint', 'connection', 'organization', 'prompt'],
    callbackPath: '/oauth2/callback',
  }
  await app.register(ownEndpoints, {
    stepUpAcrValues: new Set(['phr']),
    entries: [entry],
    sessions,
    ...cookies,
    formSeal: createFormSeal(cookies.seal),
    loginLimit,
    publicUrl,
    sameSite,
    lifetimeMs: 3_600_000,
    trustedOrigins: [publicUrl.origin],
    claims: ['sub', 'name', 'email'],
    refreshCooldownMs: plan.refreshCooldownMs ?? 60_000,
    revoke: true,
    clearSiteData: true,
    requireTokenType: false,
    eventStreams,
    emit,
    nowMs,
    ...plan.endpoints,
  })
  app.all(ROUTE_URL, async (request, reply) => {
    const ticket = sessionCookie.read(request.headers.cookie)
    const found = ticket && (await sessions.find(ticket))
    if (found !== undefined && 'ticket' in found) return { subject: found.record.subject }
    if (request.headers['sec-fetch-mode'] !== 'navigate')
      return refuse(request, reply, 'no_session')
    const { target = { path: '/', query: '' } } = entranceOf(request.raw)
    return startLogin(request, reply, {
      returnTo: returnToTarget(target),
      attempt: 0,
      parameters: {},
    })
  })
  await app.ready()
  server.on('request', app.routing)

  const browsers: Browser[] = []
  t.teardown(async () => {
    await Promise.all(browsers.map((browser) => browser.close()))
    server.closeAllConnections()
    server.close()
    await app.close()
    await sessions.close()
    await store.close()
    await client.close()
  })
  if (plan.impatient !== true) await client.connection()

  const stand: EndpointStand = {
    origin: publicUrl.origin,
    provider,
    events,
    sessions,
    store,
    eventStreams,
    browser: () => {
      const browser = createBrowser()
      browsers.push(browser)
      return browser
    },
    authorize: async (login) => (await provider.authorize(login.location ?? '')).href,
    signIn: async (browser, path = '/') => {
      const login = await browser.navigate(publicUrl.origin + path)
      return browser.navigate(await stand.authorize(login), { site: 'cross-site' })
    },
  }
  return stand
}

/** The reason in a problem document. */
export function reasonOf(page: Page): unknown {
  return page.json().reason
}

export function eventTypes(stand: EndpointStand): string[] {
  return stand.events.map(({ type }) => type)
}

function providerOptions(
  provider: ScriptedProvider,
  publicUrl: URL,
  more: Partial<ProviderOptions> = {},
): ProviderOptions {
  return {
    issuer: provider.issuer,
    endpoints: {},
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    clientAuthentication: 'client_secret_basic',
    scope: 'openid profile email offline_access',
    resource: [],
    authorizationParameters: {},
    redirectUri: `${publicUrl.origin}/oauth2/callback`,
    postLogoutRedirectUri: `${publicUrl.origin}/oauth2/logout/callback`,
    allowInsecureHttp: true,
    allowedOrigins: [],
    idTokenSigningAlgorithms: ['RS256'],
    clockToleranceMs: 30_000,
    trustedAudiences: [],
    organizations: [],
    acrValues: [],
    userinfo: false,
    timeoutMs: 2_000,
    defaultAccessTokenLifetimeMs: 300_000,
    ...more,
  }
}
