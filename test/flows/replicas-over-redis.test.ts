import t, { type Test } from 'tap'
import { randomBytes } from 'node:crypto'
import type { Browser } from '../support/browser-jar.ts'
import { providerSection, startGateway, type InProcessGateway } from '../support/gateway.ts'
import { startJourney, type Journey, type JourneyOptions } from '../support/journey.ts'
import { startRedis, until, type RedisServer } from '../support/redis-servers.ts'
import { BUSY_MS, isOneRefresh } from '../support/patience.ts'

const STALE_MS = 1_500 // the promise; on a quiet machine it is some milliseconds, as the comment tells
const ROUNDS = 50

interface World extends Journey {
  readonly redis: RedisServer
  /** The other replica; `gateway` is the first. */
  readonly replica: InProcessGateway
  /** A signed-in browser, known to both replicas under their different ports. */
  both(): Promise<Browser>
}

function sessionOver(redis: RedisServer) {
  const secrets = [randomBytes(32).toString('base64')]
  return { secrets, store: 'redis', redis: { url: redis.url } }
}

/** Two gateways of one process that share nothing but Redis. */
async function startWorld(t: Test, options: JourneyOptions = {}): Promise<World> {
  const { server: redis } = await startRedis(t)
  const session = sessionOver(redis)
  const journey = await startJourney(t, { ...options, plan: { session } })
  const { provider, upstream, gateway } = journey
  const replica = await startGateway(t, {
    provider: providerSection(provider),
    routes: [
      { path: '/api/*', upstream: upstream.origin, replayForm: true },
      { path: '/open/*', upstream: upstream.origin, access: 'public' },
    ],
    session,
  })
  for (const one of [gateway, replica])
    await until(async () => (await one.ask('/readyz')).status === 200)
  const both = async () => {
    const { browser } = await journey.signedIn()
    for (const [name, value] of browser.cookies(gateway.origin))
      browser.setCookie(replica.origin, name, value)
    return browser
  }
  return { ...journey, redis, replica, both }
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN
}

