import t, { type Test } from 'tap'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { serveProviderQuietly } from '../../src/demo/quiet-provider.ts'
import { listen } from '../../src/server/listen.ts'
import { createBrowser, type Page } from '../support/browser-jar.ts'

const GATEWAY = 'http://gateway.test'
const CLIENT = { id: 'gateway', secret: 's3cret' }
const RESOURCE = 'https://notes.example/'
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'

async function demoProvider(test: Test) {
  const server = createServer()
  const issuer = await listen(server, '127.0.0.1', 0)
  await serveProviderQuietly(server, {
    issuer,
    gatewayUrl: GATEWAY,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    resource: RESOURCE,
    accessTokenSeconds: 60,
  })
  const browser = createBrowser()
  test.teardown(async () => {
    await browser.close()
    server.close()
    server.closeAllConnections()
  })
  return { issuer, browser }
}

function authorizationUrl(issuer: string): string {
  const query = new URLSearchParams({
    client_id: CLIENT.id,
    response_type: 'code',
    redirect_uri: `${GATEWAY}/oauth2/callback`,
    scope: 'openid profile email read:notes',
    resource: RESOURCE,
    state: 'a-state-of-some-length',
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return `${issuer}/auth?${query.toString()}`
}

type Browser = ReturnType<typeof createBrowser>

/** Follows the provider's own redirects, not those back to the gateway. */
async function followInside(browser: Browser, page: Page): Promise<Page> {
  let current = page
  while (current.location !== undefined && !current.location.startsWith(GATEWAY)) {
    current = await browser.follow(current)
  }
  return current
}

async function tokens(issuer: string, form: Record<string, string>) {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { authorization: `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}` },
  })
  const body: any = await answer.json()
  return { status: answer.status, body }
}

function claims(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as never
}

t.test('a name, a consent, and the gateway gets a JWT for its API', async (t) => {
  const { issuer, browser } = await demoProvider(t)
  const signIn = await followInside(browser, await browser.navigate(authorizationUrl(issuer)))
  t.match(signIn.body, 'id="sign-in"')
  const consent = await followInside(browser, await browser.submit(signIn, { login: 'alice' }))
  t.match(consent.body, 'id="allow"')
  const back = await followInside(browser, await browser.submit(consent))
  const answer = new URL(back.location ?? '').searchParams
  t.equal(answer.get('iss'), issuer)

  const redirect = { redirect_uri: `${GATEWAY}/oauth2/callback` }
  const code = { code: answer.get('code') ?? '', code_verifier: VERIFIER }
  const granted = await tokens(issuer, { grant_type: 'authorization_code', ...redirect, ...code })
  t.equal(granted.status, 200)
  t.match(claims(granted.body.access_token), { sub: 'alice', aud: RESOURCE, scope: 'read:notes' })
  t.match(claims(granted.body.id_token), { name: 'Alice', email: 'alice@example.com' })

  const refresh = { grant_type: 'refresh_token', refresh_token: granted.body.refresh_token }
  const refreshed = await tokens(issuer, refresh)
  t.equal(claims(refreshed.body.access_token)['aud'], RESOURCE)
  t.not(refreshed.body.refresh_token, granted.body.refresh_token)
  t.equal((await tokens(issuer, refresh)).body.error, 'invalid_grant')
})

t.test('cancelling tells the gateway', async (t) => {
  const { issuer, browser } = await demoProvider(t)
  const signIn = await followInside(browser, await browser.navigate(authorizationUrl(issuer)))
  const cancel = `${signIn.url}/cancel`
  const back = await followInside(browser, await browser.post(cancel, {}))
  t.equal(new URL(back.location ?? '').searchParams.get('error'), 'access_denied')
})

t.test('a name with markup is not taken', async (t) => {
  const { issuer, browser } = await demoProvider(t)
  const signIn = await followInside(browser, await browser.navigate(authorizationUrl(issuer)))
  const again = await followInside(browser, await browser.submit(signIn, { login: '<b>' }))
  t.match(again.body, 'id="sign-in"')
})

t.test('a sign-in page of another browser leads nowhere', async (t) => {
  const { issuer, browser } = await demoProvider(t)
  const signIn = await followInside(browser, await browser.navigate(authorizationUrl(issuer)))
  const stranger = createBrowser()
  t.teardown(() => stranger.close())
  t.equal((await stranger.navigate(signIn.url)).status, 400)
})
