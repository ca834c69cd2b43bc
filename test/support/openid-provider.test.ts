import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as client from 'openid-client'
import t from 'tap'
import { createBrowser } from './browser-jar.ts'
import { signIn, startOpenIdProvider } from './openid-provider.ts'
import type { OpenIdProvider } from './openid-provider.ts'

/** The smallest possible relying party: proves the bed, not the gateway. */
async function startRelyingParty(provider: OpenIdProvider, clientId: string) {
  const tokens: client.TokenEndpointResponse[] = []
  const auth =
    clientId === 'none'
      ? client.None()
      : clientId === 'post'
        ? client.ClientSecretPost(provider.secret)
        : client.ClientSecretBasic(provider.secret)
  const config = await client.discovery(new URL(provider.issuer), clientId, undefined, auth, {
    execute: [client.allowInsecureRequests],
  })
  const verifier = client.randomPKCECodeVerifier()
  const challenge = await client.calculatePKCECodeChallenge(verifier)
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', origin())
    if (url.pathname !== '/oauth2/callback') {
      const to = client.buildAuthorizationUrl(config, {
        redirect_uri: `${origin()}/oauth2/callback`,
        scope: 'openid profile email offline_access read:orders',
        code_challenge: challenge,
        code_challenge_method: 'S256',
        state: 's',
      })
      response.writeHead(302, { location: to.href }).end()
      return
    }
    client
      .authorizationCodeGrant(config, url, {
        pkceCodeVerifier: verifier,
        expectedState: 's',
        idTokenExpected: true,
      })
      .then(
        (answer) => {
          tokens.push(answer)
          response.end('signed in')
        },
        (error: unknown) => void response.writeHead(500).end(String(error)),
      )
  })
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { origin: origin(), config, tokens, close: () => server.close() }
}

for (const clientId of ['basic', 'post', 'none']) {
  t.test(`the bed signs a user in, refreshes and signs out: client ${clientId}`, async (t) => {
    const provider = await startOpenIdProvider(t)
    const party = await startRelyingParty(provider, clientId)
    t.teardown(party.close)
    provider.registerGateway(party.origin)
    const browser = createBrowser()
    t.teardown(() => browser.close())

    const page = await signIn(browser, `${party.origin}/`, 'alice')
    t.equal(page.body, 'signed in', page.body)
    const [tokens] = party.tokens
    t.equal(String(tokens?.access_token).split('.').length, 3, 'a JWT')
    const refreshed = await client.refreshTokenGrant(party.config, String(tokens?.refresh_token))
    t.not(refreshed.refresh_token, tokens?.refresh_token)
    t.equal(provider.tokenCalls('refresh_token'), 1)
    t.equal(provider.tokenCalls('authorization_code'), 1)
    await t.rejects(client.refreshTokenGrant(party.config, String(tokens?.refresh_token)))
    t.ok(provider.events.some((event) => event.type === 'grant.revoked'))

    const out = client.buildEndSessionUrl(party.config, {
      id_token_hint: String(tokens?.id_token),
      post_logout_redirect_uri: `${party.origin}/oauth2/logout/callback`,
    })
    const confirm = await browser.navigate(out.href)
    const landed = await browser.submit(confirm)
    t.equal(landed.location, `${party.origin}/oauth2/logout/callback`)
  })
}

t.test('the bed frees its port and takes it again, with its records', async (t) => {
  const provider = await startOpenIdProvider(t)
  await provider.stop()
  await t.rejects(fetch(`${provider.issuer}/jwks`))
  await provider.restart()
  t.equal((await fetch(`${provider.issuer}/jwks`)).status, 200)
})
