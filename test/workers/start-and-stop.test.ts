import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort, spawnMain, type GatewayPlan } from '../support/gateway.ts'
import { openAndProtected, plainUpstream } from '../support/plain-upstream.ts'
import { until } from '../support/redis-servers.ts'
import { sessionsInFile, startWorkersGateway } from '../support/workers-gateway.ts'

t.setTimeout(480_000)

const WORKERS = 3

/** Starts with a plan that cannot work; answers what an operator sees. */
async function failedStart(t: Test, plan: GatewayPlan, env: Record<string, string> = {}) {
  const folder = await newFolder(t) // a short name: the sockets' own must fit into 107 octets
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  const file = join(folder, 'bearergate.yaml')
  const port = await freePort()
  writeFileSync(
    file,
    JSON.stringify({
      publicUrl: `http://127.0.0.1:${port}`,
      listen: { host: '127.0.0.1', port },
      admin: { host: '127.0.0.1', port: 0 },
      ...openAndProtected('http://127.0.0.1:9'),
      workers: WORKERS,
      session: sessionsInFile(join(folder, 'sessions')),
      ...plan,
    }),
  )
  const running = spawnMain(t, ['serve', '--config', file], { TMPDIR: temporary, ...env })
  const { code } = await running.exited
  t.equal(code, 1)
  t.notMatch(running.logText(), 'bearergate is listening')
  const lines = running.errors().split('\n')
  t.equal(lines.length, 2, 'one line and its end')
  t.same(readdirSync(temporary), [], 'nothing is left behind')
  await until(() => processesWith(`TMPDIR=${temporary}`).length === 0)
  return lines[0] ?? ''
}

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-workers-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Of all processes: by their environment, which workers have from the main one. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
}

t.test('CF-1 a port that is taken is one line, exit 1, and nobody is left', async (t) => {
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  t.match(await failedStart(t, { listen: { host: '127.0.0.1', port } }), String(port))
  t.match(await failedStart(t, { admin: { host: '127.0.0.1', port } }), String(port))
})

t.test('SE-24 a session file that cannot be used is one line', async (t) => {
  const folder = t.testdir({
    corrupt: { 'sessions.mdb': 'this is no session file '.repeat(1_000) },
    foreign: { 'notes.txt': 'of somebody' },
    file: 'not a directory',
    forbidden: {},
  })
  chmodSync(join(folder, 'forbidden'), 0o500)
  const cases = ['corrupt', 'foreign', 'file']
  if (process.getuid?.() !== 0) cases.push('forbidden/sessions')
  for (const name of cases) {
    const path = join(folder, name)
    const line = await failedStart(t, { session: sessionsInFile(path) })
    t.match(line, path, name)
    t.match(line, 'Nothing was changed')
  }
})

t.test('no place for the sockets of the workers is one line', async (t) => {
  t.match(
    await failedStart(t, {}, { TMPDIR: '/nowhere/at/all' }),
    /^bearergate: \/nowhere\/at\/all: ENOENT; .*TMPDIR/,
  )
  const long = join(t.testdir(), 'x'.repeat(100))
  mkdirSync(long)
  t.match(await failedStart(t, {}, { TMPDIR: long }), 'too long')
})

t.test('workers that start together on an empty directory all start', async (t) => {
  for (let round = 0; round < 4; round++) {
    const gateway = await startWorkersGateway(t, {
      ...openAndProtected('http://127.0.0.1:9'),
      workers: 6,
      session: sessionsInFile(t.testdir({ [`round-${round}`]: {} }) + `/round-${round}`),
    })
    t.notMatch(gateway.logText(), 'a worker ended')
    gateway.child.kill('SIGTERM')
    t.match(await gateway.exited, { code: 0 })
  }
})

t.test('OB-1 SIGTERM: not ready at once, requests under way finish, exit 0', async (t) => {
  const waiting: (() => void)[] = []
  const api = await plainUpstream(t, (request, response) => {
    if (request.url?.startsWith('/open/slow') === true)
      waiting.push(() => void response.end('finished'))
    else response.end('up')
  })
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: WORKERS,
    session: sessionsInFile(t.testdir()),
    shutdown: { timeout: '30s' },
  })
  const slow = [1, 2, 3].map(async (worker) => {
    const connection = await gateway.connectionTo(worker)
    const { body } = await connection.request({ method: 'GET', path: `/open/slow-${worker}` })
    return body.text()
  })
  await until(() => waiting.length === WORKERS)
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg, worker }) => msg === 'shutting down' && worker === undefined)
  t.match(await gateway.ask('/readyz'), { status: 503, body: /"accepting":\[\{"status":"fail"/ })
  t.equal((await gateway.ask('/livez')).status, 200)
  for (const answer of waiting) answer()
  t.same(await Promise.all(slow), ['finished', 'finished', 'finished'])
  t.match(await gateway.exited, { code: 0 })
  t.match(gateway.log().at(-1), { msg: 'stopped', everything_finished: true })
  const stopped = gateway.log().filter(({ msg }) => msg === 'stopped')
  t.same(new Set(stopped.map((line) => line['worker'] ?? 0)), new Set([0, 1, 2, 3]))
  t.notOk([1, 2, 3].some((worker) => existsSync(`/proc/${gateway.pidOf(worker)}`)))
})

