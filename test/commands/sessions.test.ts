import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { CommandIo } from '../../src/commands/command-io.ts'
import { runSessions } from '../../src/commands/sessions.ts'
import { freePort, providerSection, spawnMain, startGateway } from '../support/gateway.ts'
import { startJourney, type Journey } from '../support/journey.ts'
import { startRedis } from '../support/redis-servers.ts'

async function bearergate(t: Test, ...args: string[]) {
  const running = spawnMain(t, ['sessions', ...args])
  const { code } = await running.exited
  return { code, stdout: running.logText(), stderr: running.errors() }
}

async function configFile(t: Test, plan: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-sessions-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'bearergate.yaml')
  await writeFile(file, JSON.stringify(plan))
  return file
}

function minimal(more: object): object {
  return {
    publicUrl: 'http://127.0.0.1:8080',
    listen: { host: '127.0.0.1', port: 0 },
    provider: { issuer: 'http://127.0.0.1:1', clientId: 'x', clientSecret: 'y' },
    session: { secrets: [newSecret()] },
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:1' }],
    ...more,
  }
}

function newSecret(): string {
  return randomBytes(32).toString('base64')
}

async function api(
  { gateway }: Pick<Journey, 'gateway'>,
  signedIn: Awaited<ReturnType<Journey['signedIn']>>,
) {
  const { status, json } = await signedIn.browser.fetch(`${gateway.origin}/api/x`)
  return status === 200 ? status : ([status, json().reason] as const)
}

t.test('SE-14 an operator lists and ends the sessions of a running gateway', async (t) => {
  const journey = await startJourney(t)
  const { admin } = journey.gateway
  const [alice, again, bob] = [
    await journey.signedIn('alice'),
    await journey.signedIn('alice'),
    await journey.signedIn('bob'),
  ]

  const listed = await bearergate(t, 'list', '--admin', admin, '--json')
  t.match(listed, { code: 0, stderr: '' })
  const { sessions } = JSON.parse(listed.stdout) as { sessions: Record<string, string>[] }
  t.equal(sessions.length, 3)
  for (const session of sessions) {
    t.same(Object.keys(session), ['key', 'created_at', 'timeout_at', 'ends_at'])
  }
  for (const token of journey.bearerTokens()) t.notMatch(listed.stdout, token)
  t.notMatch(listed.stdout, 'alice')

  const hers = await bearergate(t, 'list', '--subject', 'alice', '--admin', admin)
  t.equal(hers.stdout.match(/^[\w-]{22} /gm)?.length, 2)
  t.match(hers.stdout, '2 sessions')

  t.match(await bearergate(t, 'end', '--subject', 'alice', '--admin', admin), {
    code: 0,
    stdout: '2 sessions ended',
  })
  for (const gone of [alice, again]) t.same(await api(journey, gone), [401, 'session_revoked'])
  t.same(await api(journey, bob), 200)
  t.match(
    await journey.gateway.line(({ event, kind }) => event === 'logout' && kind === 'operator'),
    {
      session_count: 2,
      audit: true,
      sub_hash: String,
    },
  )

  const nothing = await bearergate(t, 'end', '--subject', 'alice', '--admin', admin, '--json')
  t.match(nothing, { code: 0, stdout: '{"ended":0}', stderr: '' })
  const left = sessions.map(({ key = '' }) => key)
  const ended = await Promise.all(
    left.map((key) => bearergate(t, 'end', `--key=${key}`, '--admin', admin, '--json')),
  )
  t.equal(ended.filter(({ stdout }) => stdout === '{"ended":1}').length, 1)
  t.same(await api(journey, bob), [401, 'session_revoked'])
})

t.test('SE-14 sessions are ended by the session of the provider, and all of them', async (t) => {
  const journey = await startJourney(t)
  const { admin } = journey.gateway
  const [alice, bob] = [await journey.signedIn('alice'), await journey.signedIn('bob')]
  const sids = journey.gateway.events.flatMap((event) =>
    event.type === 'login_succeeded' && event.sid !== undefined ? [event.sid] : [],
  )
  t.match(await bearergate(t, 'list', '--sid', sids[0] ?? '', '--admin', admin), {
    stdout: /1 session$/,
  })
  t.match(await bearergate(t, 'end', '--sid', sids[0] ?? '', '--admin', admin), {
    stdout: '1 session ended',
  })
  t.same(await api(journey, alice), [401, 'session_revoked'])
  t.same(await api(journey, bob), 200)
  const unsure = await bearergate(t, 'end', '--all', '--admin', admin)
  t.match(unsure, { code: 2, stdout: '', stderr: /--yes/ })
  t.same(await api(journey, bob), 200)
  t.match(await bearergate(t, 'end', '--all', '--yes', '--admin', admin), { code: 0 })
  t.same(await api(journey, bob), [401, 'session_revoked'])
})

