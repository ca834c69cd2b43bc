import t, { type Test } from 'tap'
import type { Route } from '../../src/domain/route.ts'
import { createBearerTokens } from '../../src/oidc/bearer-tokens.ts'
import { startLoginBed } from '../oidc/login-fixture.ts'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

type Json = Record<string, unknown>

const API = 'https://orders.example.com'
const BEARER = { audience: [API], algorithms: ['RS256'], check: 'keys' } as const
const seconds = () => Math.floor(Date.now() / 1000)

const idp = await startLoginBed(t)

/** `/both/*` takes sessions and tokens, `/api/*` tokens only, `/session/*` sessions only. */
async function stand(t: Test, overrides: Partial<Route> = {}) {
  const { scripted, provider } = idp
  await provider.connection()
  const upstream = await startRecordingUpstream(t, (request, response) => {
    if (request.url?.endsWith('/stream') !== true) return void response.end('ok')
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  })
  const route = (path: string, credentials: Route['credentials']) =>
    guardedRoute(path, upstream.origin, { credentials, ...overrides })
  const routes = [
    route('/both/*', { session: true, bearer: BEARER }),
    route('/api/*', { session: false, bearer: BEARER }),
    route('/session/*', { session: true }),
  ]
  const bearerTokens = createBearerTokens(provider, Date.now)
  const proxied = await startProxied(t, routes, { atProvider: { bearerTokens } })
  const token = (claims: Json = {}) => {
    const own = { iss: scripted.issuer, sub: 'robot', aud: API, exp: seconds() + 60 }
    return scripted.sign({ ...own, ...claims }, { typ: 'at+jwt' })
  }
  const send = (path: string, ...fields: string[]) =>
    ask(t, proxied.port, head(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields))
  return { ...proxied, upstream, token, send }
}

t.test("RS-12 a caller's own token opens the route and goes upstream as it is", async (t) => {
  const { send, token, upstream, finished } = await stand(t)
  const own = await token()
  const answer = await send('/api/x', `Authorization: Bearer ${own}`)
  t.equal(answer.status, 200)
  t.same(upstream.requests[0]?.values('authorization'), [`Bearer ${own}`])
  t.notMatch(answer.head, /^set-cookie:/im)
  t.match(await finished(), { status: 200, subject: 'robot' })
})

t.test('RFC 6750 §2.1 how the header may be written', async (t) => {
  const { send, token } = await stand(t)
  const own = await token()
  for (const [value, status] of [
    [`Bearer ${own}`, 200],
    [`bearer ${own}`, 200],
    [`BEARER ${own}`, 200],
    [`Bearer   ${own}`, 200],
    [`Bearer ${own}   `, 200],
    [`Bearer\t${own}`, 401],
    [`Bearer ${own} ${own}`, 401],
    [`Bearer ${own},`, 401],
    [`Bearer "${own}"`, 401],
    [`Bearer`, 401],
    [`Bearer =`, 401],
    [`Bearer${own}`, 401],
    [`Token ${own}`, 401],
    [`Basic ${own}`, 401],
    [own, 401],
  ] as const) {
    const shown = value.replaceAll(own, '…')
    t.equal((await send('/api/x', `Authorization: ${value}`)).status, status, shown)
  }
})

t.test('HX-22 of two Authorization headers nobody chooses one', async (t) => {
  const { send, token, upstream } = await stand(t)
  const own = await token()
  for (const path of ['/api/x', '/both/x']) {
    for (const [one, other] of [
      [`Bearer ${own}`, 'Bearer x'],
      ['Bearer x', `Bearer ${own}`],
      ['Basic x', `Bearer ${own}`],
    ]) {
      const answer = await send(path, `Authorization: ${one}`, `AUTHORIZATION: ${other}`)
      t.equal(answer.status, 400)
      t.match(JSON.parse(answer.body), { reason: 'request_malformed' })
    }
  }
  t.equal(upstream.requests.length, 0)
})

