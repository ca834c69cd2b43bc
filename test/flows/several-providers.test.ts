import t from 'tap'
import { signIn } from '../support/openid-provider.ts'
import { startTwoProviders } from '../support/two-providers.ts'

t.test(
  'ID-14 one browser is signed in at two providers; the same subject is two people',
  async (t) => {
    const { gateway, newBrowser, people, staff, partners } = await startTwoProviders(t)
    const { origin } = gateway
    const browser = newBrowser()
    t.equal((await signIn(browser, `${origin}/staff/x`, 'alice')).status, 200)
    const elsewhere = await browser.fetch(`${origin}/partners/x`)
    t.equal(elsewhere.status, 401, 'signed in at the other is not signed in here')
    t.equal(elsewhere.json().login_url, `${origin}/oauth2/login?provider=partners`)
    t.equal((await signIn(browser, `${origin}/partners/x`, 'alice')).status, 200)
    t.equal((await browser.fetch(`${origin}/staff/x`)).status, 200, 'still')
    t.same(people(), ['alice@staff', 'alice@partners', 'alice@staff'])
    t.same([...browser.cookies(origin).keys()].sort(), [
      'bearergate-at-partners',
      'bearergate-at-staff',
    ])

    const ended = await fetch(`${gateway.admin}/sessions/end`, {
      method: 'POST',
      body: new URLSearchParams({ subject: 'alice', issuer: staff.issuer }),
    })
    t.same(await ended.json(), { ended: 1 })
    t.equal((await browser.fetch(`${origin}/staff/x`)).json().reason, 'session_revoked')
    t.equal((await browser.fetch(`${origin}/partners/x`)).status, 200)
    const open = await fetch(`${gateway.admin}/sessions/end`, {
      method: 'POST',
      body: new URLSearchParams({ subject: 'alice' }),
    })
    t.equal(open.status, 400, 'whose alice?')
    t.match(await open.json(), { detail: new RegExp(partners.issuer) })
  },
)

t.test(
  'AT-4 a ticket of one provider is none at the other, whatever it is renamed to',
  async (t) => {
    const { gateway, newBrowser, upstream } = await startTwoProviders(t)
    const { origin } = gateway
    const browser = newBrowser()
    await signIn(browser, `${origin}/staff/x`, 'alice')
    const ticket = browser.cookies(origin).get('bearergate-at-staff') ?? ''
    const thief = newBrowser()
    for (const name of ['bearergate', 'bearergate-at-partners', 'bearergate-at-'])
      thief.setCookie(origin, name, ticket)
    for (const path of ['/staff/x', '/partners/x', '/both/x', '/oauth2/session'])
      t.equal((await thief.fetch(origin + path)).status, 401, path)
    t.equal(upstream.requests.length, 1)
    thief.setCookie(origin, 'bearergate-at-staff', ticket)
    t.equal((await thief.fetch(`${origin}/staff/x`)).status, 200, 'it was a good one')
  },
)

t.test('the chooser leads to either provider and back to the page', async (t) => {
  const { gateway, newBrowser, people } = await startTwoProviders(t)
  const { origin } = gateway
  const page = `${origin}/both/x?y=1&z=%2F`
  const asked = await newBrowser().fetch(page)
  t.equal(asked.status, 401)
  t.equal(asked.json().login_url, `${origin}/oauth2/login`, 'all of them')
  for (const [provider, label] of [
    ['staff', 'Staff &amp; friends'],
    ['partners', 'partners'],
  ]) {
    const browser = newBrowser()
    const chooser = await browser.followAll(await browser.navigate(page))
    t.equal(chooser.status, 200)
    t.equal(chooser.headers['cache-control'], 'no-store')
    t.match(chooser.body, '<h1>How do you want to sign in?</h1>')
    const links = [...chooser.body.matchAll(/<li><a class="way" href="([^"]+)">([^<]+)</g)]
    t.equal(links.length, 2)
    const [, href = ''] = links.find(([, , text]) => text === label) ?? []
    const link = new URL(href.replaceAll('&amp;', '&'), origin)
    t.equal(link.searchParams.get('provider'), provider)
    const there = await signIn(browser, link.href, 'alice')
    t.equal(there.url, page)
    t.equal(there.status, 200)
  }
  t.same(people(), ['alice@staff', 'alice@partners'])
})

t.test('a login link may name providers: one goes there, several are the choice', async (t) => {
  const { gateway, newBrowser, staff } = await startTwoProviders(t, {
    routesTo: (upstream) => [
      { path: '/vault/*', upstream, provider: ['partners', 'staff'], require: { acr: ['phr'] } },
    ],
  })
  const login = `${gateway.origin}/oauth2/login`
  const browser = newBrowser()
  const direct = await browser.navigate(`${login}?provider=staff&login_hint=ann`)
  t.ok(direct.location?.startsWith(staff.issuer))
  t.equal(new URL(direct.location ?? '').searchParams.get('login_hint'), 'ann')
  t.notOk(new URL(direct.location ?? '').searchParams.has('provider'))
  const byIssuer = await browser.navigate(`${login}?iss=${encodeURIComponent(staff.issuer)}`)
  t.ok(byIssuer.location?.startsWith(staff.issuer), 'LO-16')
  for (const query of ['', '?provider=staff,partners', '?prompt=none'])
    t.equal((await browser.navigate(login + query)).status, 200, `${query} a choice`)
  const kept = await browser.navigate(`${login}?login_hint=%22%3E%3Cscript%3E&return_to=/x`)
  t.match(kept.body, 'login_hint=%22%3E%3Cscript%3E&amp;return_to=%2Fx&amp;provider=staff', 'AT-35')
  for (const query of [
    '?provider=nobody',
    '?provider=',
    '?provider=staff,nobody',
    '?provider=a&provider=b',
    '?iss=https://evil.example',
    `?provider=partners&iss=${encodeURIComponent(staff.issuer)}`,
  ])
    t.equal((await browser.navigate(login + query)).status, 400, query)
  t.equal((await browser.fetch(login)).status, 401, 'AZ-12 scripts choose nothing')

  const chooser = await browser.followAll(await browser.navigate(`${gateway.origin}/vault/x`))
  t.match(chooser.body, 'acr_values=phr', 'what the page needs is asked for wherever they go')
})

