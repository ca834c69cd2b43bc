import t from 'tap'
import { revokeRefreshToken } from '../../src/oidc/token-revocation.ts'
import { eventually, outcome, recordOf, startLoginBed } from './login-fixture.ts'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import { BUSY_MS } from '../support/patience.ts'

t.test(
  'RT-12 the refresh token is revoked by POST with its hint and our authentication',
  async (t) => {
    const { scripted, provider, login, eventsOf } = await startLoginBed(t)
    const record = recordOf(await login())
    await revokeRefreshToken(provider, record.refreshToken ?? '')
    const [call] = scripted.requests.filter((one) => one.path === '/revoke')
    t.equal(call?.method, 'POST')
    t.match(Object.fromEntries(call?.form ?? []), {
      token: record.refreshToken,
      token_type_hint: 'refresh_token',
    })
    t.match(call?.headers.authorization, /^Basic /)
    t.equal(eventsOf('revocation_succeeded').length, 1)
    t.equal(await outcome(refreshTokenGrant(provider, record)), 'refresh_rejected')
  },
)

t.test('RT-12 a 503 is tried again a second later, in the background', async (t) => {
  const { scripted, provider, login, eventsOf } = await startLoginBed(t)
  await login()
  scripted.script.raw = (path) =>
    path === '/revoke' && scripted.callsTo('/revoke') < 2 ? { status: 503 } : undefined
  await revokeRefreshToken(provider, 'rt-x')
  t.equal(scripted.callsTo('/revoke'), 2)
  t.equal(eventsOf('revocation_succeeded').length, 1)
  t.equal(eventsOf('revocation_failed').length, 0)
})

t.test('RT-12 a refusal is final: reported, never thrown', async (t) => {
  const { scripted, provider, login, eventsOf } = await startLoginBed(t)
  await login()
  scripted.script.raw = (path) => (path === '/revoke' ? { status: 401 } : undefined)
  await revokeRefreshToken(provider, 'rt-x')
  t.equal(scripted.callsTo('/revoke'), 1)
  t.equal(eventsOf('revocation_failed').length, 1)
  t.match(eventsOf('provider_refused_client'), [{ step: 'revocation' }])
})

t.test('RT-12 closing the provider ends the retries', async (t) => {
  const { scripted, provider, login, eventsOf } = await startLoginBed(t)
  await login()
  scripted.script.raw = (path) => (path === '/revoke' ? { status: 503 } : undefined)
  const work = revokeRefreshToken(provider, 'rt-x')
  await eventually(() => scripted.callsTo('/revoke') === 1)
  const beforeMs = Date.now()
  await provider.close()
  await work
  t.ok(Date.now() - beforeMs < 900 + BUSY_MS)
  t.equal(eventsOf('revocation_failed').length, 1)
})

t.test('a provider without the endpoint is not asked', async (t) => {
  const { scripted, provider, login, events } = await startLoginBed(
    t,
    {},
    {
      script: { metadata: (m) => ({ ...m, revocation_endpoint: undefined }) },
    },
  )
  await login()
  const before = events.length
  await revokeRefreshToken(provider, 'rt-x')
  t.equal(scripted.callsTo('/revoke'), 0)
  t.equal(events.length, before)
})
