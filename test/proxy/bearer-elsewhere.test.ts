import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { tokenWish } from '../../src/domain/route-token.ts'
import type { Route } from '../../src/domain/route.ts'
import type { ProviderParts } from '../../src/gateway-providers.ts'
import type { LoadGauge } from '../../src/proxy/load-gauge.ts'
import { createBearerTokens } from '../../src/oidc/bearer-tokens.ts'
import { startLoginBed } from '../oidc/login-fixture.ts'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream, type RecordingUpstream } from '../support/recording-upstream.ts'

const BEARER = { audience: ['https://api'], algorithms: ['RS256'], check: 'keys' } as const
const VERIFY_KEY = randomBytes(32)
const seconds = () => Math.floor(Date.now() / 1000)

const idp = await startLoginBed(t)

/** `/api/*` takes sessions and tokens, and may be asked about by a proxy on this machine. */
async function stand(
  t: Test,
  overrides: Partial<Route> = {},
  { load, ...atProvider }: Partial<ProviderParts> & { readonly load?: LoadGauge } = {},
) {
  await idp.provider.connection()
  const upstream = await startRecordingUpstream(t)
  const credentials = { session: true, bearer: BEARER }
  const route = guardedRoute('/api/*', upstream.origin, { credentials, ...overrides })
  const proxied = await startProxied(t, [route], {
    config: {
      forwardAuth: { key: VERIFY_KEY },
      listen: { host: '127.0.0.1', port: 0, trustedProxies: ['127.0.0.1/32'] },
    },
    ...(load === undefined ? {} : { parts: { load } }),
    atProvider: { bearerTokens: createBearerTokens(idp.provider, Date.now), ...atProvider },
  })
  const token = (claims: Record<string, unknown> = {}) =>
    idp.scripted.sign(
      {
        iss: idp.scripted.issuer,
        sub: 'robot',
        aud: 'https://api',
        exp: seconds() + 60,
        ...claims,
      },
      { typ: 'at+jwt' },
    )
  const send = (path: string, ...fields: string[]) =>
    ask(t, proxied.port, head(`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields))
  const verify = (...fields: string[]) =>
    send(
      '/oauth2/verify',
      `X-Bearergate-Key: ${VERIFY_KEY.toString('hex')}`,
      'X-Forwarded-Method: GET',
      'X-Forwarded-Uri: /api/x',
      ...fields,
    )
  return { ...proxied, upstream, token, send, verify }
}

t.test('FW-10 RS-12 a proxy that asks is answered by the token its client came with', async (t) => {
  const { verify, token, signIn } = await stand(t, {
    headers: { set: [{ name: 'x-user', value: [{ claim: ['sub'] }] }], remove: [] },
  })
  const own = await token()
  const good = await verify(`Authorization: Bearer ${own}`)
  t.equal(good.status, 204)
  t.equal(good.header('authorization'), `Bearer ${own}`)
  t.equal(good.header('x-user'), 'robot')
  const { cookie } = await signIn('alice')
  const both = await verify(`Cookie: ${cookie}`, `Authorization: Bearer ${own}`)
  t.equal(both.header('x-user'), 'robot', 'AT-39')
})

t.test('AT-39 a bad token is refused there too, whatever cookie comes with it', async (t) => {
  const { verify, token, signIn } = await stand(t, {
    require: { scope: ['run'] },
  })
  const { cookie } = await signIn('alice', {}, undefined, 'run')
  t.equal((await verify(`Cookie: ${cookie}`)).status, 204)
  for (const [bad, status, reason, challenge] of [
    ['x', 401, 'bearer_invalid', /error="invalid_token"/],
    [await token({ exp: seconds() - 600 }), 401, 'bearer_expired', /error="invalid_token"/],
    [await token({ aud: 'https://other' }), 401, 'bearer_invalid', /error="invalid_token"/],
    [await token({ scope: 'walk' }), 403, 'insufficient_scope', /scope="run"/],
  ] as const) {
    const answer = await verify(`Cookie: ${cookie}`, `Authorization: Bearer ${bad}`)
    t.equal(answer.status, status)
    t.match(JSON.parse(answer.body), { reason })
    t.match(answer.header('www-authenticate'), challenge)
    t.equal(answer.header('authorization'), undefined)
  }
  const twice = await verify(`Authorization: Bearer ${await token()}`, 'Authorization: Bearer x')
  t.equal(twice.status, 403, 'HX-22 of two nobody chooses')
})

t.test('RL-6 who has too much to do says so to a proxy that asks, too', async (t) => {
  let isBusy = false
  const load = { isOverloaded: () => isBusy, close: () => undefined }
  const { verify, token } = await stand(t, {}, { load })
  const own = `Authorization: Bearer ${await token()}`
  t.equal((await verify(own)).status, 204)
  isBusy = true
  const answer = await verify(own)
  t.equal(answer.status, 503)
  t.match(JSON.parse(answer.body), { reason: 'overloaded' })
  t.match(answer.header('retry-after'), /^\d+$/)
  t.equal(answer.header('authorization'), undefined)
})

/** A WebSocket server behind the route. */
async function echo(t: Test, upstream: RecordingUpstream) {
  const sockets = new WebSocketServer({ server: upstream.server })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  })
  const headers: Record<string, unknown>[] = []
  sockets.on('connection', (socket, request) => {
    headers.push(request.headers)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  return headers
}

const SOCKETS = { websocket: { origins: ['https://app.example.com'] } }

/** Opens; the status of the refusal when it is none. */
async function open(t: Test, port: number, headers: Record<string, string>, origin?: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/ws`, {
    headers,
    ...(origin === undefined ? {} : { origin }),
  })
  t.teardown(() => socket.terminate())
  return new Promise<WebSocket | number>((resolve) => {
    socket.on('open', () => resolve(socket))
    socket.on('unexpected-response', (_, answer) => resolve(answer.statusCode ?? 0))
    socket.on('error', () => undefined)
  })
}

t.test('CS-6 a program opens a WebSocket by its token, without Origin', async (t) => {
  const { upstream, port, token } = await stand(t, SOCKETS)
  const handshakes = await echo(t, upstream)
  const authorization = `Bearer ${await token()}`
  const socket = await open(t, port, { authorization })
  if (typeof socket === 'number') return t.fail(`refused with ${socket}`)
  socket.send('hello')
  t.equal(String((await once(socket, 'message'))[0]), 'hello')
  t.match(handshakes, [{ authorization }])
})

t.test('CS-6 … and is refused with a bad token, or from a page that is not listed', async (t) => {
  const { upstream, port, token, signIn } = await stand(t, SOCKETS)
  const handshakes = await echo(t, upstream)
  const { cookie } = await signIn()
  const authorization = `Bearer ${await token()}`
  t.equal(await open(t, port, {}), 401)
  t.equal(await open(t, port, { authorization: 'Bearer x' }), 401)
  t.equal(
    await open(t, port, { authorization: 'Bearer x', cookie }, 'https://app.example.com'),
    401,
    'AT-39 no fall-back to the session',
  )
  t.equal(await open(t, port, { authorization }, 'https://evil.example'), 403)
  t.equal(handshakes.length, 0)
})

t.test('LO-15 a WebSocket closes when the token it was opened with ends', async (t) => {
  const { upstream, port, token } = await stand(t, SOCKETS)
  await echo(t, upstream)
  const authorization = `Bearer ${await token({ exp: seconds() + 2 })}`
  const socket = await open(t, port, { authorization })
  if (typeof socket === 'number') return t.fail(`refused with ${socket}`)
  const [code] = (await once(socket, 'close')) as [number]
  t.ok(code >= 1000)
})

t.test('RS-1 via none: a token lets its caller in and goes nowhere', async (t) => {
  const { upstream, send, verify, token } = await stand(t, { token: { via: 'none' } })
  const own = `Authorization: Bearer ${await token()}`
  t.equal((await send('/api/x', own)).status, 200)
  t.same(upstream.requests[0]?.values('authorization'), [])
  t.equal((await verify(own)).header('authorization'), undefined)
  t.equal((await send('/api/x', 'Authorization: Bearer x')).status, 401)
})

t.test("RS-12 via client_credentials: the upstream gets the gateway's own instead", async (t) => {
  const service = { target: 's', value: 'of-the-gateway', obtainedAtMs: 0, expiresAtMs: 9e15 }
  const serviceTokens = { token: () => service, replace: async () => undefined }
  const { upstream, send, verify, token } = await stand(
    t,
    { token: tokenWish('client_credentials', { audience: 'orders' }) },
    { serviceTokens },
  )
  const own = `Authorization: Bearer ${await token()}`
  t.equal((await send('/api/x', own)).status, 200)
  t.same(upstream.requests[0]?.values('authorization'), ['Bearer of-the-gateway'])
  t.equal((await verify(own)).header('authorization'), 'Bearer of-the-gateway')
  t.equal((await send('/api/x', 'Authorization: Bearer x')).status, 401)
  t.equal((await send('/api/x')).status, 401, 'nobody is not let in by what the gateway has')
  t.equal(upstream.requests.length, 1)
})