t.test('OB-1 a shutdown under load drops no accepted request', async (t) => {
  const api = await plainUpstream(
    t,
    (_request, response) => void setTimeout(() => response.end('up'), 2),
  )
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: WORKERS,
    session: sessionsInFile(t.testdir()),
  })
  const outcomes: string[] = []
  const client = async () => {
    for (;;) {
      const outcome = await fetch(`${gateway.origin}/open/x`).then(
        async (answer) => (await answer.text(), String(answer.status)),
        (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.message,
      )
      outcomes.push(outcome)
      if (outcome !== '200') return
    }
  }
  const clients = Promise.all(Array.from({ length: 12 }, client))
  await until(() => outcomes.length > 300)
  gateway.child.kill('SIGTERM')
  await clients
  t.same([...new Set(outcomes)].sort(), ['200', 'ECONNREFUSED'])
  t.match(await gateway.exited, { code: 0 })
})

t.test('what hangs is cut when the time is over, and it is said', async (t) => {
  const api = await plainUpstream(t, (request, response) => {
    if (request.url !== '/open/hang') response.end('up')
  })
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
    shutdown: { timeout: '1s' },
  })
  const connection = await gateway.connectionTo(2)
  const asked = once(api.server, 'request')
  const hanging = connection.request({ method: 'GET', path: '/open/hang' }).catch(() => 'cut')
  await asked
  gateway.child.kill('SIGTERM')
  t.equal(await hanging, 'cut')
  t.match(await gateway.exited, { code: 0 })
  t.match(gateway.log().at(-1), { msg: 'stopped', everything_finished: false, level: 'warn' })
})

t.test('a frozen worker does not hold up the shutdown', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
    shutdown: { timeout: '60s' },
  })
  const pid = gateway.pidOf(2)
  process.kill(pid, 'SIGSTOP')
  const startedAtMs = performance.now()
  gateway.child.kill('SIGTERM')
  t.match(await gateway.exited, { code: 0 })
  const tookMs = performance.now() - startedAtMs
  t.comment(`ended after ${Math.round(tookMs)} ms`)
  t.ok(tookMs < 30_000)
  t.match(gateway.log().at(-1), { msg: 'stopped', everything_finished: false })
  t.notOk(existsSync(`/proc/${pid}`))
})

t.test('a second signal ends all of them at once', async (t) => {
  const api = await plainUpstream(t, (request, response) => {
    if (request.url !== '/open/hang') response.end('up')
  })
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
    shutdown: { timeout: '60s' },
  })
  const connection = await gateway.connectionTo(1)
  const asked = once(api.server, 'request')
  const hanging = connection.request({ method: 'GET', path: '/open/hang' }).catch(() => 'cut')
  await asked
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'shutting down')
  gateway.child.kill('SIGINT')
  t.match(await gateway.exited, { code: 1 })
  t.equal(await hanging, 'cut')
  const pids = [1, 2].map(gateway.pidOf)
  await until(() => !pids.some((pid) => existsSync(`/proc/${pid}`)))
})

t.test('a signal to the whole group, as Ctrl-C sends, drains and ends with 0', async (t) => {
  const api = await plainUpstream(t)
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
  })
  for (const worker of [1, 2]) process.kill(gateway.pidOf(worker), 'SIGINT')
  gateway.child.kill('SIGINT')
  t.match(await gateway.exited, { code: 0 })
})

t.test('a worker that is asked to end drains and is replaced', async (t) => {
  const waiting: (() => void)[] = []
  const api = await plainUpstream(t, (request, response) => {
    if (request.url === '/open/slow') waiting.push(() => void response.end('finished'))
    else response.end('up')
  })
  const gateway = await startWorkersGateway(t, {
    ...openAndProtected(api.url),
    workers: 2,
    session: sessionsInFile(t.testdir()),
    shutdown: { timeout: '30s' },
  })
  const connection = await gateway.connectionTo(2)
  const slow = connection.request({ method: 'GET', path: '/open/slow' })
  await until(() => waiting.length === 1)
  const pid = gateway.pidOf(2)
  process.kill(pid, 'SIGTERM')
  await gateway.line(({ msg, worker }) => msg === 'shutting down' && worker === 2)
  t.equal((await fetch(`${gateway.origin}/open/x`)).status, 200)
  for (const answer of waiting) answer()
  t.equal(await (await slow).body.text(), 'finished')
  await gateway.successorOf(2, pid)
})

t.test('a signal while it starts ends it with 0', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'bearergate.yaml')
  const port = await freePort()
  writeFileSync(
    file,
    JSON.stringify({
      publicUrl: `http://127.0.0.1:${port}`,
      listen: { host: '127.0.0.1', port },
      admin: { host: '127.0.0.1', port: 0 },
      ...openAndProtected('http://127.0.0.1:9'),
      workers: 8,
      session: sessionsInFile(join(folder, 'sessions')),
    }),
  )
  const running = spawnMain(t, ['serve', '--config', file])
  await running.line(({ msg }) => msg === 'a worker is listening') // one of eight
  running.child.kill('SIGTERM')
  t.match(await running.exited, { code: 0 })
  t.equal(running.errors(), '')
})
