import { randomBytes } from 'node:crypto'
import { createBrowser } from './browser-jar.ts'
import { startEchoUpstream } from './faults-echo-upstream.ts'
import { createTokenGate, type TokenGate } from './faults-token-gate.ts'
import { createVisitor, type Visitor } from './faults-visitor.ts'
import {
  freePort,
  providerSection,
  startGatewayProcess,
  type GatewayPlan,
  type GatewayProcess,
} from './gateway.ts'
import { signIn, startOpenIdProvider, type OpenIdProvider } from './openid-provider.ts'

/** Several real gateway processes that pass for one, and everything around them. */
export interface Replicas {
  readonly a: Replica
  readonly b: Replica
  readonly provider: OpenIdProvider
  readonly tokenGate: TokenGate
  readonly upstream: Awaited<ReturnType<typeof startEchoUpstream>>
  readonly publicOrigin: string
  readonly accessTokenMs: number
  /** Signs in at replica A. */
  signedIn(name: string): Promise<Visitor>
  /** Refreshes that the provider granted to somebody. */
  refreshesOf(name: string): number
  /** Another process in the place of one that is gone. */
  start(port: number, env?: Record<string, string>): Promise<Replica>
}

/** `origin` of a replica is the one of all of them; this one listens on `port`. */
export type Replica = GatewayProcess

export interface ReplicasOptions {
  /** The `session` section but for the secrets: where the sessions are. */
  readonly session: GatewayPlan
  /** Default 3: the shortest that leaves the time for one round of a test. */
  readonly accessTokenSeconds?: number
  /** Environment of replica B: for a clock of its own. */
  readonly envOfB?: Record<string, string>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const READY_MS = 10_000

/** Two replicas over one store, a provider that rotates refresh tokens and revokes what is reused, an upstream. */
export async function startReplicas(t: Owner, options: ReplicasOptions): Promise<Replicas> {
  const { accessTokenSeconds = 3 } = options
  const tokenGate = createTokenGate()
  const provider = await startOpenIdProvider(t, {
    accessTokenSeconds,
    backchannelLogout: false,
    ...tokenGate,
  })
  const upstream = await startEchoUpstream(t)
  const [portOfA, portOfB] = [await freePort(), await freePort()]
  const publicOrigin = `http://127.0.0.1:${portOfA}`
  provider.registerGateway(publicOrigin)
  const plan = {
    publicUrl: publicOrigin,
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')], ...options.session },
    routes: [
      { path: '/api/*', upstream: upstream.origin },
      { path: '/open/*', upstream: upstream.origin, access: 'public' },
    ],
  }
  const start = async (port: number, env: Record<string, string> = {}): Promise<Replica> => {
    const listen = { host: '127.0.0.1', port }
    const replica = await startGatewayProcess(t, { ...plan, listen }, { env })
    await isReady(replica)
    return { ...replica, port }
  }
  const [a, b] = await Promise.all([start(portOfA), start(portOfB, options.envOfB)])
  return {
    a,
    b,
    provider,
    tokenGate,
    upstream,
    publicOrigin,
    accessTokenMs: accessTokenSeconds * 1_000,
    start,
    refreshesOf: (name) =>
      provider.events.filter(
        ({ type, grantType, subject }) =>
          type === 'grant.success' && grantType === 'refresh_token' && subject === name,
      ).length,
    async signedIn(name) {
      const browser = createBrowser()
      const page = await signIn(browser, `${publicOrigin}/api/hello`, name)
      if (page.status !== 200) throw new Error(`the login ended with ${page.status}: ${page.body}`)
      const cookies = [...browser.cookies(publicOrigin)].map((pair) => pair.join('='))
      await browser.close()
      return createVisitor(t, { name, publicOrigin, cookie: cookies.join('; ') })
    },
  }
}

async function isReady(replica: Replica): Promise<void> {
  const giveUpAtMs = Date.now() + READY_MS
  while ((await replica.ask('/readyz')).status !== 200) {
    if (Date.now() > giveUpAtMs) throw new Error(`not ready: ${replica.logText()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