t.test('SE-7 LO-1 a logout at one replica is one at the other', async (t) => {
  const { gateway, replica, both } = await startWorld(t)
  const tookMs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const browser = await both()
    const atA = () => browser.fetch(`${gateway.origin}/api/x`)
    if ((await atA()).status !== 200) t.fail('A does not know it')
    if ((await browser.fetch(`${replica.origin}/api/x`)).status !== 200)
      t.fail('B does not know it')
    await browser.post(`${replica.origin}/oauth2/logout`, {})
    const endedAtMs = performance.now()
    let answer = await atA()
    while (answer.status === 200) answer = await atA()
    tookMs.push(performance.now() - endedAtMs)
    if (round === 0) t.match(answer.json(), { status: 401, reason: 'session_revoked' })
  }
  const [p50, p99] = [quantile(tookMs, 0.5), quantile(tookMs, 0.99)]
  t.comment(`dead at the other replica after: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  t.ok(p99 < STALE_MS)
})

t.test('RT-2 a refresh at one replica is seen by the other', async (t) => {
  const world = await startWorld(t, { provider: { accessTokenSeconds: 2 } })
  const { gateway, replica, provider, upstream, both } = world
  const browser = await both()
  const tokenAt = async (origin: string) => {
    const answer = await browser.fetch(`${origin}/api/x`)
    t.equal(answer.status, 200)
    return upstream.requests.at(-1)?.headers.authorization
  }
  const first = await tokenAt(replica.origin)
  t.equal(await tokenAt(gateway.origin), first)
  let newest = first
  await until(async () => (newest = await tokenAt(gateway.origin)) !== first)
  t.equal(await tokenAt(replica.origin), newest)
  t.equal(provider.tokenCalls('refresh_token'), 1)
})

t.test(
  'RT-2 AT-19 calls at both replicas at expiry cause one refresh and no failure',
  async (t) => {
    const world = await startWorld(t, { provider: { accessTokenSeconds: 2 } })
    const { gateway, replica, provider, both } = world
    const browser = await both()
    await until(async () => (await secondsLeft(browser, gateway.origin)) <= 0)
    const [before, startedAtMs] = [provider.tokenCalls('refresh_token'), performance.now()]
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, nth) =>
        browser.fetch(`${(nth % 2 === 0 ? gateway : replica).origin}/api/x`),
      ),
    )
    t.same([...new Set(answers.map(({ status }) => status))], [200])
    const tookMs = performance.now() - startedAtMs
    t.ok(isOneRefresh(provider.tokenCalls('refresh_token') - before, tookMs, 2_000))
    t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
  },
)

async function secondsLeft(browser: Browser, origin: string): Promise<number> {
  const { tokens } = (await browser.fetch(`${origin}/oauth2/session`)).json()
  return tokens.expire_in_seconds
}

for (const [fault, harm, mend] of [
  ['frozen', 'freeze', 'thaw'],
  ['killed', 'kill', 'restart'],
] as const) {
  t.test(
    `SE-17 Redis is ${fault}: 503 within a second, public routes served, recovers alone`,
    async (t) => {
      const { gateway, redis, both } = await startWorld(t)
      const browser = await both()
      await redis[harm]()
      await until(async () => (await browser.fetch(`${gateway.origin}/api/x`)).status === 503)
      const startedAtMs = performance.now()
      const refused = await browser.fetch(`${gateway.origin}/api/x`)
      const tookMs = performance.now() - startedAtMs
      t.comment(`refused after ${tookMs.toFixed(0)} ms`)
      t.ok(tookMs < 1_000 + BUSY_MS)
      t.match(refused.json(), { status: 503, reason: 'store_unavailable' })
      t.match(refused.headers['retry-after'], /^\d+$/)
      t.same(refused.setCookies, [])
      t.equal((await browser.navigate(`${gateway.origin}/api/x`)).status, 503, 'no login loop')
      t.equal((await browser.fetch(`${gateway.origin}/open/x`)).status, 200)
      t.equal((await gateway.ask('/readyz')).status, 503)
      t.equal((await gateway.ask('/livez')).status, 200)
      await until(() => gateway.events.some(({ type }) => type === 'store_failed'))
      await redis[mend]()
      await until(async () => (await gateway.ask('/readyz')).status === 200)
      const after = await browser.fetch(`${gateway.origin}/api/x`)
      t.equal(after.status, fault === 'frozen' ? 200 : 401, 'a server without a disk forgets')
    },
  )
}

t.test('SE-17 a gateway that starts before Redis lives, waits and recovers alone', async (t) => {
  const { server: redis } = await startRedis(t)
  await redis.kill()
  const { gateway, signedIn, newBrowser } = await startJourney(t, {
    plan: { session: sessionOver(redis) },
  })
  await gateway.line(({ event }) => event === 'provider_ready')
  t.equal((await gateway.ask('/livez')).status, 200)
  t.equal((await gateway.ask('/readyz')).status, 503)
  const stranger = newBrowser()
  t.equal((await stranger.fetch(`${gateway.origin}/open/x`)).status, 200)
  t.equal(
    (await stranger.fetch(`${gateway.origin}/api/x`)).status,
    401,
    'no ticket, nothing to ask',
  )
  await redis.restart()
  await until(async () => (await gateway.ask('/readyz')).status === 200)
  t.equal((await signedIn()).page.status, 200)
})

t.test('a form that one replica gave back to its browser is handed over once by all', async (t) => {
  const { gateway, replica, both } = await startWorld(t)
  const signedIn = await both()
  const elsewhere = signedIn.copy()
  await elsewhere.post(`${gateway.origin}/oauth2/logout`, {})
  await elsewhere.close()
  const kept = await signedIn.post(`${replica.origin}/api/x`, { note: 'kept' })
  t.equal(kept.status, 401)
  const sealed = /<textarea name="form">\n([^<]+)</.exec(kept.body)?.[1] ?? ''

  const browser = await both()
  const bring = (origin: string) => browser.post(`${origin}/oauth2/form`, { form: sealed })
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, nth) => bring(nth % 2 === 0 ? gateway.origin : replica.origin)),
  )
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
  t.same(statuses, [200, ...Array.from({ length: 9 }, () => 409)])
  t.match(answers.find(({ status }) => status === 200)?.body, 'action="/api/x"')
})
