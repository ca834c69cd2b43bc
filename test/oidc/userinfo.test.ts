import t from 'tap'
import { failure, outcome, recordOf, startLoginBed, refreshed } from './login-fixture.ts'

t.test('D-13 userinfo is asked only where configured', async (t) => {
  const { scripted, login } = await startLoginBed(t)
  await login()
  t.equal(scripted.callsTo('/userinfo'), 0)
})

t.test('ID-15 userinfo-bearer-header: its claims join those of the ID token', async (t) => {
  const { scripted, login } = await startLoginBed(t, { userinfo: true })
  scripted.script.userinfo = (own) => ({ ...own, groups: ['a'], sid: 'not this one' })
  const { claims, accessToken } = await login()
  t.match(claims, { sub: 'alice', email: 'alice@example.com', groups: ['a'], sid: 'sid-alice' })
  const [call] = scripted.requests.filter((one) => one.path === '/userinfo')
  t.equal(call?.headers.authorization, `Bearer ${accessToken.value}`)
  t.equal(call?.method, 'GET')
  t.equal(call?.query.size, 0)
})

t.test('ID-15 userinfo-invalid-sub: the login is refused', async (t) => {
  const { scripted, login } = await startLoginBed(t, { userinfo: true })
  scripted.script.userinfo = (own) => ({ ...own, sub: 'aliceinvalid' })
  t.match(await failure(login()), { reason: 'provider_error', providerError: 'userinfo_sub' })
})

t.test(
  'ID-15 userinfo-signed: a signature of the provider is believed, another is not',
  async (t) => {
    const { scripted, login, eventsOf } = await startLoginBed(t, { userinfo: true })
    const claims = {
      iss: scripted.issuer,
      aud: scripted.clientId,
      sub: 'alice',
      email: 'signed@example.com',
    }
    const header = { alg: 'RS256', kid: scripted.keys.kid('rsa') }
    const signed = await scripted.keys.sign('rsa', header, claims)
    scripted.script.userinfo = () => signed
    t.match((await login()).claims, { email: 'signed@example.com' })
    const forged = await scripted.keys.sign('foreign', header, claims)
    scripted.script.userinfo = () => forged
    t.notOk('email' in (await login()).claims)
    t.match(eventsOf('warning'), [{ code: 'userinfo_failed' }])
  },
)

t.test('STACK §4 a failing userinfo costs its claims only, at login and at refresh', async (t) => {
  const { scripted, provider, login, eventsOf } = await startLoginBed(t, { userinfo: true })
  const record = recordOf(await login())
  scripted.script.raw = (path) =>
    path === '/userinfo'
      ? { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
      : undefined
  t.match((await login()).claims, { sub: 'alice' })
  t.match(
    await refreshed(provider, record),
    { claims: { email: 'alice@example.com' } },
    'the old ones stay',
  )
  t.equal(eventsOf('warning').length, 1)
})

t.test(
  'RT-17 userinfo is asked again at a refresh; another user’s claims are not used',
  async (t) => {
    const { scripted, provider, login, eventsOf } = await startLoginBed(t, { userinfo: true })
    let record = recordOf(await login())
    const refresh = async () => {
      const answer = await refreshed(provider, record)
      record = { ...record, ...answer, accessTokens: [answer.accessToken] }
      return answer
    }
    scripted.script.userinfo = (own) => ({ ...own, email: 'new@example.com' })
    t.match(await refresh(), { claims: { email: 'new@example.com' } })
    scripted.script.idToken = () => undefined
    scripted.script.userinfo = (own) => ({ ...own, email: 'newer@example.com' })
    t.match(await refresh(), { claims: { email: 'newer@example.com', sid: 'sid-alice' } })
    scripted.script.userinfo = (own) => ({ ...own, sub: 'mallory', email: 'm@example.com' })
    const answer = await refresh()
    t.notOk('claims' in answer)
    t.match(eventsOf('warning'), [{ code: 'userinfo_sub' }])
  },
)

t.test('a provider without the endpoint is not asked', async (t) => {
  const { scripted, login } = await startLoginBed(
    t,
    { userinfo: true },
    {
      script: { metadata: (m) => ({ ...m, userinfo_endpoint: undefined }) },
    },
  )
  t.equal(await outcome(login()), 'signed_in')
  t.equal(scripted.callsTo('/userinfo'), 0)
})
