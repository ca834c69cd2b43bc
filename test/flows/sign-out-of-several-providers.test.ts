import t from 'tap'
import { decodeJwt } from 'jose'
import { signIn } from '../support/openid-provider.ts'
import { startTwoProviders } from '../support/two-providers.ts'

t.test('LO-1 a sign-out ends all sessions here and shows the way to each provider', async (t) => {
  const { gateway, newBrowser, staff, partners } = await startTwoProviders(t)
  const { origin } = gateway
  const browser = newBrowser()
  await signIn(browser, `${origin}/staff/x`, 'alice')
  await signIn(browser, `${origin}/partners/x`, 'alice')
  const page = await browser.post(`${origin}/oauth2/logout?return_to=/open/bye`, {})
  t.equal(page.status, 200)
  t.match(page.body, '<h1>You are signed out here</h1>')
  t.equal(page.headers['cache-control'], 'no-store')
  t.equal(page.headers['clear-site-data'], '"cache", "storage"')
  for (const path of ['/staff/x', '/partners/x'])
    t.equal((await browser.fetch(origin + path)).status, 401, path)
  t.same([...browser.cookies(origin).keys()], [])

  const [first, second] = links(page.body)
  t.equal(first?.origin, staff.issuer)
  t.equal(second?.origin, partners.issuer)
  const hint = decodeJwt(first?.searchParams.get('id_token_hint') ?? '')
  t.equal(hint.iss, staff.issuer, 'LO-2 each gets its own')
  const away = await browser.followAll(await browser.navigate(first?.href ?? ''))
  const back = await browser.followAll(await browser.submit(away))
  t.equal(new URL(back.url).pathname, '/oauth2/logout/callback')
  t.same(
    links(back.body).map((link) => link.origin),
    [partners.issuer, 'http://here.example'],
    'the other one is left, and then the page',
  )
  t.match(back.body, 'href="/open/bye"')
  const last = await browser.followAll(await browser.navigate(links(back.body)[0]?.href ?? ''))
  const end = await browser.followAll(await browser.submit(last))
  t.equal(end.url, `${origin}/open/bye`)
})

t.test('a sign-out of one provider leaves the session at the other', async (t) => {
  const { gateway, newBrowser, staff } = await startTwoProviders(t)
  const { origin } = gateway
  const browser = newBrowser()
  await signIn(browser, `${origin}/staff/x`, 'alice')
  await signIn(browser, `${origin}/partners/x`, 'alice')
  t.equal((await browser.post(`${origin}/oauth2/logout?provider=nobody`, {})).status, 400)
  const asked = await browser.navigate(`${origin}/oauth2/logout?provider=staff`, {
    site: 'cross-site',
  })
  t.match(asked.body, 'action="/oauth2/logout?provider=staff"', 'CS-8')
  const answer = await browser.post(`${origin}/oauth2/logout?provider=staff`, {})
  t.equal(answer.status, 303)
  t.ok(answer.location?.startsWith(staff.issuer))
  t.equal((await browser.fetch(`${origin}/staff/x`)).status, 401)
  t.equal((await browser.fetch(`${origin}/partners/x`)).status, 200)
  const rest = await browser.post(`${origin}/oauth2/logout`, {})
  t.equal(rest.status, 303, 'only one was left')
  t.notOk(rest.location?.startsWith(staff.issuer))
  const nobody = await browser.post(`${origin}/oauth2/logout`, {})
  t.match(nobody.location, /\/oauth2\/logout\/callback/, 'nobody to be sent to')
})

t.test('LO-7 LO-13 a provider signs out its own people only', async (t) => {
  const { gateway, newBrowser, staff, partners } = await startTwoProviders(t)
  const { origin } = gateway
  const browser = newBrowser()
  await signIn(browser, `${origin}/staff/x`, 'alice')
  await signIn(browser, `${origin}/partners/x`, 'alice')
  const confirm = await browser.followAll(await browser.navigate(`${partners.issuer}/session/end`))
  await browser.followAll(await browser.submit(confirm))
  t.match(await gateway.line(({ event }) => event === 'logout'), {
    kind: 'backchannel',
    provider: 'partners',
    session_count: 1,
  })
  t.equal((await browser.fetch(`${origin}/partners/x`)).json().reason, 'session_revoked')
  t.equal((await browser.fetch(`${origin}/staff/x`)).status, 200)

  const { sid } = decodeJwt(await idTokenOf(browser, origin))
  const frame = (iss: string) =>
    browser.get(
      `${origin}/oauth2/frontchannel-logout?${new URLSearchParams({ iss, sid: String(sid) })}`,
    )
  const foreign = await frame(partners.issuer)
  t.match(foreign.headers['content-security-policy'], `frame-ancestors ${partners.issuer}`)
  const stranger = await frame('https://evil.example')
  t.match(stranger.headers['content-security-policy'], `frame-ancestors ${staff.issuer}`)
  t.notMatch(stranger.headers['content-security-policy'], 'evil')

  async function idTokenOf(who: typeof browser, at: string): Promise<string> {
    const copy = who.copy()
    t.teardown(() => copy.close())
    const answer = await copy.post(`${at}/oauth2/logout?provider=staff`, {})
    return new URL(answer.location ?? '').searchParams.get('id_token_hint') ?? ''
  }
})

/** The links of a page of ours. */
function links(body: string): URL[] {
  const found = [...body.matchAll(/<li><a [^>]*href="([^"]+)"/g)]
  return found.map(([, href = '']) => new URL(href.replaceAll('&amp;', '&'), 'http://here.example'))
}
