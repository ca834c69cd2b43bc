import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { providerSection, startGateway } from '../support/gateway.ts'
import { startJourney, type JourneyOptions } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { startRedis, until } from '../support/redis-servers.ts'
import { askAll, audiencesAt, routesTo, startThreeApis, tokensAt } from '../support/three-apis.ts'

async function startWorld(t: Test, options: JourneyOptions = {}) {
  const apis = await startThreeApis(t)
  const [first] = apis
  const resource = first?.resource as string
  const journey = await startJourney(t, {
    ...options,
    provider: { resource, ...options.provider },
    plan: { routes: routesTo(apis), ...options.plan },
  })
  const signedIn = async () => {
    await journey.gateway.line(({ event }) => event === 'provider_ready')
    const browser = journey.newBrowser()
    await signIn(browser, `${journey.gateway.origin}/a/x`)
    return browser
  }
  return { ...journey, apis, signedIn }
}

t.test(
  'S-4 S-27 RS-13 RT-8 three upstreams, three audiences, one login: 50 first requests to each, each token fetched once',
  async (t) => {
    const { apis, gateway, provider, signedIn } = await startWorld(t)
    const browser = await signedIn()
    t.same(await askAll(browser, apis, { origins: [gateway.origin], count: 50 }), [200])
    for (const api of apis) {
      t.same(audiencesAt(api), [api.resource], `${api.name} sees its own audience only`)
      t.equal(tokensAt(api).length, 1, `${api.name} sees one token`)
    }
    t.equal(provider.tokenCalls('refresh_token'), 2, 'one refresh for each of the two')
    t.same(
      provider.events.filter(({ type }) => type === 'grant.error'),
      [],
    )
    t.same(
      gateway.events.filter(({ type }) => type === 'session_ended'),
      [],
    )
  },
)

t.test('RT-8 … and after all of them have expired, rotation and all', async (t) => {
  const { apis, gateway, provider, signedIn } = await startWorld(t, {
    provider: { accessTokenSeconds: 3 },
  })
  const browser = await signedIn()
  const ask = () => askAll(browser, apis, { origins: [gateway.origin], count: 10 })
  t.same(await ask(), [200])
  await until(async () => {
    t.same(await ask(), [200])
    return apis.every((api) => tokensAt(api).length >= 3)
  })
  for (const api of apis) t.same(audiencesAt(api), [api.resource])
  t.same(
    provider.events.filter(({ type }) => type === 'grant.error'),
    [],
    'no token was used twice',
  )
  t.same(
    gateway.events.filter(({ type }) => type === 'session_ended'),
    [],
  )
})

t.test('RT-2 RT-8 RS-13 the same over two replicas that share nothing but Redis', async (t) => {
  const { server: redis } = await startRedis(t)
  const secrets = [randomBytes(32).toString('base64')]
  const session = { secrets, store: 'redis', redis: { url: redis.url } }
  const { apis, provider, gateway, signedIn } = await startWorld(t, { plan: { session } })
  const replica = await startGateway(t, {
    provider: providerSection(provider),
    routes: routesTo(apis),
    session,
  })
  for (const one of [gateway, replica])
    await until(async () => (await one.ask('/readyz')).status === 200)
  const browser = await signedIn()
  for (const [name, value] of browser.cookies(gateway.origin))
    browser.setCookie(replica.origin, name, value)
  const origins = [gateway.origin, replica.origin]
  t.same(await askAll(browser, apis, { origins, count: 50 }), [200])
  for (const api of apis) {
    t.same(audiencesAt(api), [api.resource])
    t.equal(tokensAt(api).length, 1, `${api.name} sees one token`)
  }
  t.equal(provider.tokenCalls('refresh_token'), 2, 'each token was fetched by one of the replicas')
  t.same(
    provider.events.filter(({ type }) => type === 'grant.error'),
    [],
  )
})
