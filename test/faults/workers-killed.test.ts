import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import { startDurableRedis } from '../support/faults-durable-redis.ts'
import type { GatewayPlan } from '../support/gateway.ts'
import { until } from '../support/redis-servers.ts'
import { openAndProtected, plainUpstream } from '../support/plain-upstream.ts'
import { sessionsInFile, startWorkers, startWorkersGateway } from '../support/workers-gateway.ts'
import { BUSY_MS } from '../support/patience.ts'

t.setTimeout(480_000)

const SURVIVED_WITHIN_MS = 20_000 // the lease of the dead holder, 15 s, and a little
const STORES: Record<string, (t: Test) => Promise<GatewayPlan>> = {
  file: async (t) => ({ store: 'file', file: { path: t.testdir() } }),
  redis: async (t) => ({ store: 'redis', redis: { url: (await startDurableRedis(t)).url } }),
}

for (const [store, sessionOf] of Object.entries(STORES)) {
  t.test(`RT-2 RT-4 a worker killed during a refresh: the others go on (${store})`, async (t) => {
    const session = await sessionOf(t)
    const world = await startWorkers(t, { session, accessTokenSeconds: 3 })
    const { gateway, provider, tokenGate } = world
    const { port } = gateway
    const alice = await world.signedIn('alice')
    const bob = await world.signedIn('bob')
    const carol = await world.signedIn('carol')
    const at = async (worker: number) => ({
      alice: await alice.at(worker),
      bob: await bob.at(worker),
      carol: await carol.at(worker),
    })
    const [one, two] = [await at(1), await at(2)]
    await pause(world.accessTokenMs + 100)

    const rotated = tokenGate.holdAfter()
    const lost = one.bob.get(port)
    await rotated.reached
    const unheard = tokenGate.holdBefore()
    const cutOff = one.alice.get(port)
    await unheard.reached
    const killed = gateway.pidOf(1)
    process.kill(killed, 'SIGKILL')
    await Promise.all([t.rejects(lost), t.rejects(cutOff)])
    rotated.letGo()
    unheard.letGo()

    t.equal((await two.carol.get(port)).status, 200, 'who was not concerned notices nothing')
    const [forAlice, forBob] = await Promise.all([two.alice.get(port), two.bob.get(port)])
    t.match(
      forAlice,
      { status: 200, echo: { subject: 'alice' } },
      'the provider knew nothing of it',
    )
    t.comment(`served ${Math.round(forAlice.tookMs)} ms after the kill`)
    t.ok(forAlice.tookMs < SURVIVED_WITHIN_MS + BUSY_MS)
    t.equal(world.refreshesOf('alice'), 1)
    // His new refresh token died with the process: nobody else can know it, and the old one is spent.
    t.match(forBob, { status: 401, reason: 'refresh_rejected' }, 'ends cleanly, with a reason')
    t.ok(provider.tokenCalls('refresh_token') <= 5, 'no loop')

    await gateway.successorOf(1, killed)
    const successor = await carol.at(1)
    t.match(await successor.get(port), { status: 200, echo: { subject: 'carol' } }, 'replaced')
    t.match(
      gateway.log().find(({ msg }) => msg === 'a worker ended and is replaced'),
      { level: 'error', worker: 1, pid: killed, signal: 'SIGKILL', restart_in_ms: 0 },
    )
  })
}

/** Asks over fresh connections until told to stop; counts what came of it. */
function load(url: string) {
  const agent = new Agent({ pipelining: 0, headersTimeout: 20_000 }) // a connection for each request
  const outcomes: Record<string, number> = {}
  const over = new AbortController()
  const client = async () => {
    while (!over.signal.aborted) {
      const outcome = await fetch(url, { dispatcher: agent } as RequestInit).then(
        async (answer) => (await answer.text(), String(answer.status)),
        (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.message,
      )
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  const clients = Promise.all(Array.from({ length: 8 }, client))
  const stop = async () => {
    over.abort()
    await clients
    await agent.close()
    return outcomes
  }
  return { outcomes, stop }
}

t.test('workers killed under load: only what they had in hand is cut, nothing hangs', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 3,
    session: sessionsInFile(t.testdir()),
  })
  const requests = load(`${gateway.origin}/open/x`)
  const KILLS = 6
  for (let kill = 0; kill < KILLS; kill++) {
    const served = requests.outcomes['200'] ?? 0
    await until(() => (requests.outcomes['200'] ?? 0) > served + 100)
    const worker = 1 + (kill % 3)
    const pid = gateway.pidOf(worker)
    process.kill(pid, 'SIGKILL')
    await gateway.successorOf(worker, pid)
  }
  const { 200: served = 0, ...cut } = await requests.stop()
  t.comment(`${served} served`, cut)
  const cutCount = Object.values(cut).reduce((sum, count) => sum + count, 0)
  t.ok(cutCount <= KILLS * 8, 'never more than all clients at each kill')
  t.notOk(
    Object.keys(cut).some((outcome) => /TIMEOUT|REFUSED|^5/.test(outcome)),
    'nothing hangs, nothing is refused',
  )
  t.match((await gateway.ask('/metrics')).body, `bearergate_worker_deaths_total ${KILLS}\n`)
})