t.test('a token of 100 KB never gets as far as being looked at', async (t) => {
  const { send, token, upstream } = await stand(t)
  const answer = await send('/api/x', `Authorization: Bearer ${'a'.repeat(100_000)}`)
  t.equal(answer.status, 431)
  t.equal((await send('/api/x', `Authorization: Bearer ${await token()}`)).status, 200)
  t.equal(upstream.requests.length, 1)
})

t.test('RFC 6750 §3 what the challenge says', async (t) => {
  const { send, token } = await stand(t)
  const expired = await token({ exp: seconds() - 60 })
  for (const [fields, reason, challenge] of [
    [[], 'bearer_missing', 'Bearer'],
    [
      ['Authorization: Bearer x'],
      'bearer_invalid',
      'Bearer error="invalid_token", error_description="The access token is not valid here"',
    ],
    [
      [`Authorization: Bearer ${expired}`],
      'bearer_expired',
      'Bearer error="invalid_token", error_description="The access token has expired"',
    ],
  ] as const) {
    const answer = await send('/api/x', ...fields)
    t.equal(answer.status, 401)
    const problem = JSON.parse(answer.body) as Json
    t.match(problem, { reason })
    t.notOk('login_url' in problem, 'no login gives a program another token')
    t.equal(answer.header('www-authenticate'), challenge)
    t.notMatch(answer.head, /^set-cookie:/im)
  }
})

t.test('AT-39 with a cookie and a token the token counts alone', async (t) => {
  const { send, signIn, token, upstream } = await stand(t)
  const { cookie, token: ofSession } = await signIn('victim')
  const own = await token({ sub: 'attacker' })
  const both = await send('/both/x', `Cookie: ${cookie}`, `Authorization: Bearer ${own}`)
  t.equal(both.status, 200)
  t.same(upstream.requests.at(-1)?.values('authorization'), [`Bearer ${own}`])
  const session = await send('/both/x', `Cookie: ${cookie}`)
  t.equal(session.status, 200)
  t.same(upstream.requests.at(-1)?.values('authorization'), [`Bearer ${ofSession}`])
  const basic = await send('/both/x', `Cookie: ${cookie}`, 'Authorization: Basic eDp5')
  t.equal(basic.status, 200, 'another scheme is nothing to us')
  t.same(upstream.requests.at(-1)?.values('authorization'), [`Bearer ${ofSession}`])
})

t.test('AT-39 a bad token is never made up for by a session', async (t) => {
  const { send, signIn, token, upstream } = await stand(t)
  const { cookie } = await signIn()
  for (const bad of ['x', await token({ exp: seconds() - 60 }), await token({ aud: 'other' })]) {
    const answer = await send('/both/x', `Cookie: ${cookie}`, `Authorization: Bearer ${bad}`)
    t.equal(answer.status, 401)
  }
  t.equal(upstream.requests.length, 0)
})

t.test(
  'RS-1 a route for sessions only drops the token; one for tokens only the cookie',
  async (t) => {
    const { send, signIn, token, upstream } = await stand(t)
    const { cookie, token: ofSession } = await signIn()
    const own = await token()
    const dropped = await send('/session/x', `Cookie: ${cookie}`, `Authorization: Bearer ${own}`)
    t.equal(dropped.status, 200)
    t.same(upstream.requests.at(-1)?.values('authorization'), [`Bearer ${ofSession}`])
    const alone = await send('/session/x', `Authorization: Bearer ${own}`)
    t.equal(alone.status, 401)
    t.match(JSON.parse(alone.body), { reason: 'no_session' })
    const cookieOnly = await send('/api/x', `Cookie: ${cookie}`)
    t.match(JSON.parse(cookieOnly.body), { reason: 'bearer_missing' })
  },
)

