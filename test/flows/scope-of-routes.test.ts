import t, { type Test } from 'tap'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startScriptedJourney } from '../support/scripted-journey.ts'
import type { Script } from '../support/scripted-provider.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TOKENS = {
  login: undefined,
  refresh: { via: 'refresh', audience: 'bills', scope: 'openid read:bills' },
  exchange: { via: 'exchange', audience: 'bills' },
  none: { via: 'none' },
  service: { via: 'client_credentials', audience: 'bills', scope: 'read:bills' },
} as const

/** What the provider grants; `login` goes for the authorization code. */
interface Granted {
  readonly login: string
  readonly route?: string
}

/** A route for each way to a token, all of which require `read:bills`; the login asks for it. */
async function startWorld(t: Test, granted: Granted, require: object = { scope: 'read:bills' }) {
  const upstream = await startRecordingUpstream(t)
  const routes = Object.entries(TOKENS).map(([name, token]) => ({
    path: `/${name}/*`,
    upstream: upstream.origin,
    require,
    ...(token === undefined ? {} : { token }),
  }))
  let isSignedIn = false
  const tokenAnswer: Script['tokenAnswer'] = (answer, grantType) => {
    const isLogin =
      grantType === 'authorization_code' || (grantType === 'refresh_token' && !isSignedIn)
    isSignedIn ||= isLogin
    const scope = isLogin ? granted.login : granted.route
    return scope === undefined ? answer : { ...answer, scope }
  }
  const journey = await startScriptedJourney(
    t,
    [...routes, { path: '/', upstream: upstream.origin }],
    {
      script: { tokenAnswer },
      provider: { scope: 'openid offline_access read:bills' },
    },
  )
  const browser = await journey.signedIn('/')
  const ask = async (name: keyof typeof TOKENS) => {
    const { status, json } = await browser.fetch(`${journey.gateway.origin}/${name}/x`)
    return status === 200 ? 'forwarded' : json().reason
  }
  return { ...journey, upstream, ask }
}

t.test(
  'scope is judged by the token that goes there: the login has none of it, the route has',
  async (t) => {
    const { ask } = await startWorld(t, { login: 'openid', route: 'openid read:bills' })
    t.equal(await ask('refresh'), 'forwarded')
    t.equal(await ask('exchange'), 'forwarded')
    t.equal(await ask('login'), 'insufficient_scope')
    t.equal(
      await ask('none'),
      'insufficient_scope',
      "nothing of the user's goes there: the login counts",
    )
    t.equal(await ask('service'), 'insufficient_scope', "the gateway's own scope is not the user's")
  },
)

t.test(
  'scope is judged by the token that goes there: the login has it, the route was given less',
  async (t) => {
    const { ask, upstream, scripted } = await startWorld(t, {
      login: 'openid read:bills',
      route: 'openid',
    })
    for (const name of ['refresh', 'exchange'] as const) {
      t.equal(await ask(name), 'insufficient_scope', 'as granted, not as asked')
      t.equal(await ask(name), 'insufficient_scope')
    }
    t.equal(scripted.callsTo('refresh_token'), 1, 'a token is fetched once, good or not')
    t.equal(scripted.callsTo(TOKEN_EXCHANGE), 1)
    t.equal(await ask('login'), 'forwarded')
    t.equal(await ask('none'), 'forwarded')
    t.equal(await ask('service'), 'forwarded')
    t.equal(upstream.requests.filter(({ url }) => /refresh|exchange/.test(url)).length, 0)
  },
)

t.test(
  'RFC 6749 §5.1 an answer that says nothing of scope grants what was asked; an exchange that asked for none, none',
  async (t) => {
    const { ask } = await startWorld(t, { login: 'openid read:bills' })
    t.equal(await ask('refresh'), 'forwarded')
    t.equal(await ask('exchange'), 'insufficient_scope')
  },
)

t.test('a claim that is missing is told before any token is fetched', async (t) => {
  const require = { scope: 'read:bills', claims: { group: 'staff' } }
  const { ask, scripted } = await startWorld(t, { login: 'openid', route: 'read:bills' }, require)
  t.equal(await ask('refresh'), 'claims_unmet')
  t.equal(await ask('exchange'), 'claims_unmet')
  t.equal(scripted.callsTo('refresh_token') + scripted.callsTo(TOKEN_EXCHANGE), 0)
})

t.test('of several ways in, one by scope waits for the token', async (t) => {
  const require = { any: [{ claims: { group: 'staff' } }, { scope: 'read:bills' }] }
  const good = await startWorld(t, { login: 'openid', route: 'read:bills' }, require)
  t.equal(await good.ask('refresh'), 'forwarded')
  const bad = await startWorld(t, { login: 'openid read:bills', route: 'openid' }, require)
  t.equal(await bad.ask('refresh'), 'insufficient_scope')
})