t.test('the running gateway is found by its configuration', async (t) => {
  const journey = await startJourney(t)
  await journey.signedIn()
  const { hostname, port } = new URL(journey.gateway.admin)
  const admin = { host: hostname, port: Number(port) }
  const issuer = {
    issuer: journey.provider.issuer,
    allowInsecureHttp: true,
    clientId: 'x',
    clientSecret: 'y',
  }
  const file = await configFile(t, minimal({ admin, provider: issuer }))
  t.match(await bearergate(t, 'list', '--subject', 'alice', '--config', file), {
    code: 0,
    stdout: /1 session$/,
    stderr: '',
  })
})

t.test(
  'SE-14 SE-7 sessions in Redis are ended without any admin listener, at once on every replica',
  async (t) => {
    const redis = await startRedis(t)
    const session = { secrets: [newSecret()], store: 'redis', redis: { url: redis.server.url } }
    const journey = await startJourney(t, { plan: { session } })
    const [alice, bob] = [await journey.signedIn('alice'), await journey.signedIn('bob')]
    t.same(await api(journey, alice), 200)
    const provider = providerSection(journey.provider)
    const file = await configFile(
      t,
      minimal({ session, provider, admin: { port: await freePort() } }),
    )

    const hers = await bearergate(t, 'list', '--subject', 'alice', '--config', file, '--json')
    t.equal((JSON.parse(hers.stdout) as { sessions: object[] }).sessions.length, 1)
    t.match(await bearergate(t, 'list', '--config', file), { code: 0, stdout: /2 sessions$/ })
    t.match(await bearergate(t, 'end', '--subject', 'alice', '--config', file), {
      code: 0,
      stdout: '1 session ended',
      stderr: '',
    })
    t.same(await api(journey, alice), [401, 'session_revoked'])
    t.same(await api(journey, bob), 200)
    await journey.gateway.close()
    t.match(await bearergate(t, 'end', '--all', '--yes', '--config', file, '--json'), {
      code: 0,
      stdout: '{"ended":1}',
    })
    const after = await startGateway(t, {
      session,
      provider,
      routes: [{ path: '/api/*', upstream: journey.upstream.origin }],
    })
    const kept = bob.browser.cookies(journey.gateway.origin)
    const copy = journey.newBrowser()
    for (const [name, value] of kept) copy.setCookie(after.origin, name, value)
    t.match((await copy.fetch(`${after.origin}/api/x`)).json(), { reason: 'session_revoked' })
  },
)

t.test('SE-14 sessions in a file are listed and ended while no gateway runs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-sessions-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'store')
  const session = { secrets: [newSecret()], store: 'file', file: { path } }
  const file = await configFile(t, minimal({ session, admin: { port: await freePort() } }))
  const early = await bearergate(t, 'list', '--config', file)
  t.match(early, { code: 1, stdout: '', stderr: /^bearergate: [^\n]+\n$/ })
  t.notOk(existsSync(path), 'and nothing was made that would belong to an operator')

  const journey = await startJourney(t, { plan: { session } })
  const [alice, bob] = [await journey.signedIn('alice'), await journey.signedIn('bob')]
  const { issuer } = journey.provider
  const beside = await bearergate(
    t,
    'end',
    '--subject',
    'alice',
    '--issuer',
    issuer,
    '--config',
    file,
  )
  t.match(beside, { code: 0, stdout: '1 session ended' }, 'beside a gateway that runs')
  t.same(await api(journey, alice), [401, 'session_revoked'])
  t.same(await api(journey, bob), 200)
  await journey.gateway.close()
  t.match(await bearergate(t, 'list', '--config', file), { code: 0, stdout: /1 session$/ })
  t.match(await bearergate(t, 'end', '--all', '--yes', '--config', file), {
    code: 0,
    stdout: '1 session ended',
  })
  t.match(await bearergate(t, 'list', '--config', file), { code: 0, stdout: '0 sessions' })
  await writeFile(join(path, 'sessions.mdb'), 'not a database')
  const broken = await bearergate(t, 'list', '--config', file)
  t.match(broken, { code: 1, stdout: '', stderr: /^bearergate: [^\n]+\n$/ })
})

