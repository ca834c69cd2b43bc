import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../src/commands/arguments.ts'
import { doctor, scriptedPlan, SECRET, tells } from '../support/doctored.ts'
import { freePort, providerSection, spawnMain, startGateway } from '../support/gateway.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { plainUpstream } from '../support/plain-upstream.ts'
import { startRedis } from '../support/redis-servers.ts'

t.test(
  'a setup that works: everything is tried, exit code 0, no trace at the provider',
  async (t) => {
    const provider = await startOpenIdProvider(t)
    const redis = await startRedis(t)
    const { url } = await plainUpstream(t, (request, response) => {
      t.match(request, { method: 'HEAD', url: '/v1/' })
      t.strictSame(Object.keys(request.headers).sort(), [
        'accept',
        'connection',
        'host',
        'user-agent',
      ])
      response.writeHead(500).end()
    })
    const publicUrl = 'http://gateway.localhost:8080'
    provider.registerGateway(publicUrl)
    const { code, stdout, stderr } = await doctor(
      t,
      {
        publicUrl,
        provider: providerSection(provider),
        session: { store: 'redis', redis: { url: redis.server.url } },
        routes: [
          { path: '/api/*', upstream: `${url}/v1` },
          {
            path: '/asked/*',
            upstream: `${url}/v1`,
            credentials: ['bearer'],
            bearer: { audience: ['a'], check: 'introspection' },
          },
        ],
      },
      { secrets: [provider.secret] },
    )
    t.equal(stderr, '')
    for (const part of [
      /configuration bearergate.yaml\n  ok    valid/,
      `ok    it calls itself ${provider.issuer}, as configured`,
      /ok    2 signing keys at \S+ \(RS256, ES256\)/,
      /ok    PKCE with S256/,
      /ok    client "basic" is accepted with client_secret_basic/,
      `ok    ${publicUrl}/oauth2/callback is registered`,
      `ok    ${publicUrl}/oauth2/logout/callback was not refused`,
      /ok    the provider answers questions about tokens/,
      `${publicUrl}/oauth2/backchannel-logout`,
      /ok    a record was written/,
      /ok    changes made by other processes/,
      /ok    Redis \d/,
      `ok    ${url}/v1 answers (HEAD: 500)`,
      /^0 failed/m,
    ])
      t.match(stdout, part)
    t.notMatch(stdout, /FAIL/)
    t.equal(code, 0)
    t.equal(stdout.split(url).length, 2, 'an upstream of two routes is asked once')
    t.notOk(provider.events.some(({ type }) => type === 'grant.success'))
    const left = await redis.server.admin.keys('*')
    t.match(
      left.filter((key) => !/:end$|:index:|once:ping/.test(key)),
      [],
      'the record is gone',
    )
  },
)

t.test('as JSON: one object, with words for machines', async (t) => {
  const provider = await startOpenIdProvider(t)
  const plan = { provider: providerSection(provider, { clientSecret: 'wrong-secret' }) }
  const { code, stdout } = await doctor(t, plan, { args: ['--json'], secrets: ['wrong-secret'] })
  t.equal(code, 1)
  const told = JSON.parse(stdout) as { examinations: { findings: { check: string }[] }[] }
  t.match(told, { file: 'bearergate.yaml', healthy: false, problems: [] })
  const client = told.examinations
    .flatMap(({ findings }) => findings)
    .find(({ check }) => check === 'client')
  t.match(client, { status: 'fail', found: /invalid_client/, advice: /provider\.clientSecret/ })
})

t.test('a file that is not valid is told like by check, and nothing is tried', async (t) => {
  const { requests, plan } = await scriptedPlan(t)
  const broken = { ...plan, routes: [{ path: '/*', upstream: 'ftp://x' }] }
  t.match(await doctor(t, broken), { code: 1, stdout: '', stderr: /is not valid: 1 problem/ })
  const json = await doctor(t, broken, { args: ['--json'] })
  t.match(JSON.parse(json.stdout), { healthy: false, problems: [{ line: 1 }] })
  t.equal(requests.length, 0)
})