t.test(
  'where somebody is signed in at two, the newest session that is enough counts',
  async (t) => {
    const { gateway, newBrowser, people } = await startTwoProviders(t, {
      partnersOptions: { claimsOf: () => ({ groups: ['partner'] }) },
      routesTo: (upstream) => [
        {
          path: '/members/*',
          upstream,
          provider: ['staff', 'partners'],
          require: { claims: { groups: 'staff' } },
        },
        {
          path: '/none/*',
          upstream,
          provider: ['staff', 'partners'],
          require: { scope: 'nothing' },
        },
      ],
    })
    const { origin } = gateway
    const browser = newBrowser()
    await signIn(browser, `${origin}/staff/x`, 'alice')
    t.equal((await browser.fetch(`${origin}/both/1`)).status, 200)
    await signIn(browser, `${origin}/partners/x`, 'bob')
    t.equal((await browser.fetch(`${origin}/both/2`)).status, 200)
    t.equal((await browser.fetch(`${origin}/members/x`)).status, 200)
    t.same(people().slice(1), ['alice@staff', 'bob@partners', 'bob@partners', 'alice@staff'])
    const refused = await browser.fetch(`${origin}/none/x`)
    t.equal(refused.status, 403)
    t.equal(refused.json().reason, 'insufficient_scope')
    await browser.post(`${origin}/oauth2/logout?provider=partners`, {})
    t.equal((await browser.fetch(`${origin}/both/3`)).status, 200)
    t.equal(people().at(-1), 'alice@staff')
  },
)

t.test(
  'ID-14 a claim counts as that of the provider that makes it, where the route asks',
  async (t) => {
    const issuers: string[] = []
    const { gateway, newBrowser, staff } = await startTwoProviders(t, {
      staffFirst: ({ issuer }) => issuers.push(issuer),
      routesTo: (upstream) => [
        {
          path: '/admin/*',
          upstream,
          provider: ['staff', 'partners'],
          require: { claims: { iss: issuers, groups: 'staff' } },
        },
      ],
    })
    t.same(issuers, [staff.issuer])
    const browser = newBrowser()
    await signIn(browser, `${gateway.origin}/partners/x`, 'mallory')
    const refused = await browser.fetch(`${gateway.origin}/admin/x`)
    t.equal(refused.status, 403, 'of the right group, at the wrong provider')
    t.same(refused.json().needed, { claims: ['iss'] })
    await signIn(browser, `${gateway.origin}/staff/x`, 'alice')
    t.equal((await browser.fetch(`${gateway.origin}/admin/x`)).status, 200)
  },
)

t.test('RT-9 tokens are renewed at the provider that the session came from', async (t) => {
  const seen = new Set<string>()
  const { gateway, newBrowser, staff, partners, upstream } = await startTwoProviders(t, {
    answer: (request, response) => {
      const token = request.headers.authorization ?? ''
      const isNew = !seen.has(token)
      if (isNew && seen.size === 0) {
        seen.add(token)
        response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' })
      }
      response.end('ok')
    },
  })
  const browser = newBrowser()
  const page = await signIn(browser, `${gateway.origin}/partners/x`, 'alice')
  t.equal(page.status, 200)
  t.equal(upstream.requests.length, 2)
  t.equal(partners.tokenCalls('refresh_token'), 1)
  t.equal(staff.tokenCalls(), 0)
  t.match(await gateway.line(({ event }) => event === 'refresh_succeeded'), {
    provider: 'partners',
  })
  t.match(await gateway.line(({ event }) => event === 'login_succeeded'), { provider: 'partners' })
  t.match(await gateway.line(({ route, status }) => route === '/partners/*' && status === 200), {
    provider: 'partners',
  })
})

t.test('/oauth2/session tells of the newest session, or of the one that is named', async (t) => {
  const { gateway, newBrowser } = await startTwoProviders(t)
  const { origin } = gateway
  const session = `${origin}/oauth2/session`
  const browser = newBrowser()
  const none = await browser.fetch(`${session}?provider=staff`)
  t.equal(none.status, 401)
  t.equal(none.json().login_url, `${origin}/oauth2/login?provider=staff`)
  t.equal((await browser.fetch(session)).json().login_url, `${origin}/oauth2/login`)
  await signIn(browser, `${origin}/staff/x`, 'alice')
  await signIn(browser, `${origin}/partners/x`, 'bob')
  t.match((await browser.fetch(session)).json(), {
    provider: 'partners',
    user: { sub: 'bob' },
    login_url: `${origin}/oauth2/login?provider=partners`,
  })
  const named = `${session}?provider=staff`
  t.match((await browser.fetch(named)).json(), { provider: 'staff', user: { sub: 'alice' } })
  const refreshed = await browser.fetch(`${session}/refresh?provider=staff`, { method: 'POST' })
  t.match(refreshed.json(), { provider: 'staff', user: { sub: 'alice' } })
  for (const path of [session, `${session}/refresh`, `${session}/events`]) {
    const method = path.endsWith('refresh') ? 'POST' : 'GET'
    const answer = await browser.fetch(`${path}?provider=nobody`, { method })
    t.equal(answer.status, 400, path)
    t.equal(answer.json().reason, 'parameter_refused')
  }
})