t.test(
  'a frozen worker holds up neither the others, nor an operator, nor itself for ever',
  async (t) => {
    const session = sessionsInFile(t.testdir())
    const { gateway } = await startWorkers(t, { session })
    const pid = gateway.pidOf(1)
    process.kill(pid, 'SIGSTOP')
    const frozenAtMs = performance.now()
    t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
    // Of the connections in turn it gets one; whoever comes after goes to the other.
    const stuck = fetch(`${gateway.origin}/open/stuck`).then(
      ({ status }) => status,
      () => 'cut',
    )
    const stuckToo = fetch(`${gateway.origin}/open/stuck`).then(
      ({ status }) => status,
      () => 'cut',
    )
    for (let nth = 0; nth < 50; nth++) {
      const agent = new Agent()
      const answer = await fetch(`${gateway.origin}/open/x`, { dispatcher: agent } as RequestInit)
      t.equal(answer.status, 200)
      await agent.destroy()
    }
    const askedAtMs = performance.now()
    const ready = await gateway.ask('/readyz')
    const readyAfterMs = performance.now() - askedAtMs
    t.match(JSON.parse(ready.body), {
      status: 'pass',
      checks: { 'worker:1': [{ status: 'fail', output: 'no answer' }] },
    })
    t.ok(readyAfterMs < 1_900 + BUSY_MS, `/readyz after ${Math.round(readyAfterMs)} ms`)
    t.match(await gateway.ask('/metrics'), { status: 200, body: /bearergate_requests_in_flight/ })
    t.equal((await gateway.ask('/')).status, 200, 'the status page of the other')
    t.equal((await gateway.ask('/sessions')).status, 200)

    await gateway.successorOf(1, pid)
    t.comment(`replaced after ${Math.round(performance.now() - frozenAtMs)} ms`)
    t.notOk(isAlive(pid))
    t.same(await Promise.all([stuck, stuckToo]), [200, 200], 'whoever waited for it is served')
  },
)

t.test('a worker that keeps dying is restarted ever more slowly', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
  })
  for (let death = 0; death < 5; death++) {
    const pid = gateway.pidOf(2)
    process.kill(pid, 'SIGKILL')
    await gateway.successorOf(2, pid)
    t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200)
  }
  const pauses = gateway
    .log()
    .filter(({ msg }) => msg === 'a worker ended and is replaced')
    .map((line) => line['restart_in_ms'])
  t.same(pauses, [0, 250, 500, 1_000, 2_000])
  t.not(gateway.pidOf(1), 0, 'the other one is not concerned')
})

t.test('a worker that cannot start again says why, and starts once it can', async (t) => {
  const api = await plainUpstream(t)
  const path = t.testdir()
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(path),
  })
  const foreign = join(path, 'notes.txt')
  await writeFile(foreign, 'of somebody')
  const pid = gateway.pidOf(1)
  process.kill(pid, 'SIGKILL')
  const refused = await gateway.line(({ exit_code }) => exit_code === 1)
  t.match(refused, { level: 'error', worker: 1, why: 'it holds "notes.txt"' })
  t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200, 'the other goes on')
  await rm(foreign)
  await gateway.successorOf(1, pid)
  t.equal(gateway.errors(), '', 'and nothing else is said')
})

t.test('workers end with the main process, however it ends', async (t) => {
  const api = await plainUpstream(t)
  const plan = {
    ...openAndProtected(api.url),
    workers: 3,
    session: sessionsInFile(t.testdir()),
  }
  const TMPDIR = await mkdtemp(join(tmpdir(), 'bearergate-killed-'))
  t.teardown(() => rm(TMPDIR, { recursive: true, force: true }))
  const gateway = await startWorkersGateway(t, plan, { TMPDIR })
  const pids = [1, 2, 3].map(gateway.pidOf)
  t.ok(pids.every(isAlive))
  const killed = once(gateway.child, 'exit')
  gateway.child.kill('SIGKILL')
  await killed
  const diedAtMs = performance.now()
  await until(() => !pids.some(isAlive))
  t.comment(`no process left after ${Math.round(performance.now() - diedAtMs)} ms`)
  t.same(await readdir(TMPDIR), [], 'nor a socket')
  await t.rejects(fetch(`${gateway.origin}/open/x`))
})

/** A zombie counts as dead. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
