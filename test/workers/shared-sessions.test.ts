import t, { type Test } from 'tap'
import { setTimeout as pause } from 'node:timers/promises'
import type { GatewayPlan } from '../support/gateway.ts'
import { createBrowser, type Browser, type Page } from '../support/browser-jar.ts'
import type { Answer, Visitor } from '../support/faults-visitor.ts'
import { startRedis } from '../support/redis-servers.ts'
import { startWorkers, type WorkersWorld } from '../support/workers-gateway.ts'
import { isOneRefresh } from '../support/patience.ts'

t.setTimeout(480_000) // many processes, on machines that have other things to do

const STORES: Record<string, (t: Test) => Promise<GatewayPlan>> = {
  file: async (t) => ({ store: 'file', file: { path: t.testdir() } }),
  redis: async (t) => ({ store: 'redis', redis: { url: (await startRedis(t)).server.url } }),
}
const WORKERS = 3
const PARALLEL = 200
const LOGOUTS = 100
const AT_ONCE = 4
const LOGOUT_P99_MS = 50

function countBy<Item>(items: readonly Item[], of: (item: Item) => unknown) {
  const counts: Record<string, number> = {}
  for (const item of items) counts[String(of(item))] = (counts[String(of(item))] ?? 0) + 1
  return counts
}

function everyWorker<Result>(run: (worker: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: WORKERS }, (_, index) => run(index + 1)))
}

function nobodyIsSignedOut(t: Test, { provider, gateway }: WorkersWorld): void {
  t.notOk(
    provider.events.some(({ type }) => type === 'grant.revoked'),
    'no reuse was seen',
  )
  t.notMatch(gateway.logText(), '"event":"session_ended"')
}

/** Submits the provider's forms until it sends the browser back; answers that last redirect, not followed. */
async function toCallback(browser: Browser, started: Page): Promise<Page> {
  let page = started
  while (page.location?.includes('/oauth2/callback') !== true) {
    const fields = page.body.includes('name="username"') ? { username: 'alice' } : {}
    page =
      page.location === undefined ? await browser.submit(page, fields) : await browser.follow(page)
  }
  return page
}

for (const [store, sessionOf] of Object.entries(STORES)) {
  t.test(`SE-7 signed in at one worker, known to all (${store})`, async (t) => {
    const world = await startWorkers(t, { workers: WORKERS, session: await sessionOf(t) })
    const alice = await world.signedIn('alice')
    const answers = await everyWorker(async (worker) =>
      (await alice.at(worker)).get(world.gateway.port),
    )
    t.same(
      answers.map(({ status, echo }) => [status, echo?.subject]),
      Array.from({ length: WORKERS }, () => [200, 'alice']),
    )
    t.equal(new Set(answers.map(({ echo }) => echo?.tokenId)).size, 1, 'with one token')
  })

  t.test(`RT-2 AT-19 ${PARALLEL} requests at expiry cost one refresh (${store})`, async (t) => {
    const session = await sessionOf(t)
    const world = await startWorkers(t, { workers: WORKERS, session, accessTokenSeconds: 3 })
    const { gateway } = world
    const alice = await world.signedIn('alice')
    for (const round of [1, 2, 3]) {
      await pause(world.accessTokenMs + 100)
      const before = gateway.log().length
      const [refreshed, startedAtMs] = [world.refreshesOf('alice'), performance.now()]
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, () => alice.get(gateway.port)),
      )
      const tookMs = performance.now() - startedAtMs
      t.same(
        countBy(answers, ({ status }) => status),
        { 200: PARALLEL },
        'no failure',
      )
      t.ok(
        answers.every(({ echo }) => echo?.subject === 'alice'),
        'with a token of the right user',
      )
      const refreshes = world.refreshesOf('alice') - refreshed
      t.ok(isOneRefresh(refreshes, tookMs, world.accessTokenMs), `round ${round}: ${refreshes}`)
      const requests = gateway.log().slice(before)
      const workers = new Set(requests.map((line) => line['worker']))
      if (round === 1) t.ok(workers.size > 1, 'over several workers')
    }
    nobodyIsSignedOut(t, world)
  })

  t.test(`SE-7 LO-1 a logout at one worker is one at all of them (${store})`, async (t) => {
    const world = await startWorkers(t, { workers: WORKERS, session: await sessionOf(t) })
    const { port } = world.gateway
    const lagsMs: number[] = []
    for (let round = 0; round < LOGOUTS; round += AT_ONCE) {
      const names = Array.from({ length: AT_ONCE }, (_, at) => `user-${round + at}`)
      const users = await Promise.all(names.map((name) => world.signedIn(name)))
      for (const user of users) {
        const [leaving, ...others] = await everyWorker((worker) => user.at(worker))
        for (const other of others) t.equal((await other.get(port)).status, 200)
        t.equal((await leaving?.signOut(port))?.status, 303)
        lagsMs.push(...(await Promise.all(others.map((other) => servedOnForMs(other, port)))))
      }
    }
    lagsMs.sort((one, other) => one - other)
    const at = (share: number) => lagsMs[Math.ceil(lagsMs.length * share) - 1] as number
    t.comment(
      `served on for: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`,
    )
    t.ok(at(0.99) < LOGOUT_P99_MS)
  })

  t.test(`RL-9 the sessions of a user are counted over all workers (${store})`, async (t) => {
    const session = { ...(await sessionOf(t)), maxPerSubject: 2 }
    const world = await startWorkers(t, { workers: WORKERS, session })
    const { port } = world.gateway
    const devices = []
    for (let device = 0; device < 5; device++) devices.push(await world.signedIn('alice'))
    const fates = await Promise.all(
      devices.map(async (device) =>
        countBy(
          await everyWorker(async (worker) => (await device.at(worker)).get(port)),
          ({ status }: Answer) => status,
        ),
      ),
    )
    const ended = { 401: WORKERS }
    const alive = { 200: WORKERS }
    t.same(fates, [ended, ended, ended, alive, alive], 'the oldest are over, everywhere')
  })

  t.test(`CB-2 of 20 identical callbacks one is taken by one worker (${store})`, async (t) => {
    const world = await startWorkers(t, { workers: WORKERS, session: await sessionOf(t) })
    const { gateway, provider } = world
    const visitor = createBrowser()
    const start = await visitor.navigate(`${gateway.origin}/oauth2/login?return_to=/api/x`)
    const back = await toCallback(visitor, start)
    const before = provider.tokenCalls('authorization_code')
    const copies = Array.from({ length: 20 }, () => visitor.copy())
    t.teardown(() => Promise.all([visitor, ...copies].map((copy) => copy.close())))
    const answers = await Promise.all(copies.map((copy) => copy.follow(back)))
    t.equal(provider.tokenCalls('authorization_code') - before, 1)
    t.same(
      countBy(answers, ({ status }) => status),
      { 303: 1, 400: 19 },
    )
    t.notOk(provider.events.some(({ type }) => type === 'grant.revoked'))
    const callbacks = gateway.log().filter((line) => line['path'] === '/oauth2/callback')
    t.ok(new Set(callbacks.map((line) => line['worker'])).size > 1, 'over several workers')
  })
}

async function servedOnForMs(visitor: Visitor, port: number): Promise<number> {
  const startedAtMs = performance.now()
  let served = 0
  while ((await visitor.get(port)).status === 200) served += 1
  return served === 0 ? 0 : performance.now() - startedAtMs
}
