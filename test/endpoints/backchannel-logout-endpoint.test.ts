import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import type { Browser } from '../support/browser-jar.ts'
import { rawRequest } from '../support/raw-request.ts'
import type { ScriptedProvider } from '../support/scripted-provider.ts'
import { createEndpointStand, eventTypes, type EndpointStand } from './endpoint-stand.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const FORM = 'application/x-www-form-urlencoded'
let lastJti = 0

async function logoutToken(
  provider: ScriptedProvider,
  more: Record<string, unknown> = {},
  header: Record<string, unknown> = { typ: 'logout+jwt' },
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  lastJti += 1
  return provider.sign(
    {
      iss: provider.issuer,
      aud: provider.clientId,
      sub: 'alice',
      sid: 'sid-alice',
      iat: now,
      exp: now + 120,
      jti: `jti ${lastJti}`,
      events: { [EVENT]: {} },
      ...more,
    },
    header,
  )
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

async function tell(
  stand: EndpointStand,
  body: string,
  headers: Record<string, string> = {},
): Promise<Told> {
  const answer = await fetch(`${stand.origin}/oauth2/backchannel-logout`, {
    method: 'POST',
    headers: { 'content-type': FORM, ...headers },
    body,
  })
  return { status: answer.status, headers: answer.headers, body: await answer.text() }
}

function form(token: string): string {
  return new URLSearchParams({ logout_token: token }).toString()
}

async function isSignedIn(stand: EndpointStand, browser: Browser): Promise<boolean> {
  return (await browser.fetch(`${stand.origin}/oauth2/session`)).status === 200
}

t.test('LO-8 LO-9 LO-14 the provider signs a user out, without a cookie', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await tell(stand, form(await logoutToken(stand.provider)))
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.equal(answer.headers.get('set-cookie'), null)
  t.equal(answer.body, '')
  const after = await browser.fetch(`${stand.origin}/oauth2/session`)
  t.equal(after.status, 401)
  t.equal(after.json().reason, 'session_revoked')
  t.equal(await stand.store.count(), 0)
  t.equal(stand.provider.callsTo('/revoke'), 0, 'nothing is revoked at the provider')
  t.match(
    stand.events.find(({ type }) => type === 'logout'),
    { kind: 'backchannel', sessionCount: 1, subject: 'alice', sid: 'sid-alice', requestId: String },
  )
  t.match(
    stand.events.find(({ type }) => type === 'session_ended'),
    { reason: 'session_revoked', sid: 'sid-alice' },
  )
})

t.test('LO-9 other sids of the same user live on; without a sid all end', async (t) => {
  let nth = 0
  const script = {
    loginClaims: (own: Record<string, unknown>) => ({ ...own, sid: `sid ${++nth}` }),
  }
  const stand = await createEndpointStand(t, { script })
  const [one, two, three] = [stand.browser(), stand.browser(), stand.browser()]
  for (const browser of [one, two, three]) await stand.signIn(browser)
  await tell(stand, form(await logoutToken(stand.provider, { sid: 'sid 1' })))
  t.notOk(await isSignedIn(stand, one))
  t.ok(await isSignedIn(stand, two))
  await tell(stand, form(await logoutToken(stand.provider, { sid: undefined })))
  t.notOk(await isSignedIn(stand, two))
  t.notOk(await isSignedIn(stand, three))
})

t.test("LO-9 AT-32 another user's sid ends that user's session only", async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  await stand.signIn(browser)
  const answer = await tell(stand, form(await logoutToken(stand.provider, { sid: 'sid-bob' })))
  t.equal(answer.status, 200)
  t.ok(await isSignedIn(stand, browser))
})

t.test('LO-8 nobody is signed in: 200 all the same', async (t) => {
  const stand = await createEndpointStand(t)
  t.equal((await tell(stand, form(await logoutToken(stand.provider)))).status, 200)
  t.match(stand.events.at(-1), { type: 'logout', sessionCount: 0 })
})

