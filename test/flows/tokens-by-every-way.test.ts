import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startScriptedJourney } from '../support/scripted-journey.ts'
import type { Script } from '../support/scripted-provider.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** One upstream for each way, at `/login/*`, `/refresh/*` and so on; `/public/*` gets the gateway's own token. */
const TOKENS = {
  login: { via: 'login' },
  refresh: { via: 'refresh', audience: 'refresh' },
  exchange: { via: 'exchange', audience: 'exchange' },
  reports: { via: 'exchange', audience: 'reports' },
  service: { via: 'client_credentials', audience: 'service' },
  public: { via: 'client_credentials', audience: 'public' },
  none: { via: 'none' },
} as const
type Way = keyof typeof TOKENS

async function startWorld(t: Test, script: Script = {}) {
  const names = Object.keys(TOKENS) as Way[]
  const upstreams = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await startRecordingUpstream(t)] as const)),
  )
  const routes = names.map((name) => ({
    path: `/${name}/*`,
    upstream: upstreams[name]?.origin,
    access: name === 'public' ? 'public' : 'required',
    ...(name === 'login' ? {} : { token: TOKENS[name] }),
  }))
  const journey = await startScriptedJourney(t, routes, { script })
  /** The different Authorization values an upstream has seen. */
  const seenBy = (name: Way): string[] => [
    ...new Set(upstreams[name]?.requests.flatMap((request) => request.values('authorization'))),
  ]
  return {
    ...journey,
    names,
    upstreams,
    seenBy,
    bearer: (name: Way) => seenBy(name)[0]?.slice(7) ?? '',
  }
}

t.test(
  'RS-13 RS-9 RT-8 each upstream sees its own token, by whatever way, fetched once',
  async (t) => {
    const { scripted, gateway, names, signedIn, seenBy, bearer } = await startWorld(t)
    const browser = await signedIn('/login/x')
    const urls = Array.from({ length: 20 }, () =>
      names.map((name) => `${gateway.origin}/${name}/x`),
    )
    const answers = await Promise.all(urls.flat().map((url) => browser.fetch(url)))
    t.same([...new Set(answers.map(({ status }) => status))], [200])
    for (const name of names) t.equal(seenBy(name).length, name === 'none' ? 0 : 1, name)
    t.match(bearer('login'), /^at-/)
    for (const name of ['refresh', 'exchange', 'reports'] as const)
      t.match(decodeJwt(bearer(name)), { aud: name, sub: 'alice' })
    for (const name of ['service', 'public'] as const)
      t.match(decodeJwt(bearer(name)), { aud: name, sub: scripted.clientId })
    t.equal(scripted.callsTo('refresh_token'), 1)
    t.equal(scripted.callsTo(TOKEN_EXCHANGE), 2)
    t.equal(scripted.callsTo('client_credentials'), 2)
  },
)

t.test(
  'RS-9 RS-13 RT-3 after the rotation of the login each upstream still sees its own token',
  async (t) => {
    const { scripted, gateway, names, signedIn, seenBy } = await startWorld(t, { expiresIn: 2 })
    const browser = await signedIn('/login/x')
    const own = names.filter((name) => name !== 'none')
    while (!own.every((name) => seenBy(name).length >= 3)) {
      const answers = await Promise.all(
        names.map((name) => browser.fetch(`${gateway.origin}/${name}/x`)),
      )
      t.same([...new Set(answers.map(({ status }) => status))], [200])
    }
    for (const name of ['refresh', 'exchange', 'reports'] as const)
      for (const value of seenBy(name))
        t.match(decodeJwt(value.slice(7)), { aud: name, sub: 'alice' })
    for (const value of seenBy('login')) t.match(value, /^Bearer at-/)
    const exchanged = scripted.requests
      .filter(({ form }) => form.get('grant_type') === TOKEN_EXCHANGE)
      .map(({ form }) => form.get('subject_token'))
    t.ok(new Set(exchanged).size >= 2, 'what is exchanged is the renewed token of the login')
    t.same(seenBy('none'), [])
  },
)

t.test(
  'RS-1 RS-12 a public route gets the token of the gateway, whatever the caller sends',
  async (t) => {
    const { gateway, newBrowser, seenBy, bearer } = await startWorld(t)
    const headers = { authorization: 'Bearer mine' }
    t.equal((await newBrowser().fetch(`${gateway.origin}/public/x`, { headers })).status, 200)
    t.equal(seenBy('public').length, 1)
    t.equal(decodeJwt(bearer('public')).aud, 'public')
  },
)

