import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, type Diagnostic } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { CLIENT_SECRET, ENV, FIXTURES, parse, problemsOf, SECRET } from './config-bed.ts'

const MINIMAL = `publicUrl: https://app.example.com
provider: { issuer: "https://idp.example.com", clientId: gateway, clientSecret: "\${file:secret}" }
session: { secrets: ["\${SESSION_SECRET}"] }
routes: [{ path: /*, upstream: "http://api:3000" }]
`

function failure(load: () => unknown): readonly Diagnostic[] {
  try {
    load()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics
    throw error
  }
}

t.test('SE-5 a session may last 400 days and not a second more', async (t) => {
  const lasting = (lifetime: string) =>
    problemsOf(
      MINIMAL.replace('${file:secret}', '${OIDC_CLIENT_SECRET}').replace(
        'session: {',
        `session: { lifetime: ${lifetime}, `,
      ),
    )
  t.same(lasting('400d'), [])
  t.match(lasting('34560001s'), [/session\.lifetime/])
})

t.test(
  'files named in a configuration are found beside it, whatever the working directory',
  async (t) => {
    const directory = t.testdir({ 'gateway.yaml': MINIMAL, secret: `${CLIENT_SECRET}\r\n` })
    const { config } = loadConfig(join(directory, 'gateway.yaml'), ENV)
    t.equal(config.providers[0]?.clientSecret, CLIENT_SECRET)
  },
)

t.test('a byte order mark is no part of the first key', async (t) => {
  const directory = t.testdir({ 'gateway.yaml': `\ufeff${MINIMAL}`, secret: CLIENT_SECRET })
  t.equal(loadConfig(join(directory, 'gateway.yaml'), ENV).config.publicUrl.host, 'app.example.com')
})

const UNREADABLE: Record<string, (path: string) => void> = {
  'a missing file': () => {},
  'a directory': (path) => mkdirSync(path),
  'UTF-16 text': (path) => writeFileSync(path, Buffer.from(`\ufeff${MINIMAL}`, 'utf16le')),
  'Latin-1 text': (path) => writeFileSync(path, Buffer.from(`# caf\u00e9\n${MINIMAL}`, 'latin1')),
  'a file over 1 MiB': (path) => writeFileSync(path, MINIMAL + '#'.repeat(1_100_000)),
}
for (const [what, create] of Object.entries(UNREADABLE)) {
  t.test(`CF-1 ${what} is one problem of the whole file`, async (t) => {
    const path = join(t.testdir({}), 'gateway.yaml')
    create(path)
    const problems = failure(() => loadConfig(path, ENV))
    t.match(problems, [{ file: path }])
    t.equal(problems[0]?.line, undefined)
  })
}

t.test('CF-1 all problems come at once, in the order of the file', async (t) => {
  const problems = failure(() =>
    parse(`routes: [{ path: x }]\nlisten: { port: -1 }\nsession: {}\n`),
  )
  const places = problems.map(({ line = 0, column = 0 }) => line * 1_000 + column)
  t.ok(problems.length >= 6)
  t.same(
    places,
    places.toSorted((a, b) => a - b),
  )
})

t.test('CF-3 no message shows a secret, however wrong its place', async (t) => {
  const literal = 'literal-secret-4711'
  for (const wrong of [
    MINIMAL.replace('"${file:secret}"', `[${literal}]`),
    MINIMAL.replace('"${file:secret}"', `"${literal}`),
    MINIMAL.replace('"${file:secret}"', `"${literal}\\q"`),
    MINIMAL.replace('"${file:secret}"', `"${literal}\\n"`),
    MINIMAL.replace('"${file:secret}"', `!!binary ${literal}`),
    MINIMAL.replace('"${SESSION_SECRET}"', literal),
    MINIMAL.replace('["${SESSION_SECRET}"]', literal),
    MINIMAL.replace('/*,', '"/${CANARY}?",'),
    MINIMAL.replace('"http://api:3000"', '"${CANARY}"'),
    MINIMAL.replace('"https://idp.example.com"', '"${SESSION_SECRET}"'),
    `${MINIMAL}listen: { host: "\${SESSION_SECRET} ", trustedProxies: ["\${CANARY}"] }\n`,
  ]) {
    const text = problemsOf(wrong).join('\n')
    t.not(text, '', wrong)
    for (const hidden of [literal, SECRET, ENV.CANARY as string]) t.notMatch(text, hidden)
  }
})