t.test('LO-8 headers of browsers do not matter: only the token does', async (t) => {
  const stand = await createEndpointStand(t)
  const headers = {
    origin: 'https://op.example',
    'sec-fetch-site': 'cross-site',
    cookie: 'bearergate=garbage',
    'content-type': `${FORM.toUpperCase()}; charset=UTF-8`,
  }
  t.equal((await tell(stand, form(await logoutToken(stand.provider)), headers)).status, 200)
})

t.test('LO-10 a token that comes again is refused, and ends nothing', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const token = form(await logoutToken(stand.provider, { sid: undefined }))
  t.equal((await tell(stand, token)).status, 200)
  await stand.signIn(browser)
  const again = await tell(stand, token)
  t.equal(again.status, 400)
  t.equal(JSON.parse(again.body).reason, 'logout_token_invalid')
  t.ok(await isSignedIn(stand, browser))
})

const BODIES: Record<string, (token: string) => { body: string; type?: string; status?: number }> =
  {
    'no token': () => ({ body: '' }),
    'another field': (token) => ({ body: `token=${token}` }),
    'the token twice': (token) => ({ body: `logout_token=${token}&logout_token=${token}` }),
    'an empty token': () => ({ body: 'logout_token=' }),
    JSON: (token) => ({ body: JSON.stringify({ logout_token: token }), type: 'application/json' }),
    'a form that says it is text': (token) => ({
      body: `logout_token=${token}`,
      type: 'text/plain',
    }),
    'a type nobody can parse': (token) => ({ body: `logout_token=${token}`, type: ';;=' }),
    'a type that only begins well': (token) => ({
      body: `logout_token=${token}`,
      type: `${FORM}x`,
    }),
    'more than 64 KiB': (token) => ({
      body: `logout_token=${token}&x=${'x'.repeat(66_000)}`,
      status: 413,
    }),
  }

for (const [name, make] of Object.entries(BODIES)) {
  t.test(`LO-8 ${name}: refused, no-store, told, and nothing happens`, async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    await stand.signIn(browser)
    const { body, type = FORM, status = 400 } = make(await logoutToken(stand.provider))
    const answer = await tell(stand, body, { 'content-type': type })
    t.equal(answer.status, status)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.match(stand.events.at(-1), {
      type: 'logout_refused',
      requestId: String,
      clientAddress: String,
    })
    t.ok(await isSignedIn(stand, browser))
  })
}

t.test('LO-8 a body of 2 MB is refused by its length, unread', async (t) => {
  const stand = await createEndpointStand(t)
  const { host, port } = new URL(stand.origin)
  const answer = await rawRequest(
    Number(port),
    `POST /oauth2/backchannel-logout HTTP/1.1\r\nHost: ${host}\r\n` +
      `Content-Type: ${FORM}\r\nContent-Length: 2000000\r\n\r\nlogout_token=`,
  )
  t.equal(answer.status, 413)
  t.ok(answer.closed)
})

t.test('LO-8 GET and other methods: 405 with Allow', async (t) => {
  const stand = await createEndpointStand(t)
  const token = await logoutToken(stand.provider)
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const url = `${stand.origin}/oauth2/backchannel-logout?logout_token=${token}`
    const answer = await fetch(url, { method })
    t.equal(answer.status, 405, method)
    t.equal(answer.headers.get('allow'), 'POST')
    t.equal(answer.headers.get('cache-control'), 'no-store')
  }
  t.notOk(eventTypes(stand).includes('logout'))
})

t.test('LO-7 one defect of a token is enough: 400 and its reason only', async (t) => {
  const stand = await createEndpointStand(t)
  const answer = await tell(stand, form(await logoutToken(stand.provider, { nonce: 'n' })))
  t.equal(answer.status, 400)
  t.match(JSON.parse(answer.body), { reason: 'logout_token_invalid', status: 400 })
  t.notMatch(answer.body, /nonce|jti/)
})

