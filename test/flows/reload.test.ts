import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { openEventStream } from '../support/event-stream.ts'
import { freePort, providerSection, startGatewayProcess } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { until } from '../support/redis-servers.ts'
import { startUpstreamOfReloads } from '../support/upstream-of-reloads.ts'
import { cookieOf, newBrowser, signedIn, startReloadWorld } from '../support/reload-world.ts'

t.test(
  'AT-38 OB-3 a half-written or wrong file changes nothing and says where it is wrong',
  async (t) => {
    const { gateway, planOf, api, open, change } = await startReloadWorld(t)
    const browser = await signedIn(t, gateway)
    const works = async () => {
      t.equal((await browser.fetch(`${gateway.origin}/api/x`)).body, 'old', 'the session too')
      t.equal((await browser.fetch(`${gateway.origin}/open/x`)).body, 'old')
    }
    const places = () =>
      gateway.log().flatMap(({ level, msg }) => (level === 'error' ? [String(msg)] : []))

    const whole = JSON.stringify(planOf(api), null, 2)
    t.match(await change(whole.slice(0, whole.length / 2), 'config_refused'), {
      level: 'error',
      audit: true,
    })
    t.ok(
      places().some((text) => /bearergate\.yaml:\d+:\d+: /.test(text)),
      places().join('\n'),
    )
    await works()

    await change('', 'config_refused')
    const wrong = await change(
      planOf({ path: 'api', upstream: 'nowhere' }, { path: '/x', acess: 'public' }),
      'config_refused',
    )
    t.ok(Number(wrong['problems']) >= 3, 'all that is wrong with it')
    await works()

    await change(planOf(api, open), 'config_unchanged')
    await change(planOf(api, open, { ...open, path: '/new/*' }))
    await works()
    t.equal((await browser.fetch(`${gateway.origin}/new/x`)).body, 'old')
    const { body } = await gateway.ask('/metrics')
    t.match(body, 'bearergate_config_reloads_total{outcome="refused"} 3')
    t.match(body, 'bearergate_config_reloads_total{outcome="unchanged"} 1')
    t.match(body, 'bearergate_config_reloads_total{outcome="applied"} 1')
    t.match(body, /bearergate_requests_total\{[^}]*route="\/new\/\*"/)
  },
)

t.test('routes come, go, move and get stricter; sessions in memory live on', async (t) => {
  const { gateway, upstream, planOf, api, change } = await startReloadWorld(t)
  const other = await startUpstreamOfReloads(t, 'new')
  const browser = await signedIn(t, gateway)
  const page = async (path: string) => browser.fetch(gateway.origin + path)
  const slow = page('/api/slow')
  const finish = await upstream.download

  await change(planOf({ ...api, path: '/new/*' }))
  t.equal((await page('/new/x')).body, 'old')
  t.equal((await page('/api/x')).status, 404, 'removed')
  await change(planOf({ ...api, upstream: other.origin }))
  t.equal((await page('/api/x')).body, 'new', 'moved')
  finish()
  t.equal((await slow).body, 'first-last', 'what was under way at the old place is finished')
  await change(planOf({ ...api, require: { claims: { role: 'chief' } } }))
  t.equal((await page('/api/x')).status, 403, 'stricter')
  await change(planOf({ ...api, access: 'public' }))
  t.equal((await page('/api/x')).body, 'old', 'and back')
})

