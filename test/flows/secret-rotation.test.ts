import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser, type Browser, type Page } from '../support/browser-jar.ts'
import {
  freePort,
  providerSection,
  startGateway,
  type InProcessGateway,
} from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis-servers.ts'

const COOKIE = 'bearergate'

/** One public address at which gateways follow each other, over a store that outlives them. */
async function address(t: Test) {
  const provider = await startOpenIdProvider(t)
  const upstream = await startRecordingUpstream(t)
  const redis = await startRedis(t)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  provider.registerGateway(origin)
  let running: InProcessGateway | undefined

  return {
    origin,
    upstream,
    newBrowser(): Browser {
      const browser = createBrowser()
      t.teardown(() => browser.close())
      return browser
    },
    /** Replaces the gateway by one with these secrets. */
    async restart(secrets: readonly string[]): Promise<void> {
      await running?.close()
      running = await startGateway(t, {
        publicUrl: origin,
        listen: { host: '127.0.0.1', port },
        session: { secrets, store: 'redis', redis: { url: redis.server.url } },
        provider: providerSection(provider),
        routes: [{ path: '/api/*', upstream: upstream.origin }],
        shutdown: { timeout: '1s' },
      })
      await running.line(({ event }) => event === 'provider_ready')
    },
  }
}

function newSecret(): string {
  return randomBytes(32).toString('base64')
}

/** Submits what the provider shows until the browser is back. */
async function finish(browser: Browser, page: Page): Promise<Page> {
  let at = page
  while (at.body.includes('data-provider-form')) {
    const fields = at.body.includes('name="username"') ? { username: 'carol' } : {}
    at = await browser.followAll(await browser.submit(at, fields))
  }
  return at
}

t.test('SE-16 session.secrets are changed without signing anybody out', async (t) => {
  const { origin, newBrowser, restart } = await address(t)
  const [first, second] = [newSecret(), newSecret()]
  const [alice, bob, carol] = [newBrowser(), newBrowser(), newBrowser()]
  const status = async (browser: Browser) => (await browser.fetch(`${origin}/api/x`)).status

  await restart([first])
  await signIn(alice, `${origin}/api/x`, 'alice')
  t.equal(await status(alice), 200)
  const underWay = await carol.followAll(await carol.navigate(`${origin}/api/x`))

  await restart([second, first])
  t.equal(await status(alice), 200, 'a cookie under the old key is read')
  t.equal(
    (await finish(carol, underWay)).status,
    200,
    'a login begun under the old key is finished',
  )
  await signIn(bob, `${origin}/api/x`, 'bob')
  t.equal(await status(bob), 200)

  await restart([first, second])
  t.equal(await status(bob), 200, 'a replica that only reads the new key reads its cookies')

  await restart([second])
  t.equal(await status(bob), 200, 'what was written meanwhile is under the new key')
  t.equal(await status(carol), 200)
  t.equal(await status(alice), 401, 'the old key opens nothing any more')
  t.equal((await alice.fetch(`${origin}/api/x`)).json().reason, 'no_session')
  await signIn(alice, `${origin}/api/x`, 'alice')
  t.equal(await status(alice), 200, 'and signing in again works')
})

t.test('SE-16 a leaked key is dropped at once: no cookie under it is taken', async (t) => {
  const { origin, newBrowser, restart, upstream } = await address(t)
  const leaked = newSecret()
  const [alice, thief] = [newBrowser(), newBrowser()]
  await restart([leaked])
  await signIn(alice, `${origin}/api/x`, 'alice')
  const stolen = alice.cookies(origin).get(COOKIE) ?? ''
  t.not(stolen, '')
  await restart([newSecret()])
  thief.setCookie(origin, COOKIE, stolen)
  const before = upstream.requests.length
  t.equal((await thief.fetch(`${origin}/api/x`)).status, 401)
  t.equal(upstream.requests.length, before)
})
