import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDurableRedis, type DurableRedis } from '../../support/faults-durable-redis.ts'
import { startEchoUpstream } from '../../support/faults-echo-upstream.ts'
import { freePort, providerSection, type GatewayPlan } from '../../support/gateway.ts'
import { startOpenIdProvider, type OpenIdProvider } from '../../support/openid-provider.ts'
import { startBalancer } from './balancer.ts'
import { createGatewayLog, type GatewayLog } from './gateway-log.ts'
import { createGatewayPlace, type GatewayPlace } from './gateway-place.ts'
import { createProviderFront, type ProviderFront } from './provider-front.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SoakPlan } from './soak-arguments.ts'
import { createTokenCalls, type TokenCalls } from './token-calls.ts'

/** Everything around the users: started, and ended with its owner. */
export interface SoakWorld {
  readonly publicOrigin: string
  readonly places: readonly GatewayPlace[]
  readonly redis: DurableRedis | undefined
  readonly provider: OpenIdProvider
  readonly front: ProviderFront
  readonly calls: TokenCalls
  readonly log: GatewayLog
  readonly upstream: { stop(): Promise<void>; restart(): Promise<void> }
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const TOKEN_SECONDS = 4

export async function startSoakWorld(
  t: Owner,
  plan: SoakPlan,
  random: SeededRandom,
): Promise<SoakWorld> {
  const front = createProviderFront()
  const calls = createTokenCalls()
  const provider = await startOpenIdProvider(t, {
    accessTokenSeconds: TOKEN_SECONDS,
    backchannelLogout: false,
    front: front.front,
    afterToken: calls.afterToken,
  })
  const upstream = await startEchoUpstream(t)
  const publicPort = await freePort()
  const publicOrigin = `http://127.0.0.1:${publicPort}`
  provider.registerGateway(publicOrigin)
  const redis = plan.store === 'redis' ? await startDurableRedis(t) : undefined
  const secret = randomBytes(32)
  const shared = {
    publicUrl: publicOrigin,
    workers: plan.workers,
    session: { secrets: [secret.toString('base64')], ...(await storeSection(t, redis)) },
    routes: [{ path: '/api/*', upstream: upstream.origin }],
  }
  // Each process asks under a name of its own: the provider can tell who got which token.
  const providerFor = (id: string) =>
    providerSection(provider, {
      endpoints: { token_endpoint: `${provider.issuer}/token?by=${id}` },
    })
  const places: GatewayPlace[] = []
  for (const name of redis === undefined ? ['a'] : ['a', 'b']) {
    const port = await freePort()
    const listen = { host: '127.0.0.1', port }
    const planFor = (id: string) => ({ ...shared, listen, provider: providerFor(id) })
    places.push(createGatewayPlace(t, { name, port, workers: plan.workers, planFor }))
  }
  await Promise.all(places.map((place) => place.start()))
  await startBalancer(t, publicPort, { places, random })
  const { server, origin } = upstream
  return {
    ...{ publicOrigin, places, redis, provider, front, calls, log: createGatewayLog(secret) },
    upstream: {
      async stop() {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      },
      async restart() {
        await once(server.listen(Number(new URL(origin).port), '127.0.0.1'), 'listening')
      },
    },
  }
}

async function storeSection(t: Owner, redis: DurableRedis | undefined): Promise<GatewayPlan> {
  if (redis !== undefined) return { store: 'redis', redis: { url: redis.url } }
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-soak-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return { store: 'file', file: { path: join(folder, 'sessions') } }
}
