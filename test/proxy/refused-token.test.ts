import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createSessionEngine } from '../../src/domain/session-engine.ts'
import type { RefreshAnswer } from '../../src/domain/sign-in.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { vault } from '../../src/session-store/vault.ts'
import { guardedRoute, startProxied, ISSUER } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

/** An upstream that takes only the token `newer`, and a provider that answers refreshes as told. */
async function startWithRefresh(t: Test, refresh: () => Promise<RefreshAnswer>) {
  const upstream = await startRecordingUpstream(t, (request, response) => {
    const isGood = request.headers.authorization === 'Bearer newer'
    if (!isGood) response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' })
    response.end(isGood ? 'fine' : 'stale')
  })
  let refreshes = 0
  const sessions = createSessionEngine({
    store: createMemorySessionStore({ maxSessions: 10, nowMs: Date.now }),
    vault,
    issuers: new Set([ISSUER]),
    routeTokenGrant: async () => t.fail('no route wants a token of its own') as never,
    refreshTokenGrant: () => {
      refreshes += 1
      return refresh()
    },
    idleTimeoutMs: 60_000,
    lifetimeMs: 60_000,
    refreshCooldownMs: 0,
    cacheEntries: 10,
    nowMs: Date.now,
    randomToken: () => randomBytes(32).toString('base64url'),
    emit: () => undefined,
  })
  const route = guardedRoute('/*', upstream.origin)
  const proxied = await startProxied(t, [route], { parts: { sessions } })
  const { cookie } = await proxied.signIn('alice', {}, 'refresh-token')
  const send = (method: string, ...more: string[]) =>
    ask(
      t,
      proxied.port,
      head(
        `${method} /x HTTP/1.1`,
        'Host: 127.0.0.1',
        'Sec-Fetch-Site: same-origin',
        `Cookie: ${cookie}`,
        ...more,
      ),
    )
  return { upstream, send, refreshes: () => refreshes, finished: proxied.finished }
}

async function newToken(): Promise<RefreshAnswer> {
  const nowMs = Date.now()
  return {
    accessToken: { target: '', value: 'newer', obtainedAtMs: nowMs, expiresAtMs: nowMs + 60_000 },
  }
}

t.test(
  'RT-9 a token that the upstream calls invalid is refreshed once, and the call repeated',
  async (t) => {
    const { upstream, send, refreshes, finished } = await startWithRefresh(t, newToken)
    const answer = await send('GET')
    t.equal(answer.status, 200)
    t.equal(answer.body, 'fine')
    t.equal(refreshes(), 1)
    t.equal(upstream.requests.length, 2)
    t.match(await finished(), { status: 200 })
  },
)

t.test('RT-9 the 401 passes when no newer token is to be had', async (t) => {
  const { upstream, send } = await startWithRefresh(t, async () => {
    throw new GatewayError('provider_unavailable', 'down')
  })
  const answer = await send('GET')
  t.equal(answer.status, 401)
  t.equal(answer.body, 'stale')
  t.equal(answer.header('www-authenticate'), 'Bearer error="invalid_token"')
  t.equal(upstream.requests.length, 1)
})

t.test('RT-9 a POST is not repeated', async (t) => {
  const { upstream, send, refreshes } = await startWithRefresh(t, newToken)
  t.equal((await send('POST', 'Content-Length: 0')).status, 401)
  t.equal(refreshes(), 0)
  t.equal(upstream.requests.length, 1)
})
