import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../support/browser-jar.ts'
import { providerSection, startGateway, type InProcessGateway } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis-servers.ts'

const MOST = 2

/** Two replicas over one Redis, as a user of several devices meets them. */
async function replicas(t: Test) {
  const provider = await startOpenIdProvider(t)
  const upstream = await startRecordingUpstream(t)
  const redis = await startRedis(t)
  const start = async (): Promise<InProcessGateway> => {
    const gateway = await startGateway(t, {
      session: {
        secrets,
        maxPerSubject: MOST,
        store: 'redis',
        redis: { url: redis.server.url },
      },
      provider: providerSection(provider),
      routes: [{ path: '/api/*', upstream: upstream.origin }],
    })
    provider.registerGateway(gateway.origin)
    await gateway.line(({ event }) => event === 'provider_ready')
    return gateway
  }
  const secrets = [randomBytes(32).toString('base64')]
  const gateways = [await start(), await start()] as const
  const device = async (gateway: InProcessGateway, username = 'alice'): Promise<Device> => {
    const browser = createBrowser()
    t.teardown(() => browser.close())
    await signIn(browser, `${gateway.origin}/api/x`, username)
    return { browser, gateway }
  }
  return { gateways, device }
}

interface Device {
  readonly browser: Browser
  readonly gateway: InProcessGateway
}

async function fate({ browser, gateway }: Device): Promise<unknown> {
  const { status, json } = await browser.fetch(`${gateway.origin}/api/x`)
  return status === 200 ? 'alive' : (json() as { reason: unknown }).reason
}

t.test(
  'RL-9 SE-15 one more device than allowed signs out the oldest, on whatever replica',
  async (t) => {
    const { gateways, device } = await replicas(t)
    const [one, two] = gateways
    const devices = [await device(one), await device(two)]
    const stranger = await device(one, 'bob')
    t.same(await Promise.all(devices.map(fate)), ['alive', 'alive'])
    devices.push(await device(two))
    t.same(await Promise.all(devices.map(fate)), ['session_superseded', 'alive', 'alive'])
    t.equal(await fate(stranger), 'alive')
    const metrics = (await two.ask('/metrics')).body
    t.match(metrics, /^bearergate_sessions_ended_total\{reason="session_superseded"\} 1$/m)
  },
)

t.test('RL-9 logins at the same time on two replicas leave as many as allowed', async (t) => {
  const { gateways, device } = await replicas(t)
  const devices = await Promise.all(
    Array.from({ length: 6 }, (_, nth) => device(gateways[nth % 2] as InProcessGateway)),
  )
  const fates = await Promise.all(devices.map(fate))
  t.equal(fates.filter((word) => word === 'alive').length, MOST)
  t.equal(fates.filter((word) => word === 'session_superseded').length, devices.length - MOST)
})

t.test('SE-15 a superseded browser is told why, and just signs in again', async (t) => {
  const { gateways, device } = await replicas(t)
  const oldest = await device(gateways[0])
  for (let nth = 0; nth < MOST; nth++) await device(gateways[1])
  const page = await oldest.browser.navigate(`${gateways[0].origin}/api/x`)
  t.equal(page.status, 302, 'a navigation leads to a login')
  const answer = await oldest.browser.fetch(`${gateways[0].origin}/api/x`)
  t.match(answer.json(), { status: 401, reason: 'session_superseded', login_url: String })
})