t.test('RS-1 none means none, also of what the caller sends', async (t) => {
  const { gateway, signedIn, upstreams, seenBy } = await startWorld(t)
  const browser = await signedIn('/none/x')
  const headers = { authorization: 'Bearer mine' }
  t.equal((await browser.fetch(`${gateway.origin}/none/x`, { headers })).status, 200)
  t.ok(upstreams['none']?.requests.length)
  t.same(seenBy('none'), [])
})

t.test('D-8 a refused audience costs its route 403, and nobody the session', async (t) => {
  const { scripted, gateway, signedIn, names, upstreams } = await startWorld(t, {
    unknownTargets: ['refresh', 'exchange', 'service'],
  })
  const browser = await signedIn('/login/x')
  for (const name of names) {
    const isRefused = scripted.script.unknownTargets?.includes(name) === true
    const answer = await browser.fetch(`${gateway.origin}/${name}/x`)
    t.equal(answer.status, isRefused ? 403 : 200, name)
    if (!isRefused) continue
    t.equal(answer.json().reason, 'token_refused')
    t.same(answer.setCookies, [])
    t.equal(upstreams[name]?.requests.length, 0, 'the upstream hears nothing')
  }
  const page = await browser.navigate(`${gateway.origin}/refresh/x`)
  t.equal(page.status, 403)
  t.match(page.headers['content-type'], /^text\/html/)
  const { cause, ...line } = await gateway.line(({ event }) => event === 'token_failed')
  t.match(line, { via: 'refresh', audience: 'refresh', reason: 'token_refused' })
  t.match(JSON.stringify(cause), /invalid_target/)
  t.same(
    gateway.events.filter(({ type }) => type === 'session_ended'),
    [],
  )
})

t.test('RT-5 D-8 an outage costs routes their token for now, and nobody the session', async (t) => {
  const { scripted, gateway, signedIn } = await startWorld(t)
  const browser = await signedIn('/login/x')
  await scripted.stop()
  const ask = (name: Way) => browser.fetch(`${gateway.origin}/${name}/x`)
  for (const name of ['refresh', 'exchange', 'service', 'public'] as const) {
    const answer = await ask(name)
    t.equal(answer.status, 503, name)
    t.equal(answer.json().reason, 'provider_unavailable')
    t.ok(answer.headers['retry-after'], 'ER-14')
  }
  for (const name of ['login', 'none'] as const) t.equal((await ask(name)).status, 200, name)
  t.same(
    gateway.events.filter(({ type }) => type === 'session_ended'),
    [],
  )
})

t.test('RT-5 invalid_grant for the refresh token ends the session, also for a route', async (t) => {
  const { scripted, gateway, signedIn } = await startWorld(t)
  const browser = await signedIn('/login/x')
  for (const name of ['exchange', 'refresh'] as const) {
    scripted.script.raw = (path) =>
      path === '/token'
        ? {
            status: 400,
            headers: { 'content-type': 'application/json' },
            body: '{"error":"invalid_grant"}',
          }
        : undefined
    const answer = await browser.fetch(`${gateway.origin}/${name}/x`)
    t.equal(answer.status, name === 'refresh' ? 401 : 403, name)
    t.equal(answer.json().reason, name === 'refresh' ? 'refresh_rejected' : 'token_refused')
  }
  t.equal((await browser.fetch(`${gateway.origin}/login/x`)).status, 401)
})

t.test('RT-9 a refused token is replaced by the way it came, right after login too', async (t) => {
  const refused = new Set<string>()
  const upstream = await startRecordingUpstream(t, (request, response) => {
    const value = request.headers.authorization ?? ''
    const isFirst = refused.size === 0 || refused.has(value)
    if (isFirst) {
      refused.add(value)
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' })
    }
    response.end()
  })
  const tokens = [TOKENS.login, TOKENS.refresh, TOKENS.exchange, TOKENS.service]
  const routes = tokens.map((token) => ({
    path: `/${token.via}/*`,
    upstream: upstream.origin,
    token,
  }))
  const free = { path: '/free/*', upstream: (await startRecordingUpstream(t)).origin }
  const { gateway, signedIn } = await startScriptedJourney(t, [...routes, free])
  const browser = await signedIn('/free/x')
  for (const { via } of tokens) {
    refused.clear()
    const before = upstream.requests.length
    t.equal((await browser.fetch(`${gateway.origin}/${via}/x`)).status, 200, via)
    const [one, two, ...more] = upstream.requests
      .slice(before)
      .flatMap((it) => it.values('authorization'))
    t.not(one, two, 'another token')
    t.same(more, [], 'once')
    refused.clear()
    t.equal((await browser.fetch(`${gateway.origin}/${via}/x`)).status, 401, 'not again at once')
  }
})
