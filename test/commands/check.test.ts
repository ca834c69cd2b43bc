import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../src/commands/arguments.ts'
import { runCheck } from '../../src/commands/check.ts'
import { ENV, SECRET } from '../config/config-bed.ts'

const VALID = `publicUrl: http://localhost:8080
provider: { issuer: "https://idp.example.com", clientId: "\${OIDC_CLIENT_ID}", clientSecret: "\${OIDC_CLIENT_SECRET}" }
session: { secrets: ["\${SESSION_SECRET}"] }
routes:
  - { path: /api/*, upstream: "http://api:3000/v1", methods: [GET] }
  - { path: /public, upstream: "unix:/run/app.sock", access: public }
`

interface Told {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function check(cwd: string, ...args: string[]): Promise<Told> {
  const told = { stdout: '', stderr: '' }
  const code = await runCheck(args, {
    stdout: { write: (text) => void (told.stdout += text) },
    stderr: { write: (text) => void (told.stderr += text) },
    env: ENV,
    cwd,
  })
  return { code, ...told }
}

t.test(
  'a valid file: what would run, what to register, what to be warned of, and no secret',
  async (t) => {
    const cwd = t.testdir({ 'gateway.yaml': VALID })
    const { code, stdout, stderr } = await check(cwd, 'gateway.yaml')
    t.equal(code, 0)
    t.equal(stderr, '')
    for (const part of [
      'http://localhost:8080/oauth2/callback',
      'http://localhost:8080/oauth2/logout/callback',
      'http://localhost:8080/oauth2/backchannel-logout',
      'http://localhost:8080/oauth2/frontchannel-logout',
      '/api/* GET',
      'http://api:3000/v1',
      'unix:/run/app.sock',
      'gateway.yaml:1:12:',
    ]) {
      t.ok(stdout.includes(part), part)
    }
    t.notOk(stdout.includes(SECRET) || stdout.includes(ENV.OIDC_CLIENT_SECRET as string))
  },
)

t.test('several providers: what to register at each', async (t) => {
  const providers = `providers:
  staff: { issuer: "https://idp.example.com", clientId: gateway }
  partners: { issuer: "https://partners.example", clientId: gateway, ownCallback: true }
`
  const text = VALID.replace(/^provider: .*\n/m, providers).replace(
    'methods:',
    'provider: staff, methods:',
  )
  const cwd = t.testdir({ 'gateway.yaml': text })
  const { code, stdout } = await check(cwd, 'gateway.yaml')
  t.equal(code, 0)
  t.match(
    stdout,
    /provider +partners: https:\/\/partners\.example\n +register +http:\/\/localhost:8080\/oauth2\/callback\/partners /,
  )
  const { providers: told } = JSON.parse((await check(cwd, 'gateway.yaml', '--json')).stdout)
  const landing = 'http://localhost:8080/oauth2/logout/callback'
  const notices = {
    backchannel_logout_uri: 'http://localhost:8080/oauth2/backchannel-logout',
    frontchannel_logout_uri: 'http://localhost:8080/oauth2/frontchannel-logout',
  }
  t.same(told, [
    {
      name: 'staff',
      issuer: 'https://idp.example.com',
      redirect_uri: 'http://localhost:8080/oauth2/callback',
      post_logout_redirect_uri: landing,
      ...notices,
    },
    {
      name: 'partners',
      issuer: 'https://partners.example',
      redirect_uri: 'http://localhost:8080/oauth2/callback/partners',
      post_logout_redirect_uri: landing,
      ...notices,
    },
  ])
})

t.test('a route that another proxy forwards has no upstream', async (t) => {
  const forwardAuth = `listen: { trustedProxies: [10.0.0.0/8] }
forwardAuth: { key: "\${SESSION_SECRET}" }
`
  const text = forwardAuth + VALID.replace('"http://api:3000/v1"', 'none')
  const { stdout } = await check(t.testdir({ 'gateway.yaml': text }), 'gateway.yaml', '--json')
  t.match(JSON.parse(stdout), { valid: true, routes: [{ upstream: 'none' }, {}] })
})

t.test('an invalid file: every problem on standard error, and exit code 1', async (t) => {
  const cwd = t.testdir({
    'gateway.yaml': VALID.replace('/public,', 'public,').replace('http:', 'htp:'),
  })
  const { code, stdout, stderr } = await check(cwd, 'gateway.yaml')
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^gateway\.yaml:1:12: .*\ngateway\.yaml:6:13: /)
})

t.test('machines get one JSON object either way', async (t) => {
  const cwd = t.testdir({ good: VALID, bad: 'listen: 1\n' })
  const good = await check(cwd, '--json', 'good')
  t.match(JSON.parse(good.stdout), {
    file: 'good',
    valid: true,
    problems: [],
    warnings: [{ file: 'good', line: 1, column: 12 }],
    redirect_uri: 'http://localhost:8080/oauth2/callback',
    routes: [{ id: '/api/*', access: 'required', methods: ['GET'] }, { access: 'public' }],
  })
  const bad = await check(cwd, 'bad', '--json')
  t.equal(bad.code, 1)
  t.match(JSON.parse(bad.stdout), { valid: false, problems: [{ line: 1 }, {}, {}, {}, {}] })
  t.equal(good.stderr + bad.stderr, '')
})

t.test(
  'without a file the default one here is checked; elsewhere files keep their full name',
  async (t) => {
    const cwd = t.testdir({ 'bearergate.yaml': VALID, inside: {} })
    t.equal((await check(cwd)).code, 0)
    t.match(
      (await check(join(cwd, 'inside'))).stderr,
      join(cwd, 'inside').slice(1) ? 'bearergate.yaml' : '',
    )
    const { stderr } = await check(join(cwd, 'inside'), '../nothing.yaml')
    t.ok(stderr.startsWith(`${join(cwd, 'nothing.yaml')}: `))
  },
)

t.test('with signed identities: what upstreams have to be told', async (t) => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const signing = `identity: { keys: ["\${file:key.pem}"] }\n${VALID.replace('methods: [GET]', 'identity: {}')}`
  const cwd = t.testdir({ 'gateway.yaml': signing, 'key.pem': key })
  const { code, stdout } = await check(cwd, 'gateway.yaml')
  t.equal(code, 0)
  t.match(
    stdout,
    /signs as +http:\/\/localhost:8080, keys at http:\/\/localhost:8080\/oauth2\/jwks/,
  )
  t.notOk(stdout.includes(key.split('\n')[1] ?? ''))
  const json = await check(cwd, 'gateway.yaml', '--json')
  const issuer = 'http://localhost:8080'
  t.match(JSON.parse(json.stdout), { identity: { issuer, jwks_uri: `${issuer}/oauth2/jwks` } })
})

t.test('help is an answer, wrong usage is not', async (t) => {
  const help = await check(t.testdirName, '--help')
  t.equal(help.code, 0)
  t.not(help.stdout, '')
  for (const args of [['--jsn'], ['a', 'b'], ['a', '--config', 'b']]) {
    await t.rejects(check(t.testdirName, ...args), UsageError)
  }
})
