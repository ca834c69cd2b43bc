import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { Route } from '../../src/domain/route.ts'
import { identityRule } from '../../src/domain/signed-identity.ts'
import { createBearerTokens } from '../../src/oidc/bearer-tokens.ts'
import { startLoginBed } from '../oidc/login-fixture.ts'
import { guardedRoute, ISSUER, openRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const FIELD = 'x-bearergate-identity'
const GATEWAY = 'https://gateway.example.com'
const BEARER = { audience: ['https://api'], algorithms: ['RS256'], check: 'keys' } as const
const VERIFY_KEY = randomBytes(32)

const idp = await startLoginBed(t)

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** An API that lets in only whom the gateway vouches for, by the keys it fetches there, as docs/headers.md shows. */
async function startDoubtingApi(t: Test) {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  const api = await startRecordingUpstream(t, (request, response) => {
    const proof = request.headers[FIELD]
    const checked =
      keys === undefined || typeof proof !== 'string'
        ? Promise.reject(new Error('no proof'))
        : jwtVerify(proof, keys, {
            issuer: GATEWAY,
            audience: api.origin,
            typ: 'bearergate-identity+jwt',
            algorithms: ['ES256'],
          })
    checked.then(
      ({ payload }) => response.end(JSON.stringify(payload)),
      (error: unknown) => response.writeHead(401).end(String(error)),
    )
  })
  const trust = (port: number) =>
    (keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${port}/oauth2/jwks`)))
  return { ...api, trust }
}

/** `/api/*` for sessions and tokens, `/maybe/*` optional, `/open/*` public: all to the doubting API, the first two with proof. */
async function stand(t: Test, overrides: Partial<Route> = {}) {
  await idp.provider.connection()
  const api = await startDoubtingApi(t)
  const identity = identityRule({ header: FIELD, audience: api.origin, claims: ['email'] })
  const credentials = { session: true, bearer: BEARER }
  const proven = { identity, credentials, ...overrides }
  const proxied = await startProxied(
    t,
    [
      guardedRoute('/api/*', api.origin, proven),
      guardedRoute('/maybe/*', api.origin, { ...proven, access: 'optional' }),
      openRoute('/open/*', api.origin),
    ],
    {
      config: {
        identity: { keys: [newKey()], issuer: GATEWAY, lifetimeMs: 60_000 },
        forwardAuth: { key: VERIFY_KEY },
        listen: { host: '127.0.0.1', port: 0, trustedProxies: ['127.0.0.1/32'] },
      },
      atProvider: { bearerTokens: createBearerTokens(idp.provider, Date.now) },
    },
  )
  api.trust(proxied.port)
  const send = (path: string, ...fields: string[]) =>
    ask(t, proxied.port, head(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields))
  const token = (claims: Record<string, unknown> = {}) => {
    const exp = Math.floor(Date.now() / 1000) + 60
    const own = { iss: idp.scripted.issuer, sub: 'robot', aud: 'https://api', exp }
    return idp.scripted.sign({ ...own, ...claims }, { typ: 'at+jwt' })
  }
  return { ...proxied, api, send, token }
}

t.test(
  'an API lets in whom the gateway vouches for, by nothing but its published keys',
  async (t) => {
    const { api, send, signIn } = await stand(t)
    const { cookie } = await signIn('alice', { email: 'alice@example.com', phone: '1' })
    const answer = await send('/api/x', `Cookie: ${cookie}`)
    t.equal(answer.status, 200, answer.body)
    const { iat, exp, ...said } = JSON.parse(answer.body) as Record<string, unknown>
    t.same(said, {
      iss: GATEWAY,
      sub: 'alice',
      aud: api.origin,
      idp_iss: ISSUER,
      email: 'alice@example.com',
    })
    t.equal(Number(exp) - Number(iat), 60)
    t.equal((await send('/api/y', `Cookie: ${cookie}`)).status, 200)
    const [first, second] = api.requests.map((request) => request.values(FIELD))
    t.same(second, first, 'signed once, used twice')
  },
)

t.test(
  'header and audience are those of the route; every such name is taken from callers everywhere',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const of = (header: string, audience: string) => ({
      identity: identityRule({ header, audience, claims: [] }),
    })
    const { port, signIn } = await startProxied(
      t,
      [
        guardedRoute('/a', upstream.origin, of('x-proof-a', 'urn:a')),
        guardedRoute('/b', upstream.origin, of('x-proof-b', 'urn:b')),
        openRoute('/open', upstream.origin),
      ],
      { config: { identity: { keys: [newKey()], issuer: GATEWAY, lifetimeMs: 60_000 } } },
    )
    const { cookie } = await signIn('alice')
    const forged = ['X-Proof-A: x', 'X-Proof-B: x', `${FIELD}: x`, `Cookie: ${cookie}`]
    for (const path of ['/a', '/b', '/open'])
      await ask(t, port, head(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...forged))
    const seen = upstream.requests.map(({ values }) =>
      ['x-proof-a', 'x-proof-b', FIELD].map((name) =>
        values(name).map((one) => decodeJwt(one).aud),
      ),
    )
    t.same(seen, [
      [['urn:a'], [], []],
      [[], ['urn:b'], []],
      [[], [], []],
    ])
  },
)

t.test('two people get two statements', async (t) => {
  const { send, signIn } = await stand(t)
  for (const name of ['alice', 'bob', 'alice']) {
    const { cookie } = await signIn(name)
    const answer = await send('/api/x', `Cookie: ${cookie}`)
    t.match(JSON.parse(answer.body), { sub: name })
  }
})

t.test(
  "RS-12 a caller's own token is vouched for alike, with the claims of the token",
  async (t) => {
    const { send, token, signIn } = await stand(t)
    const own = `Authorization: Bearer ${await token({ email: 'robot@example.com' })}`
    const answer = await send('/api/x', own)
    t.match(JSON.parse(answer.body), {
      sub: 'robot',
      email: 'robot@example.com',
      idp_iss: idp.scripted.issuer,
    })
    const { cookie } = await signIn('victim')
    const both = await send('/api/x', `Cookie: ${cookie}`, own)
    t.match(JSON.parse(both.body), { sub: 'robot' }, 'AT-39')
    const other = await send('/api/x', `Authorization: Bearer ${await token({ sub: 'other' })}`)
    t.match(JSON.parse(other.body), { sub: 'other' })
  },
)

t.test('a token that names nobody is vouched for as nobody', async (t) => {
  const { api, send, token } = await stand(t)
  const nobody = await token({ sub: undefined })
  t.equal((await send('/api/x', `Authorization: Bearer ${nobody}`)).status, 401)
  t.same(api.requests[0]?.values(FIELD), [])
})

t.test('FW-8 FW-4 nobody vouches for strangers, least of all they themselves', async (t) => {
  const { api, send, signIn, events } = await stand(t)
  const { cookie } = await signIn('alice')
  await send('/api/x', `Cookie: ${cookie}`)
  const [stolen = ''] = api.requests[0]?.values(FIELD) ?? []
  for (const path of ['/maybe/x', '/open/x']) {
    for (const name of [
      FIELD,
      FIELD.toUpperCase(),
      'X_Bearergate_Identity',
      'X-Bearergate_Identity',
    ]) {
      const answer = await send(path, `${name}: ${stolen}`)
      t.equal(answer.status, 401, `${path} ${name}`)
    }
  }
  const sent = api.requests.slice(1).flatMap(({ rawHeaders }) => rawHeaders.join('\n'))
  t.notMatch(sent.join('\n'), /bearergate.identity/i)
  t.ok(events.some((event) => event.type === 'header_stripped' && event.name === FIELD))
})

t.test('with a session the own statement is the only one', async (t) => {
  const { api, send, signIn } = await stand(t)
  const { cookie } = await signIn('alice')
  const answer = await send(
    '/api/x',
    `Cookie: ${cookie}`,
    `${FIELD}: x`,
    'X_BEARERGATE_IDENTITY: y',
  )
  t.match(JSON.parse(answer.body), { sub: 'alice' })
  t.equal(api.requests[0]?.values(FIELD).length, 1)
})

t.test('a statement is not taken for anything else by the gateway itself', async (t) => {
  const { api, send, signIn } = await stand(t)
  const { cookie } = await signIn('alice')
  await send('/api/x', `Cookie: ${cookie}`)
  const [proof = ''] = api.requests[0]?.values(FIELD) ?? []
  t.equal((await send('/api/x', `Authorization: Bearer ${proof}`)).status, 401)
})

t.test('the name is taken from callers also where nothing is signed', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/open/*', upstream.origin)])
  await ask(t, port, head('GET /open/x HTTP/1.1', 'Host: 127.0.0.1', `${FIELD}: x`))
  t.same(upstream.requests[0]?.values(FIELD), [])
  const keys = await ask(t, port, head('GET /oauth2/jwks HTTP/1.1', 'Host: 127.0.0.1'))
  t.equal(keys.status, 404)
  t.match(JSON.parse(keys.body), { reason: 'route_not_found' })
})

t.test('the keys are public, for a while cacheable, and read by GET and HEAD only', async (t) => {
  const { port, send } = await stand(t)
  const answer = await send('/oauth2/jwks')
  t.equal(answer.status, 200)
  t.equal(answer.header('content-type'), 'application/jwk-set+json')
  t.equal(answer.header('cache-control'), 'public, max-age=300')
  t.same(answer.headers('set-cookie'), [])
  const { keys } = JSON.parse(answer.body) as { keys: Record<string, unknown>[] }
  t.same(Object.keys(keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  t.equal((await ask(t, port, head('HEAD /oauth2/jwks HTTP/1.1', 'Host: 127.0.0.1'))).status, 200)
  const post = head('POST /oauth2/jwks HTTP/1.1', 'Host: 127.0.0.1', 'Content-Length: 0')
  t.equal((await ask(t, port, post)).status, 405)
})

t.test('FW-10 a proxy that forwards itself is given the statement to copy', async (t) => {
  const { api, send, signIn, token } = await stand(t)
  const { cookie } = await signIn('alice', { email: 'alice@example.com' })
  const about = (path: string, ...fields: string[]) =>
    send(
      '/oauth2/verify',
      `X-Bearergate-Key: ${VERIFY_KEY.toString('hex')}`,
      'X-Forwarded-Method: GET',
      `X-Forwarded-Uri: ${path}`,
      ...fields,
    )
  const answer = await about('/api/x', `Cookie: ${cookie}`)
  t.equal(answer.status, 204)
  t.match(decodeJwt(answer.header(FIELD) ?? ''), { sub: 'alice', aud: api.origin })
  const robot = await about('/api/x', `Authorization: Bearer ${await token()}`)
  t.match(decodeJwt(robot.header(FIELD) ?? ''), { sub: 'robot' })
  const stranger = await about('/maybe/x', `${FIELD}: forged`)
  t.equal(stranger.status, 204)
  t.equal(stranger.header(FIELD), undefined)
  const open = await about('/open/x', `Cookie: ${cookie}`)
  t.equal(open.status, 204)
  t.equal(open.header(FIELD), undefined)
})

t.test('a WebSocket opens with the statement', async (t) => {
  const { api, port, signIn } = await stand(t, { websocket: { origins: ['http://127.0.0.1'] } })
  const sockets = new WebSocketServer({ server: api.server })
  t.teardown(() => sockets.close())
  const opened = once(sockets, 'connection')
  const { cookie } = await signIn('alice')
  const headers = { cookie, [FIELD]: 'forged' }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/ws`, {
    headers,
    origin: 'http://127.0.0.1',
  })
  const isOpen = once(socket, 'open')
  const [, handshake] = (await opened) as [unknown, { headers: Record<string, string> }]
  t.match(decodeJwt(handshake.headers[FIELD] ?? ''), { sub: 'alice', aud: api.origin })
  await isOpen
  socket.terminate()
})

t.test('FW-7 one that would be over 4 KiB is not sent, and the log warns', async (t) => {
  const { api, send, signIn, events } = await stand(t)
  const { cookie } = await signIn('alice', { email: 'x'.repeat(4_000) })
  t.equal((await send('/api/x', `Cookie: ${cookie}`)).status, 401)
  t.same(api.requests[0]?.values(FIELD), [])
  t.ok(events.some((event) => event.type === 'warning' && event.code === 'header_too_long'))
})

t.test('a statement outlives no session: who has signed out gets none', async (t) => {
  const { send, signIn, parts } = await stand(t)
  const { cookie, ticket } = await signIn('alice')
  t.equal((await send('/api/x', `Cookie: ${cookie}`)).status, 200)
  await parts.sessions.end(ticket, 'session_revoked')
  t.equal((await send('/api/x', `Cookie: ${cookie}`)).status, 401)
})
