import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import type { Field } from '../../src/commands/explain/explained-outcome.ts'
import type { Explanation } from '../../src/commands/explain/explanation.ts'
import { runExplain } from '../../src/commands/explain.ts'
import type { TestGateway } from '../support/gateway.ts'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { ask, head, type WireAnswer } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const SECRET = 'q6Xf0gm3Yl8nJt0Rr2Zr4mCk5bVJ1u9s7Hq2wPzDx0E='

function routesTo(upstream: string): object[] {
  return [
    {
      path: '/api/*',
      upstream: `${upstream}/base`,
      stripPrefix: '/api',
      headers: {
        set: {
          'X-User': '${claims.email}',
          'X-Sub': '${session.subject}',
          'X-At': '${request.path}',
        },
        remove: ['X-Internal'],
      },
      identity: { claims: ['email'] },
    },
    { path: '/staff', upstream, require: { claims: { groups: 'staff' } } },
    { path: '/admin', upstream, require: { claims: { groups: 'admin' } } },
    { path: '/scoped', upstream, require: { scope: 'nobody:has' } },
    { path: '/login', upstream, unauthenticated: 'reject' },
    { path: '/maybe/*', upstream, access: 'optional', identity: {} },
    { path: '/open/*', upstream, access: 'public', methods: ['GET', 'POST'] },
    { path: '/robots', upstream, credentials: ['bearer'], bearer: { audience: ['urn:robots'] } },
    {
      path: '/shared',
      upstream,
      cors: { origins: ['https://shop.example.com'], credentials: true },
    },
    { path: '/none', upstream, token: { via: 'none' } },
  ]
}

/** A running gateway, and the command with its very configuration. */
async function world(t: Test) {
  const upstream = await startRecordingUpstream(t)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const plan = {
    session: { secrets: [SECRET] },
    identity: { keys: [key] },
    routes: routesTo(upstream.origin),
  }
  const journey = await startJourney(t, { plan })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const { origin, port } = journey.gateway
  const folder = t.testdir({})
  const text = {
    publicUrl: origin,
    provider: {
      issuer: journey.provider.issuer,
      clientId: 'basic',
      clientSecret: 'whatever-it-is',
    },
    ...plan,
  }
  await writeFile(join(folder, 'bearergate.yaml'), JSON.stringify(text))
  const explained = async (args: readonly string[], claims?: object) => {
    const written = { stdout: '', stderr: '' }
    const given = claims === undefined ? [] : ['--claims', 'claims.json']
    await writeFile(join(folder, 'claims.json'), JSON.stringify(claims ?? {}))
    await runExplain([...args, ...given, '--peer', '127.0.0.1', '--json'], {
      stdout: { write: (more) => void (written.stdout += more) },
      stderr: { write: (more) => void (written.stderr += more) },
      env: {},
      cwd: folder,
    })
    if (written.stderr !== '') throw new Error(written.stderr)
    return JSON.parse(written.stdout) as Explanation
  }
  return { ...journey, upstream, origin, port, explained }
}

