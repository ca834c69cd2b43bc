import t from 'tap'
import { createBrowser } from '../support/browser-jar.ts'
import { providerSection, startGateway } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { startTwoProviders } from '../support/two-providers.ts'

t.test('a token of a caller is held against the provider that it says it is from', async (t) => {
  const api = 'https://api.example.com'
  const [one, other] = [await startScriptedProvider(t), await startScriptedProvider(t)]
  const section = {
    clientId: one.clientId,
    clientSecret: one.clientSecret,
    allowInsecureHttp: true,
  }
  const { upstream } = await startTwoProviders(t)
  const gateway = await startGateway(t, {
    providers: {
      one: { ...section, issuer: one.issuer, audience: api },
      other: { ...section, issuer: other.issuer, audience: api },
    },
    routes: [
      {
        path: '/both/*',
        upstream: upstream.origin,
        provider: ['one', 'other'],
        credentials: ['session', 'bearer'],
      },
      { path: '/one/*', upstream: upstream.origin, provider: 'one', credentials: ['bearer'] },
      {
        path: '/service/*',
        upstream: upstream.origin,
        access: 'public',
        provider: 'other',
        token: { via: 'client_credentials', audience: api },
      },
    ],
  })
  for (const { issuer } of [one, other])
    await gateway.line((line) => line['event'] === 'provider_ready' && line['issuer'] === issuer)
  const claims = { sub: 'robot', aud: api, exp: Math.floor(Date.now() / 1000) + 60 }
  const tokens = {
    one: await one.sign({ ...claims, iss: one.issuer }, { typ: 'at+jwt' }),
    other: await other.sign({ ...claims, iss: other.issuer }, { typ: 'at+jwt' }),
    forged: await other.sign({ ...claims, iss: one.issuer }, { typ: 'at+jwt' }),
    foreign: await other.sign({ ...claims, iss: 'https://evil.example' }, { typ: 'at+jwt' }),
    opaque: 'opaque-token-of-somebody',
  }
  const statuses = async (path: string) => {
    const entries = Object.entries(tokens).map(async ([name, token]) => {
      const headers = { authorization: `Bearer ${token}` }
      return [name, (await fetch(gateway.origin + path, { headers })).status] as const
    })
    return Object.fromEntries(await Promise.all(entries))
  }
  t.same(await statuses('/both/x'), {
    one: 200,
    other: 200,
    forged: 401,
    foreign: 401,
    opaque: 401,
  })
  t.same(await statuses('/one/x'), { one: 200, other: 401, forged: 401, foreign: 401, opaque: 401 })
  t.equal(one.callsTo('/introspect') + other.callsTo('/introspect'), 0, 'shown to nobody')
  t.equal((await fetch(`${gateway.origin}/service/x`)).status, 200)
  t.equal(other.callsTo('client_credentials'), 1)
  t.equal(one.callsTo('client_credentials'), 0)
})

t.test('one provider that is down keeps nobody from the routes of the other', async (t) => {
  const { origin: upstream } = (await startTwoProviders(t)).upstream
  const up = await startOpenIdProvider(t)
  const down = await startOpenIdProvider(t)
  await down.stop()
  const gateway = await startGateway(t, {
    providers: { up: providerSection(up), down: providerSection(down) },
    routes: [
      { path: '/up/*', upstream, provider: 'up' },
      { path: '/down/*', upstream, provider: 'down' },
    ],
  })
  up.registerGateway(gateway.origin)
  const failed = await gateway.line(({ event }) => event === 'provider_unavailable')
  t.match(failed, { provider: 'down', issuer: down.issuer })
  await gateway.line(({ event }) => event === 'provider_ready')
  const { status, body } = await gateway.ask('/readyz')
  t.equal(status, 200)
  t.match(JSON.parse(body), {
    status: 'pass',
    checks: {
      'provider_metadata:up': [{ status: 'pass' }],
      'provider_metadata:down': [{ status: 'fail' }],
    },
  })
  const metrics = (await gateway.ask('/metrics')).body
  t.match(metrics, 'bearergate_provider_ready{provider="up"} 1')
  t.match(metrics, 'bearergate_provider_ready{provider="down"} 0')
  const browser = createBrowser()
  t.teardown(() => browser.close())
  t.equal((await browser.navigate(`${gateway.origin}/down/x`)).status, 503)
  t.equal((await signIn(browser, `${gateway.origin}/up/x`)).status, 200)
  t.match((await gateway.ask('/')).body, `Redirect URI (down)`)
})
