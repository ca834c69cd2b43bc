import t from 'tap'
import type { SessionStore } from '../../src/domain/session-store.ts'
import type { Browser, Page } from '../support/browser-jar.ts'
import { createEndpointStand, eventTypes, type EndpointStand } from './endpoint-stand.ts'

/** As a browser loads the frame of the provider's sign-out page: from another site, without cookies. */
function frame(stand: EndpointStand, parameters: Record<string, string> | string): Promise<Page> {
  const query = new URLSearchParams(parameters).toString()
  return stand.browser().get(`${stand.origin}/oauth2/frontchannel-logout?${query}`, {
    headers: {
      accept: 'text/html',
      'sec-fetch-dest': 'iframe',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'cross-site',
    },
  })
}

async function isSignedIn(stand: EndpointStand, browser: Browser): Promise<boolean> {
  return (await browser.fetch(`${stand.origin}/oauth2/session`)).status === 200
}

t.test('LO-13 the frame of the provider signs out by iss and sid, without a cookie', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const page = await frame(stand, { iss: stand.provider.issuer, sid: 'sid-alice' })
  t.equal(page.status, 200)
  t.equal(page.headers['cache-control'], 'no-store')
  t.match(page.headers['content-type'], 'text/html')
  t.same(page.setCookies, [])
  t.notOk(await isSignedIn(stand, browser))
  t.equal(await stand.store.count(), 0)
  t.equal(stand.provider.callsTo('/revoke'), 0, 'nothing is revoked at the provider')
  t.match(
    stand.events.find(({ type }) => type === 'logout'),
    { kind: 'frontchannel', sessionCount: 1, sid: 'sid-alice' },
  )
})

t.test('LO-13 AT-34 only the provider may frame it', async (t) => {
  const end = 'https://login.example.com/bye?x=1'
  const script = { metadata: (own: object) => ({ ...own, end_session_endpoint: end }) }
  for (const [plan, origins] of [
    [{}, ''],
    [
      { script, provider: { allowedOrigins: ['https://login.example.com'] } },
      ' https://login.example.com',
    ],
  ] as const) {
    const stand = await createEndpointStand(t, plan)
    const page = await frame(stand, {})
    t.equal(
      page.headers['content-security-policy'],
      `default-src 'none'; frame-ancestors ${stand.provider.issuer}${origins}`,
    )
    t.equal(page.headers['x-frame-options'], undefined)
  }
})

t.test('LO-13 what does not match is ignored, and leaves no trace', async (t) => {
  const calls: string[] = []
  const counting = (store: SessionStore): SessionStore =>
    new Proxy(store, {
      get:
        (target, name: keyof SessionStore) =>
        (...args: never[]) => {
          calls.push(name)
          return (target[name] as (...args: never[]) => never)(...args)
        },
    })
  const stand = await createEndpointStand(t, { store: counting })
  const browser = stand.browser()
  await stand.signIn(browser)
  const { issuer: iss } = stand.provider
  calls.length = 0
  for (const parameters of [
    {},
    { iss },
    { sid: 'sid-alice' },
    { iss: `${iss}/`, sid: 'sid-alice' },
    { iss: 'https://evil.example', sid: 'sid-alice' },
    { iss, sid: '' },
    { iss, sid: 'sid-bob' },
    { iss, sid: 'x'.repeat(5_000) },
  ]) {
    t.equal((await frame(stand, parameters)).status, 200)
  }
  t.same([...new Set(calls)], ['endByIndex'], 'nothing is written for strangers')
  t.ok(await isSignedIn(stand, browser))
  t.notOk(eventTypes(stand).includes('logout'))
})

t.test('AZ-10 a repeated parameter is refused', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const page = await frame(stand, `iss=${stand.provider.issuer}&sid=sid-alice&sid=other`)
  t.equal(page.status, 400)
  t.ok(await isSignedIn(stand, browser))
})

t.test('LO-13 other methods: 405', async (t) => {
  const stand = await createEndpointStand(t)
  const answer = await fetch(`${stand.origin}/oauth2/frontchannel-logout`, { method: 'POST' })
  t.equal(answer.status, 405)
  t.equal(answer.headers.get('allow'), 'GET')
})

t.test('LO-13 the same user can sign in again at once', async (t) => {
  const stand = await createEndpointStand(t)
  await stand.signIn(stand.browser())
  await frame(stand, { iss: stand.provider.issuer, sid: 'sid-alice' })
  const browser = stand.browser()
  await stand.signIn(browser)
  t.ok(await isSignedIn(stand, browser))
})