const PAGE = ['Accept: text/html', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
const SOCKET = ['Connection: Upgrade', 'Upgrade: websocket']
const PREFLIGHT = 'Access-Control-Request-Method: PUT'

/** Method, target as written, and headers. */
const REQUESTS: readonly (readonly [string, string, ...string[]])[] = [
  ['GET', '/api/x'],
  ['GET', '/api/x', ...PAGE],
  ['POST', '/api/x', ...PAGE],
  ['POST', '/api/x', 'Sec-Fetch-Site: same-origin'],
  ['POST', '/api/x', 'Sec-Fetch-Site: cross-site'],
  ['POST', '/api/x', 'Origin: https://evil.example'],
  ['GET', '/api/x', 'Sec-Fetch-Site: cross-site'],
  ['GET', '/api/x?y=%2e', 'X-User: root', 'Remote-User: root', 'X-Internal: 1', 'X_Sub: root'],
  ['GET', '/api/x', 'X-Forwarded-For: 1.2.3.4', 'Via: 1.1 front', 'TE: trailers, deflate'],
  ['GET', '/api/x', 'Cookie: a=1', 'Authorization: Basic eDp5'],
  ['GET', '/api/x', 'Max-Forwards: 3', 'Connection: X-Hop', 'X-Hop: 1'],
  ['GET', '/staff'],
  ['GET', '/admin'],
  ['GET', '/admin', ...PAGE],
  ['GET', '/scoped'],
  ['GET', '/login', ...PAGE],
  ['GET', '/maybe/x'],
  ['GET', '/maybe/x', 'X-Bearergate-Identity: forged'],
  ['GET', '/open/x'],
  ['DELETE', '/open/x'],
  ['GET', '/robots'],
  ['GET', '/robots', 'Authorization: Bearer x'],
  ['GET', '/none'],
  ['OPTIONS', '/shared', 'Origin: https://shop.example.com', PREFLIGHT],
  ['OPTIONS', '/shared', 'Origin: https://evil.example', PREFLIGHT],
  ['PUT', '/shared', 'Origin: https://shop.example.com', 'Sec-Fetch-Site: cross-site'],
  ['GET', '/api/x', ...SOCKET],
  ['GET', '/nowhere'],
  ['GET', '/oauth2/nowhere'],
  ['GET', '/api/../open/x'],
  ['GET', '/open/%2e%2e/api/x'],
  ['GET', '//evil.example/open/x'],
  ['GET', '/open\\x'],
  ['GET', '/OPEN/x'],
  ['GET', '/open/x', 'Expect: miracles'],
  ['GET', '/open/x', 'From: a', 'From: b'],
]

function asLines(
  [method, target, ...headers]: readonly [string, string, ...string[]],
  host: string,
) {
  const length = method === 'POST' || method === 'PUT' ? ['Content-Length: 0'] : []
  return head(`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...headers, ...length)
}

function asArguments([method, target, ...headers]: readonly [string, string, ...string[]]) {
  const length = method === 'POST' || method === 'PUT' ? ['Content-Length: 0'] : []
  return [method, target, ...[...headers, ...length].flatMap((field) => ['--header', field])]
}

/** What the gateway did, in the words of `explain`; of refusals, pages too, its log has the reason. */
async function didOf(gateway: TestGateway, answer: WireAnswer, wasForwarded: boolean) {
  if (wasForwarded) return 'forward'
  if (answer.status === 302) return 'login'
  if (answer.status === 204) return 'answer'
  const id = answer.header('x-request-id')
  const line = await gateway.line((one) => one['request_id'] === id && 'status' in one)
  return line['reason']
}

function saidOf({ outcome }: Explanation): string {
  return outcome.decision === 'refuse' ? outcome.reason : outcome.decision
}

/** Header fields by name, without what differs from request to request and what stands for a secret. */
function comparable(fields: readonly Field[]): Record<string, string> {
  const own = fields.map(([name, value]) => [name.toLowerCase(), masked(name.toLowerCase(), value)])
  return Object.fromEntries(own.filter(([name]) => name !== 'connection')) as Record<string, string>
}

function masked(name: string, value: string): string {
  if (['authorization', 'x-request-id', 'x-bearergate-identity'].includes(name)) return 'something'
  return name === 'cookie' ? value.replaceAll(/=[^;]*/g, '=<hidden>') : value
}

for (const who of ['a stranger', 'somebody signed in'] as const) {
  t.test(`explain and the gateway agree on every request of ${who}`, async (t) => {
    const { gateway, newBrowser, upstream, origin, port, explained } = await world(t)
    const browser = newBrowser()
    let cookie = ''
    let claims: Record<string, unknown> | undefined
    if (who === 'somebody signed in') {
      await signIn(browser, `${origin}/oauth2/login?return_to=/oauth2/session`)
      cookie = [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
      claims = { sub: 'alice', email: 'alice@example.com', groups: ['staff'] }
    }
    for (const request of REQUESTS) {
      const [method, target, ...headers] = request
      const withCookie: string[] = cookie === '' ? headers : [...headers, `Cookie: ${cookie}`]
      const before = upstream.requests.length
      const host = new URL(origin).host
      const answer = await ask(t, port, asLines([method, target, ...withCookie], host))
      const forwarded = upstream.requests.slice(before)
      const known = target === '/robots' ? undefined : claims // there they would stand for a good token
      const explanation = await explained(asArguments([method, target, ...withCookie]), known)
      const name = `${method} ${target} ${headers.join(' ')}`
      t.equal(saidOf(explanation), await didOf(gateway, answer, forwarded.length > 0), name)
      const { outcome } = explanation
      if (outcome.decision === 'refuse') t.equal(outcome.status, answer.status, name)
      const [seen] = forwarded
      if (outcome.decision !== 'forward' || seen === undefined) continue
      t.equal(outcome.upstream.url, upstream.origin + seen.url, name)
      const raw = seen.rawHeaders
      const fields = raw.flatMap((text, at): Field[] =>
        at % 2 === 0 ? [[text, raw[at + 1] ?? '']] : [],
      )
      t.same(comparable(outcome.upstream.headers), comparable(fields), name)
      const [proof] = seen.values('x-bearergate-identity')
      t.same(
        withoutTimes(proof === undefined ? undefined : decodeJwt(proof)),
        withoutTimes(outcome.upstream.identity),
      )
    }
  })
}

function withoutTimes(statement: object | undefined): object | undefined {
  if (statement === undefined) return undefined
  const { iat: _, exp: __, ...rest } = statement as Record<string, unknown>
  return rest
}