t.test('wrong usage, and help', async (t) => {
  await t.rejects(doctor(t, {}, { args: ['--bogus'] }), UsageError)
  await t.rejects(doctor(t, {}, { args: ['a', '--config', 'b'] }), UsageError)
  t.match(await doctor(t, {}, { args: ['--help'] }), {
    code: 0,
    stdout: /Usage: bearergate doctor/,
  })
})

t.test('the addresses of the gateway: hints, and a failure where it could not start', async (t) => {
  const { plan, secrets } = await scriptedPlan(t)
  await tells(
    t,
    plan,
    [
      /skip  no gateway runs here/,
      /ok    listen: http:\S+ can be listened on/,
      /skip  \S+ is not reached from here/,
    ],
    secrets,
  )
  await tells(
    t,
    { ...plan, publicUrl: 'https://gateway.invalid' },
    [/warn  the host gateway.invalid is unknown here\n +-> .*DNS/],
    secrets,
  )
  const { url } = await plainUpstream(t)
  const { port } = new URL(url)
  const taken = { ...plan, publicUrl: url, listen: { host: '127.0.0.1', port: Number(port) } }
  await tells(
    t,
    { ...taken, forwardAuth: undefined, routes: [{ path: '/x', access: 'public', upstream: url }] },
    [
      /FAIL  cannot listen on 127.0.0.1:\d+: another process[^\n]*\n +-> .*listen\.port/,
      /warn  \S+\/oauth2\/session answers 200, and not as a gateway does/,
    ],
    secrets,
  )
  const gateway = await startGateway(t, { ...plan, routes: [{ path: '/*', upstream: url }] })
  const admin = { host: '127.0.0.1', port: Number(new URL(gateway.admin).port) }
  await tells(
    t,
    { ...plan, publicUrl: gateway.origin, admin },
    [/ok    a gateway runs here/, /ok    \S+ leads to a gateway/],
    secrets,
  )
  const nowhere = `http://127.0.0.1:${await freePort()}`
  await tells(
    t,
    { ...plan, publicUrl: nowhere, admin },
    [
      /ok    a gateway runs here/,
      /warn  \S+ is not reached from here[^\n]*\n +-> .*listens on port/,
    ],
    secrets,
  )
})

t.test('it ends in time, and when it is told to', async (t) => {
  const { plan, secrets, requests, script } = await scriptedPlan(t, {}, { timeout: '10s' })
  script.latencyMs = { '/jwks': 60_000 }
  const controller = new AbortController()
  const running = doctor(t, plan, { secrets, signal: controller.signal })
  while (!requests.some(({ path }) => path === '/jwks')) await new Promise(setImmediate)
  controller.abort()
  t.match(await running, { code: 1, stdout: /FAIL  doctor was interrupted here\n/ })
})

t.test('Ctrl-C ends it at once', async (t) => {
  const silent = createServer()
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const { port } = silent.address() as AddressInfo
  const file = {
    publicUrl: 'http://localhost:8080',
    provider: { issuer: `http://127.0.0.1:${port}`, clientId: 'x', allowInsecureHttp: true },
    session: { secrets: [SECRET] },
    routes: [{ path: '/*', upstream: `http://127.0.0.1:${port}` }],
  }
  const cwd = t.testdir({ 'silent.yaml': JSON.stringify(file) })
  const { child, exited, logText } = spawnMain(t, ['doctor', '--config', join(cwd, 'silent.yaml')])
  const [socket] = (await once(silent, 'connection')) as [Socket]
  socket.on('error', () => undefined)
  silent.close()
  child.kill('SIGINT')
  t.match(await exited, { signal: 'SIGINT' })
  for (const part of [
    /provider \S+\n  FAIL  doctor was interrupted here/,
    /ok    sessions are kept in memory/,
  ])
    t.match(logText(), part, 'what was known is told')
})