t.test('a token is no cookie: another site may use one that it has', async (t) => {
  const { port, token, signIn } = await stand(t)
  const own = await token()
  const { cookie } = await signIn()
  const post = (...fields: string[]) =>
    ask(
      t,
      port,
      head(
        'POST /both/x HTTP/1.1',
        'Host: 127.0.0.1',
        'Content-Length: 0',
        'Sec-Fetch-Site: cross-site',
        'Origin: https://evil.example',
        ...fields,
      ),
    )
  t.equal((await post(`Authorization: Bearer ${own}`)).status, 200)
  t.equal((await post(`Cookie: ${cookie}`)).status, 403)
  t.equal((await post(`Cookie: ${cookie}`, 'Authorization: Bearer x')).status, 401)
  t.equal((await post(`Cookie: ${cookie}`, 'Authorization: Basic x')).status, 403)
})

t.test('RS-3 a token in the query is none', async (t) => {
  const { send, token } = await stand(t)
  t.equal((await send(`/api/x?access_token=${await token()}`)).status, 401)
})

t.test('a person at a page for programs sees a page; with both, the login', async (t) => {
  const { send } = await stand(t)
  const page = ['Accept: text/html', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
  const forPrograms = await send('/api/x', ...page, 'Sec-Fetch-Site: none')
  t.equal(forPrograms.status, 401)
  t.match(forPrograms.body, 'This address is for programs')
  const rejected = await send('/both/x', ...page, 'Authorization: Bearer x')
  t.equal(rejected.status, 401, 'a bad token is no reason to sign in')
})

t.test('require holds for tokens too, and is never a login', async (t) => {
  const { send, token, upstream } = await stand(t, {
    require: {
      scope: ['read:orders'],
      claims: [{ name: 'tier', path: ['tier'], oneOf: ['gold'] }],
      stepUp: { acrValues: ['phr'], maxAgeSeconds: 600 },
    },
    headers: { set: [{ name: 'x-user', value: [{ claim: ['sub'] }] }], remove: [] },
  })
  const good = {
    scope: 'openid read:orders',
    tier: 'gold',
    acr: 'phr',
    auth_time: seconds() - 60,
  }
  t.equal((await send('/api/x', `Authorization: Bearer ${await token(good)}`)).status, 200)
  t.same(upstream.requests[0]?.values('x-user'), ['robot'], 'its claims are what headers tell')
  for (const [bad, status, reason, challenge] of [
    [
      { scope: 'openid' },
      403,
      'insufficient_scope',
      'Bearer error="insufficient_scope", scope="read:orders"',
    ],
    [{ tier: 'tin' }, 403, 'claims_unmet', undefined],
    [
      { acr: 'pwd' },
      401,
      'step_up_required',
      'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="600"',
    ],
    [
      { auth_time: seconds() - 700 },
      401,
      'step_up_required',
      'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="600"',
    ],
  ] as const) {
    const own = await token({ ...good, ...bad })
    const answer = await send('/both/x', `Authorization: Bearer ${own}`, 'Accept: text/html')
    t.equal(answer.status, status, reason)
    t.equal(answer.header('www-authenticate'), challenge)
    t.notMatch(answer.head, /^set-cookie:/im)
  }
  t.equal(upstream.requests.length, 1)
})

t.test('an optional route lets strangers in, but nobody with a bad token', async (t) => {
  const { send, token, upstream } = await stand(t, { access: 'optional' })
  t.equal((await send('/api/x')).status, 200)
  t.same(upstream.requests[0]?.values('authorization'), [])
  t.equal((await send('/api/x', 'Authorization: Bearer x')).status, 401)
  t.equal((await send('/api/x', `Authorization: Bearer ${await token()}`)).status, 200)
})

t.test('answers to callers with a token are for no shared cache (ER-7)', async (t) => {
  const { send, token } = await stand(t)
  const answer = await send('/api/x', `Authorization: Bearer ${await token()}`)
  t.match(answer.header('cache-control'), 'private')
})

t.test('LO-15 an event stream ends with the token it was asked for with', async (t) => {
  const { port, token } = await stand(t)
  const client = await openRawSocket(t, port)
  const own = await token({ exp: seconds() + 2 })
  client.write(head('GET /api/stream HTTP/1.1', 'Host: 127.0.0.1', `Authorization: Bearer ${own}`))
  t.match((await client.next()).body, /data: 1/, 'whole, though the upstream never ended it')
})
