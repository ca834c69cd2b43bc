import { randomBytes } from 'node:crypto'
import { Client } from 'undici'
import { createBrowser, type Browser } from './browser-jar.ts'
import { startEchoUpstream } from './faults-echo-upstream.ts'
import { createTokenGate, type TokenGate } from './faults-token-gate.ts'
import { createVisitor, type Visitor } from './faults-visitor.ts'
import {
  providerSection,
  startGatewayProcess,
  type GatewayPlan,
  type GatewayProcess,
} from './gateway.ts'
import { signIn, startOpenIdProvider, type OpenIdProvider } from './openid-provider.ts'
import { until } from './redis-servers.ts'

/** A gateway of several processes. */
export interface WorkersGateway extends GatewayProcess {
  /** The process that has this place now. */
  pidOf(worker: number): number
  /** The next process that takes the place of `pid`, or of any process, and listens. */
  successorOf(worker: number, pid: number): Promise<number>
  /** A kept connection that this worker serves. Needs a public route `/open/*`. */
  connectionTo(worker: number): Promise<Client>
}

/** A gateway of several processes, a provider that rotates refresh tokens and revokes what is reused, an upstream. */
export interface WorkersWorld {
  readonly gateway: WorkersGateway
  readonly provider: OpenIdProvider
  readonly tokenGate: TokenGate
  readonly upstream: Awaited<ReturnType<typeof startEchoUpstream>>
  readonly accessTokenMs: number
  signedIn(name: string): Promise<SignedIn>
  /** Refreshes that the provider granted to somebody. */
  refreshesOf(name: string): number
}

export interface SignedIn extends Visitor {
  readonly browser: Browser
  readonly cookie: string
  /** The same person over the connections of a worker. */
  at(worker: number): Promise<Visitor>
}

export interface WorkersOptions {
  readonly workers?: number
  /** The `session` section but for the secrets. */
  readonly session: GatewayPlan
  /** Default 600. */
  readonly accessTokenSeconds?: number
  readonly backchannelLogout?: boolean
  readonly plan?: GatewayPlan
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** The `session` section of workers that share a file in this directory. */
export function sessionsInFile(path: string): GatewayPlan {
  return { secrets: [randomBytes(32).toString('base64')], store: 'file', file: { path } }
}

/** A gateway of `workers` processes from any plan, once all of them listen. */
export async function startWorkersGateway(
  t: Owner,
  plan: GatewayPlan,
  env: Record<string, string> = {},
): Promise<WorkersGateway> {
  const gateway = await startGatewayProcess(t, plan, { env })
  const listening = (worker: number) =>
    gateway
      .log()
      .filter((line) => line['msg'] === 'a worker is listening' && line['worker'] === worker)
      .map((line) => Number(line['pid']))
  const pidOf = (worker: number) => listening(worker).at(-1) ?? 0
  return {
    ...gateway,
    pidOf,
    async successorOf(worker, pid) {
      await until(() => pidOf(worker) !== pid, 60_000)
      return pidOf(worker)
    },
    async connectionTo(worker) {
      for (;;) {
        const client = new Client(gateway.origin, { keepAliveTimeout: 60_000 })
        t.teardown(() => client.destroy())
        const path = `/open/${randomBytes(6).toString('hex')}`
        const { body } = await client.request({ method: 'GET', path })
        await body.dump()
        const line = await gateway.line((one) => one['path'] === path)
        if (line['worker'] === worker) return client
        await client.destroy()
      }
    },
  }
}

export async function startWorkers(t: Owner, options: WorkersOptions): Promise<WorkersWorld> {
  const { accessTokenSeconds = 600, workers = 2, session, backchannelLogout = false } = options
  const tokenGate = createTokenGate()
  const provider = await startOpenIdProvider(t, {
    accessTokenSeconds,
    backchannelLogout,
    ...tokenGate,
  })
  const upstream = await startEchoUpstream(t)
  const gateway = await startWorkersGateway(t, {
    workers,
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')], ...session },
    routes: [
      { path: '/api/*', upstream: upstream.origin, websocket: true },
      { path: '/open/*', upstream: upstream.origin, access: 'public' },
    ],
    ...options.plan,
  })
  provider.registerGateway(gateway.origin)
  await until(async () => {
    const { body } = await gateway.ask('/readyz')
    return !body.includes('fail')
  })
  const { origin } = gateway
  return {
    gateway,
    provider,
    tokenGate,
    upstream,
    accessTokenMs: accessTokenSeconds * 1_000,
    refreshesOf: (name) =>
      provider.events.filter(
        ({ type, grantType, subject }) =>
          type === 'grant.success' && grantType === 'refresh_token' && subject === name,
      ).length,
    async signedIn(name) {
      const browser = createBrowser()
      t.teardown(() => browser.close())
      const page = await signIn(browser, `${origin}/api/hello`, name)
      if (page.status !== 200) throw new Error(`the login ended with ${page.status}: ${page.body}`)
      const cookie = [...browser.cookies(origin)].map((pair) => pair.join('=')).join('; ')
      const who = { name, publicOrigin: origin, cookie }
      return {
        ...createVisitor(t, who),
        browser,
        cookie,
        at: async (worker) =>
          createVisitor(t, { ...who, dispatcher: await gateway.connectionTo(worker) }),
      }
    },
  }
}
