import t from 'tap'
import type { LogLine } from '../support/gateway.ts'
import { startJourney } from '../support/journey.ts'

/** The audit lines of one event, however often it happened. */
function audited(log: readonly LogLine[], event: string): LogLine[] {
  return log.filter((line) => line['audit'] === true && line['event'] === event)
}

t.test(
  'OB-3 a whole visit leaves its trail: who, from where, when, and what became of it',
  async (t) => {
    const { gateway, provider, signedIn, newBrowser } = await startJourney(t, {
      provider: { accessTokenSeconds: 1 },
    })
    const { browser } = await signedIn('alice')
    const api = `${gateway.origin}/api/x`
    await new Promise((resolve) => void setTimeout(resolve, 1_100)) // the token's whole life
    t.equal((await browser.fetch(api)).status, 200)
    const foreign = {
      method: 'POST',
      site: 'cross-site',
      headers: { origin: 'https://evil.example' },
    } as const
    t.equal((await browser.fetch(api, foreign)).status, 403)
    await browser.fetch(api, { headers: { 'x-forwarded-user': 'root' } })
    await newBrowser().navigate(`${gateway.origin}/oauth2/callback?code=x&state=y`)
    await browser.fetch(`${gateway.origin}/oauth2/logout`, { method: 'POST' })

    const log = gateway.log()
    const request = { request_id: /./, client_address: '127.0.0.1' }
    const person = { sub_hash: /^[\w-]{22}$/ }
    const expected: [string, Record<string, unknown>][] = [
      ['login_started', request],
      ['login_succeeded', { ...request, ...person, sid_hash: /./, issuer: provider.issuer }],
      ['refresh_succeeded', { ...person, issuer: provider.issuer }],
      ['cross_site_blocked', { ...request, reason: /./, route: '/api/*' }],
      ['header_stripped', { ...request, name: 'x-forwarded-user' }],
      ['login_failed', { ...request, reason: /^login_/ }],
      ['session_ended', { ...person, reason: 'session_revoked' }],
      ['logout', { ...request, ...person }],
    ]
    for (const [event, fields] of expected) {
      const [line] = audited(log, event)
      t.match(line, { time: /Z$/, ...fields }, event)
    }
    const people = log.map((line) => line['sub_hash']).filter((hash) => hash !== undefined)
    t.equal(new Set(people).size, 1, 'one person, one pseudonym')
    t.notMatch(gateway.logText(), /alice/)
  },
)

t.test('OB-3 what is denied is an audit line of its request', async (t) => {
  const { gateway, newBrowser } = await startJourney(t)
  await newBrowser().fetch(`${gateway.origin}/api/x`)
  const denied = gateway.log().filter((line) => line['audit'] === true && line['msg'] === 'request')
  t.match(denied, [
    { status: 401, reason: 'no_session', route: '/api/*', client_address: '127.0.0.1' },
  ])
})

t.test('OB-8 the logged client address follows trusted proxies only', async (t) => {
  const { gateway, newBrowser } = await startJourney(t)
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  await newBrowser().fetch(`${gateway.origin}/open/x`, { headers })
  t.match(gateway.log().at(-1), { client_address: '127.0.0.1' })
})