t.test('what cannot be reached is one clear line and exit code 1', async (t) => {
  const port = await freePort()
  const memory = await configFile(t, minimal({ admin: { port } }))
  const session = {
    secrets: [newSecret()],
    store: 'redis',
    redis: { url: `redis://127.0.0.1:${port}` },
  }
  const redis = await configFile(t, minimal({ admin: { port }, session }))
  const stranger = createServer((_request, response) => response.end('hello'))
  await once(stranger.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => stranger.close())
  const other = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
  for (const where of [
    ['--config', memory],
    ['--config', redis],
    ['--admin', `http://127.0.0.1:${port}`],
    ['--admin', other],
  ]) {
    const { code, stdout, stderr } = await bearergate(t, 'list', ...where)
    t.match({ code, stdout }, { code: 1, stdout: '' }, where.join(' '))
    t.match(stderr, /^bearergate: [^\n]+\n$/)
  }
})

t.test('a configuration that cannot be used is named with its place', async (t) => {
  const file = await configFile(t, minimal({ admin: { port: 'x' } }))
  t.match(await bearergate(t, 'list', '--config', file), {
    code: 1,
    stderr: /bearergate\.yaml:1:\d+: /,
  })
})

t.test('a session id that begins with a dash is pasted as it is', async (t) => {
  const { gateway } = await startJourney(t)
  for (const sid of ['-abc', '--x', '-', '--'])
    t.match(await bearergate(t, 'list', '--sid', sid, '--admin', gateway.admin), {
      code: 0,
      stdout: /^0 sessions|no sessions/,
    })
})

const MISUSES = [
  [],
  ['list', '--sid'],
  ['list', '--sid', '--json'],
  ['list', '--sid', '-h=x'],
  ['lst'],
  ['list', 'end'],
  ['list', '--key', 'k'],
  ['list', '--subject', 'a', '--sid', 'b'],
  ['list', '--issuer', 'https://op.example'],
  ['end'],
  ['end', '--subject', ''],
  ['end', '--subject', 'a', '--all', '--yes'],
  ['end', '--all'],
  ['end', '--all', '--json'],
  ['end', '--all', '--yes', '--issuer', 'https://op.example'],
  ['list', '--admin', 'x', '--config', 'y'],
  ['list', '--admin', 'ftp://127.0.0.1'],
  ['list', '--admin', 'http://127.0.0.1:9090/sessions'],
  ['list', '--bogus'],
]
for (const args of MISUSES) {
  t.test(`wrong usage is exit code 2 with a hint: sessions ${args.join(' ')}`, async (t) => {
    const { code, stdout, stderr } = await bearergate(t, ...args)
    t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: /sessions --help/ })
  })
}

const ANSWERS = [
  ['y\n', 0, 1],
  ['YES\n', 0, 1],
  ['n\n', 1, 0],
  ['\n', 1, 0],
  ['yesterday\n', 1, 0],
] as const
for (const [typed, code, calls] of ANSWERS) {
  t.test(
    `a person is asked before everybody is signed out: ${JSON.stringify(typed)}`,
    async (t) => {
      let asked = 0
      const gateway = createServer((_request, response) => {
        asked += 1
        response.setHeader('content-type', 'application/json').end('{"ended":3}')
      })
      await once(gateway.listen(0, '127.0.0.1'), 'listening')
      t.teardown(() => gateway.close())
      const admin = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
      const output: string[] = []
      const io: CommandIo = {
        stdout: { write: (text) => output.push(text) },
        stderr: { write: (text) => output.push(text) },
        stdin: Object.assign(Readable.from([typed]), {
          isTTY: true,
        }) as unknown as NodeJS.ReadStream,
        env: {},
        cwd: tmpdir(),
      }
      t.equal(await runSessions(['end', '--all', '--admin', admin], io), code)
      t.equal(asked, calls)
      t.match(output[0], '[y/N]')
    },
  )
}