t.test('LO-7 with logout.requireTokenType a token must say what it is', async (t) => {
  const stand = await createEndpointStand(t, { endpoints: { requireTokenType: true } })
  const bare = await logoutToken(stand.provider, {}, {})
  t.equal((await tell(stand, form(bare))).status, 400)
  t.equal((await tell(stand, form(await logoutToken(stand.provider)))).status, 200)
})

t.test('LO-12 a thousand forged tokens ask neither the provider nor the store', async (t) => {
  const calls: string[] = []
  const counting = (store: SessionStore): SessionStore =>
    new Proxy(store, {
      get: (target, name: keyof SessionStore) => {
        calls.push(name)
        return target[name]
      },
    })
  const stand = await createEndpointStand(t, { store: counting })
  const [header, body] = (await logoutToken(stand.provider)).split('.')
  const before = { jwks: stand.provider.callsTo('/jwks'), store: calls.length }
  const statuses = new Set<number>()
  for (let round = 0; round < 50; round += 1) {
    const bulk = Array.from({ length: 20 }, (_, n) => {
      const forged = Buffer.from(`forged ${round} ${n}`).toString('base64url')
      const kid = Buffer.from(JSON.stringify({ alg: 'RS256', kid: forged })).toString('base64url')
      return tell(stand, form(`${n % 2 === 0 ? header : kid}.${body}.${forged}`))
    })
    for (const { status } of await Promise.all(bulk)) statuses.add(status)
  }
  t.same([...statuses], [400])
  t.ok(stand.provider.callsTo('/jwks') - before.jwks <= 1)
  t.equal(calls.length, before.store)
})

t.test('SE-17 the store is down: 503, and the same token works once it is back', async (t) => {
  let isDown = false
  const failing = (store: SessionStore): SessionStore => ({
    ...store,
    endByIndex: (...values) => {
      if (isDown) return Promise.reject(new GatewayError('store_unavailable', 'frozen'))
      return store.endByIndex(...values)
    },
  })
  const stand = await createEndpointStand(t, { store: failing })
  const browser = stand.browser()
  await stand.signIn(browser)
  const token = form(await logoutToken(stand.provider))
  isDown = true
  const refused = await tell(stand, token)
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('cache-control'), 'no-store')
  t.ok(refused.headers.get('retry-after'))
  isDown = false
  t.equal((await tell(stand, token)).status, 200)
  t.notOk(await isSignedIn(stand, browser))
})

for (const named of ['sid', 'sub'] as const) {
  t.test(
    `LO-11 signed out by ${named} while the tokens are on their way: no session`,
    async (t) => {
      const whom = named === 'sid' ? {} : { sid: undefined }
      const told: Promise<Told>[] = []
      const late = (store: SessionStore): SessionStore => ({
        ...store,
        create: async (session) => {
          await Promise.all(told) // the sign-out is all over before the session is stored
          return store.create(session)
        },
      })
      const stand = await createEndpointStand(t, { store: late })
      const browser = stand.browser()
      const callback = await stand.authorize(await browser.navigate(`${stand.origin}/page`))
      stand.provider.script.tokenAnswer = (own) => {
        told.push(logoutToken(stand.provider, whom).then((token) => tell(stand, form(token))))
        return own
      }
      const page = await browser.navigate(callback, { site: 'cross-site' })
      t.same(
        (await Promise.all(told)).map(({ status }) => status),
        [200],
      )
      t.equal(page.status, 401)
      t.equal(await stand.store.count(), 0)
      t.notOk(await isSignedIn(stand, browser))
      t.notOk(browser.cookies(stand.origin).has('bearergate'))
      t.notOk(eventTypes(stand).includes('login_succeeded'))
      t.match(
        stand.events.find(({ type }) => type === 'login_failed'),
        { reason: 'session_revoked' },
      )
      t.match(page.body, '/oauth2/login', 'a way on')
    },
  )
}
