import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { spawnMain } from '../support/gateway.ts'

const COMMANDS = ['serve', 'check', 'explain', 'doctor', 'sessions', 'demo', 'healthcheck']

async function run(t: Test, args: readonly string[], env: Record<string, string> = {}) {
  const running = spawnMain(t, args, env)
  const { code } = await running.exited
  return { code, stdout: running.logText(), stderr: running.errors() }
}

t.test('help names every command and the exit codes', async (t) => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await run(t, args)
    t.match({ code, stderr }, { code: 0, stderr: '' })
    for (const command of COMMANDS) t.match(stdout, new RegExp(`^  ${command} `, 'm'))
  }
})

for (const command of COMMANDS) {
  t.test(`${command} explains itself on standard output`, async (t) => {
    const { code, stdout, stderr } = await run(t, [command, '--help'])
    t.match({ code, stdout, stderr }, { code: 0, stdout: /--help/, stderr: '' })
    t.equal((await run(t, ['help', command])).stdout, stdout)
    t.match(stdout, `bearergate ${command}`)
  })
}

t.test('the version is that of package.json', async (t) => {
  for (const args of [['--version'], ['version']]) {
    t.match(await run(t, args), { code: 0, stdout: /^\d+\.\d+\.\d+/ })
  }
})

const MISUSES = [
  ['serv'],
  ['serve', '--bogus'],
  ['serve', 'unexpected'],
  ['serve', '--config'],
  ['--bogus'],
  ['check', '--bogus'],
  ['demo', '--bogus'],
  ['healthcheck', '--url', 'x://y'],
  ['healthcheck', '--url', 'http://127.0.0.1:1', '--config', 'x'],
  ['constructor'],
]
for (const args of MISUSES) {
  t.test(`wrong usage is exit code 2 with a hint: ${args.join(' ')}`, async (t) => {
    const { code, stdout, stderr } = await run(t, args)
    t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: /--help/ })
  })
}

t.test(
  'CF-1 a configuration that cannot be used is exit code 1 and named with its place',
  async (t) => {
    t.match(await run(t, ['serve', '--config', '/does/not/exist.yaml']), {
      code: 1,
      stderr: /exist\.yaml/,
    })
    const file = await configFile(t, 'publicUrl: nonsense\nunknownKey: 1\n')
    const { code, stderr } = await run(t, ['--config', file])
    t.equal(code, 1)
    t.match(stderr, /bearergate\.yaml:1:\d+: /)
    t.match(stderr, /bearergate\.yaml:2:\d+: /)
    t.notMatch(stderr, / {2}at /)
  },
)

for (const listener of ['listen', 'admin']) {
  t.test(`a taken port of ${listener} is one clear line and exit code 1`, async (t) => {
    const taken = createServer()
    await once(taken.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const file = await configFile(t, minimal({ [listener]: { host: '127.0.0.1', port } }))
    const { code, stderr } = await run(t, ['serve', '--config', file])
    t.equal(code, 1)
    t.match(stderr, String(port))
    t.equal(stderr.trim().split('\n').length, 1)
  })
}

t.test('healthcheck answers by its exit code, and names the checks that fail', async (t) => {
  const { createServer: createHttpServer } = await import('node:http')
  let status = 200
  let body = ''
  const server = createHttpServer((_request, response) => {
    response.statusCode = status
    response.end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/readyz`
  t.match(await run(t, ['healthcheck', '--url', url]), { code: 0, stderr: '' })
  const file = await configFile(t, minimal({ admin: { host: '127.0.0.1', port } }))
  t.match(await run(t, ['healthcheck', '--config', file]), { code: 0, stderr: '' })
  status = 503
  t.match(await run(t, ['healthcheck', '--url', url]), { code: 1, stdout: /503/ })
  const checks = { store: [{ status: 'pass' }], 'provider_metadata:staff': [{ status: 'fail' }] }
  body = JSON.stringify({ status: 'fail', checks })
  const { stdout } = await run(t, ['healthcheck', '--url', url])
  t.match(stdout, 'provider_metadata:staff')
  t.notMatch(stdout, 'store')
  t.match(await run(t, ['healthcheck', '--url', 'http://127.0.0.1:1/readyz']), {
    code: 1,
    stderr: /ECONNREFUSED/,
  })
})

async function configFile(t: Test, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-main-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'bearergate.yaml')
  await writeFile(file, text)
  return file
}

function minimal(more: object): string {
  return JSON.stringify({
    publicUrl: 'http://127.0.0.1:8080',
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    provider: {
      issuer: 'http://127.0.0.1:1',
      clientId: 'x',
      clientSecret: 'y',
      allowInsecureHttp: true,
    },
    session: { secrets: [randomBytes(32).toString('base64')] },
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:1' }],
    ...more,
  })
}