t.test(
  'SE-16 a secret may be written as base64, base64url or hex of the same 32 bytes',
  async (t) => {
    const bytes = Buffer.from(SECRET, 'base64')
    for (const written of [SECRET, bytes.toString('base64url'), bytes.toString('hex')]) {
      const { config } = parse(
        MINIMAL.replace('${file:secret}', 'x').replace('${SESSION_SECRET}', written),
      )
      t.same(config.session.secrets, [new Uint8Array(bytes)], written)
    }
  },
)

t.test('SE-16 the same key in two notations is given twice', async (t) => {
  const hex = Buffer.from(SECRET, 'base64').toString('hex')
  const text = MINIMAL.replace('${file:secret}', 'x')
  t.equal(problemsOf(text.replace('"]', `", "${hex}"]`)).length, 1)
})

t.test('CF-5 a certificate authority is read from its file', async (t) => {
  const text = MINIMAL.replace(
    'clientId',
    `tls: { certificateAuthority: ${join(FIXTURES, 'server.crt')} }, clientId`,
  )
  const directory = t.testdir({ 'gateway.yaml': text, secret: CLIENT_SECRET })
  const [provider] = loadConfig(join(directory, 'gateway.yaml'), ENV).config.providers
  t.match(provider?.certificateAuthority, /^-----BEGIN CERTIFICATE-----/)
})

t.test(
  'AT-41 SE-14 whoever opens the admin listener to all is found, however it is written',
  async (t) => {
    const text = MINIMAL.replace('${file:secret}', 'x')
    const adminHost = (host: string) =>
      parse(`${text}admin: { host: "${host}" }\n`).config.admin.host
    for (const every of ['::', '[::]', '::0', '0:0:0:0:0:0:0:0', '0000::0000', '[0::0]'])
      t.equal(adminHost(every), '::', every)
    for (const every of ['0.0.0.0', '::ffff:0.0.0.0', '::ffff:0:0'])
      t.equal(adminHost(every), '0.0.0.0', every)
    for (const one of ['127.0.0.1', 'localhost', 'fd00::1', '1.example.com', '0x.example.com'])
      t.equal(adminHost(one), one)
    for (const resolved of [
      '0',
      '00',
      '0.0',
      '0.0.0',
      '0x0',
      '127.1',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
    ]) {
      const [problem] = problemsOf(`${text}admin: { host: "${resolved}" }\n`)
      t.match(problem, 'admin.host: ', resolved)
    }
    const both = `listen: { host: "0:0::0", port: 9090 }\nadmin: { host: "127.0.0.1" }\n`
    t.match(problemsOf(text + both), [/admin\.port: must differ/])
  },
)

t.test(
  'ID-16 AZ-18 a route that lets in with less than every login asks for is warned of',
  async (t) => {
    const warnings = (acrValues: string, acr: string) =>
      parse(
        MINIMAL.replace('${file:secret}', 'x')
          .replace('clientId', `acrValues: ${acrValues}, clientId`)
          .replace('upstream', `require: { acr: ${acr} }, upstream`),
      ).warnings.map(({ message }) => message)
    t.match(warnings('[phr, phrh]', '[phr, silver]'), [
      /^routes\[0\]\.require\.acr\[1\]: "silver" is not in provider\.acrValues/,
    ])
    t.same(warnings('[phr, phrh]', '[phrh]'), [])
    t.same(warnings('[]', '[phrh]'), [])
  },
)