t.test('a WebSocket and event streams that were open stay so', async (t) => {
  const { gateway, planOf, api, open, change } = await startReloadWorld(t)
  const { origin } = gateway
  const browser = await signedIn(t, gateway)
  const cookie = cookieOf(browser, origin)
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
  const proxied = await openEventStream(t, `${origin}/api/stream`, headers)
  const own = await openEventStream(t, `${origin}/oauth2/session/events`, headers)
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/socket`, {
    headers: { cookie },
    origin,
  })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')

  await change(planOf(open))
  const seen = proxied.events().length
  await until(() => proxied.events().length > seen)
  socket.send('still there')
  const [text] = await once(socket, 'message')
  t.equal(String(text), 'still there')
  await change(planOf(api))
  await browser.post(`${origin}/oauth2/logout`, {})
  const [code] = await once(socket, 'close')
  t.equal(code, 4401, 'a sign-out still ends them')
  await Promise.all([proxied.ended, own.ended])
})

t.test('no request fails while 20 reloads come in the midst of them', async (t) => {
  const { gateway, planOf, api, open, change } = await startReloadWorld(t)
  const browser = await signedIn(t, gateway)
  const answers = new Map<string, number>()
  const over = new AbortController()
  const clients = Array.from({ length: 50 }, async (_, at) => {
    while (!over.signal.aborted) {
      const path = at % 2 === 0 ? '/api/x' : '/open/x'
      const { status, body } = await browser.fetch(gateway.origin + path)
      answers.set(`${status} ${body}`, (answers.get(`${status} ${body}`) ?? 0) + 1)
    }
  })
  for (let count = 0; count < 20; count += 1)
    await change(planOf(api, open, { ...open, path: `/round-${count}/*` }))
  over.abort()
  await Promise.all(clients)
  t.same([...answers.keys()], ['200 old'])
})

t.test('a login that began before a reload ends well after it', async (t) => {
  const { gateway, planOf, plan, api, change } = await startReloadWorld(t)
  const browser = newBrowser(t)
  const away = await browser.navigate(`${gateway.origin}/api/hello`)
  t.equal(away.status, 302)
  const provider = { ...plan.provider, timeout: '7s' }
  await change({ ...planOf(api, { path: '/more/*', upstream: api.upstream }), provider })
  let page = await browser.followAll(away)
  while (page.body.includes('data-provider-form'))
    page = await browser.followAll(
      await browser.submit(page, page.body.includes('name="username"') ? { username: 'bob' } : {}),
    )
  t.equal(page.body, 'old')
})

t.test(
  'secrets in files are read again, and sessions go on with the changed provider',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const provider = await startOpenIdProvider(t, { accessTokenSeconds: 2 })
    const upstream = await startUpstreamOfReloads(t, 'old')
    const file = join(folder, 'secret')
    await writeFile(file, provider.secret)
    const gateway = await startGatewayProcess(t, {
      provider: providerSection(provider, { clientSecret: `\${file:${file}}` }),
      routes: [{ path: '/api/*', upstream: upstream.origin }],
    })
    provider.registerGateway(gateway.origin)
    await gateway.line(({ event }) => event === 'provider_ready')
    const browser = await signedIn(t, gateway)
    await writeFile(file, 'not the secret')
    t.equal((await gateway.reload())['event'], 'config_reloaded')
    const strange = await signIn(newBrowser(t), `${gateway.origin}/api/hello`)
    t.not(strange.status, 200, 'the wrong one does not work')
    await writeFile(file, provider.secret)
    t.equal((await gateway.reload())['event'], 'config_reloaded')
    t.equal((await gateway.reload())['event'], 'config_unchanged')
    await signedIn(t, gateway)
    await until(async () => {
      t.equal((await browser.fetch(`${gateway.origin}/api/x`)).body, 'old')
      return provider.tokenCalls('refresh_token') > 0
    })
  },
)

t.test('a provider that is gone from the configuration has no sessions here', async (t) => {
  const { gateway, planOf, api, change } = await startReloadWorld(t)
  const browser = await signedIn(t, gateway)
  const other = await startOpenIdProvider(t)
  await change({ ...planOf(api), provider: providerSection(other) })
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).status, 401)
  await change(planOf(api))
  t.equal((await browser.fetch(`${gateway.origin}/api/x`)).body, 'old', 'and has them again')
})

t.test('what needs a restart is refused by name, and nothing else is taken on', async (t) => {
  const { gateway, planOf, plan, api, change } = await startReloadWorld(t)
  const line = await change(
    {
      ...planOf({ ...api, path: '/new/*' }),
      session: { ...plan.session, idleTimeout: '20m' },
      listen: { port: await freePort() },
      logging: { level: 'warn' },
      workers: 1,
    },
    'config_refused',
  )
  t.equal(line['problems'], 3)
  for (const key of ['listen.port', 'session.idleTimeout', 'logging.level'])
    t.ok(
      gateway.log().some(({ msg }) => /:\d+: /.test(String(msg)) && String(msg).includes(key)),
      key,
    )
  t.equal((await fetch(`${gateway.origin}/new/x`)).status, 404)
})
