import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import { endSessionRequest } from '../../src/oidc/end-session-request.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import { revokeRefreshToken } from '../../src/oidc/token-revocation.ts'
import { createBrowser } from '../support/browser-jar.ts'
import type { Page } from '../support/browser-jar.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { failure, providerOptions, recordOf, refreshed } from './login-fixture.ts'

const GATEWAY = 'http://127.0.0.1:9' // nothing listens there: redirects to it are read, not followed

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PUBLIC_JWK = { ...publicKey.export({ format: 'jwk' }), kid: 'gateway-1' }
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const CLIENTS: readonly Partial<ProviderOptions>[] = [
  { clientId: 'basic', clientAuthentication: 'client_secret_basic' },
  { clientId: 'post', clientAuthentication: 'client_secret_post' },
  { clientId: 'none', clientAuthentication: 'none' },
  {
    clientId: 'key',
    clientAuthentication: 'private_key_jwt',
    clientKey: { key: KEY, keyId: 'gateway-1', audience: 'issuer' },
  },
]

const LOGINS = CLIENTS.flatMap((client) => [
  { client, how: '' },
  { client, how: ', AZ-14 with pushed requests', pushed: 'required' as const },
  ...(client.clientKey === undefined
    ? []
    : [
        { client, how: ', AZ-16 with signed requests', signed: true },
        { client, how: ', AZ-14 AZ-16 with both', pushed: 'required' as const, signed: true },
      ]),
])

for (const { client, how, pushed, signed = false } of LOGINS) {
  t.test(
    `TK-2 TK-4 a real provider: login, refresh, reuse, revocation and sign-out as client ${client.clientId}${how}`,
    async (t) => {
      const bed = await startOpenIdProvider(t, {
        clientKey: PUBLIC_JWK,
        requireSignedRequests: signed,
        ...(pushed === undefined ? {} : { pushedAuthorizationRequests: pushed }),
      })
      bed.registerGateway(GATEWAY)
      const provider = createProvider(
        providerOptions(bed.issuer, {
          clientSecret: bed.secret,
          redirectUri: `${GATEWAY}/oauth2/callback`,
          postLogoutRedirectUri: `${GATEWAY}/oauth2/logout/callback`,
          resource: [bed.resource],
          ...client,
        }),
        () => undefined,
      )
      t.teardown(() => provider.close())
      const browser = createBrowser()
      t.teardown(() => browser.close())

      /** Follows redirects and submits forms until the provider sends the browser back. */
      async function backAtTheGateway(url: string): Promise<URL> {
        let page: Page = await browser.navigate(url)
        for (let steps = 0; steps < 20; steps += 1) {
          if (page.location?.startsWith(GATEWAY) === true) return new URL(page.location)
          if (page.location !== undefined) page = await browser.follow(page)
          else
            page = await browser.submit(
              page,
              page.body.includes('name="username"') ? { username: 'alice' } : {},
            )
        }
        throw new Error('never came back')
      }

      const login = async () => {
        const wish = { returnTo: '/', attempt: 0, parameters: {} }
        const { url, transaction } = await authorizationRequest(provider, wish, Date.now())
        const { searchParams } = await backAtTheGateway(url)
        return authorizationCodeGrant(provider, searchParams, transaction)
      }
      const signIn = await login()
      t.match(signIn, {
        subject: 'alice',
        sid: String,
        claims: { name: 'alice of Example', groups: ['staff'] },
      })
      t.equal(signIn.accessToken.value.split('.').length, 3)

      const record = recordOf(signIn)
      const renewed = await refreshed(provider, record)
      t.match(renewed, { refreshToken: String, idToken: String, claims: { sub: 'alice' } })
      t.equal(renewed.accessToken.value.split('.').length, 3, 'still for the resource')
      t.match(await failure(refreshed(provider, record)), {
        reason: 'refresh_rejected',
        providerError: 'invalid_grant',
      })
      t.ok(
        bed.events.some((event) => event.type === 'grant.revoked'),
        'S-26 reuse kills the family',
      )

      const again = recordOf(await login())
      await revokeRefreshToken(provider, again.refreshToken ?? '')
      t.match(await failure(refreshed(provider, again)), { reason: 'refresh_rejected' })

      const end = endSessionRequest(provider, { idToken: signIn.idToken ?? '', state: 'xyz' }) ?? ''
      t.equal((await backAtTheGateway(end)).href, `${GATEWAY}/oauth2/logout/callback?state=xyz`)
    },
  )
}
