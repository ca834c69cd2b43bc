import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import Provider, { type Configuration } from 'oidc-provider'
import { PAGE_HEADERS } from './demo-page.ts'
import { answerInteraction } from './provider-interactions.ts'
import { messagePage, signOutPage } from './provider-pages.ts'
import { signingKey } from './signing-key.ts'

export interface DemoProviderOptions {
  /** What browsers and the gateway both call it: `http://host:port`. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The gateway's public URL: where sign-ins and sign-outs come back to. */
  readonly gatewayUrl: string
  /** The identifier of the sample API (RFC 8707): tokens asked for it are JWTs. */
  readonly resource: string
  readonly accessTokenSeconds: number
}

const API_SCOPES = 'read:notes write:notes'
const DAY_SECONDS = 86_400

/**
 * Turns an idle server into a real OpenID provider, with rotating refresh tokens, consent and
 * sign-out. Everybody may sign in under any name: for demonstrations only.
 */
export async function serveDemoProvider(
  server: Server,
  options: DemoProviderOptions,
): Promise<void> {
  const provider = new Provider(options.issuer, await configuration(options))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    answerInteraction(provider, request, response)
      .then((done) => (done ? undefined : answer(request, response)))
      .catch(() => {
        if (!response.headersSent) response.writeHead(500, PAGE_HEADERS)
        response.end(messagePage('The demo provider failed', 'Please start the sign-in again.'))
      })
  })
}

async function configuration(options: DemoProviderOptions): Promise<Configuration> {
  return {
    clients: [client(options)],
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: {
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false, // name and email in the ID token, as most providers do
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => claimsOf(accountId) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, asking) => asking.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: () => options.accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      Grant: DAY_SECONDS,
      Session: DAY_SECONDS,
      RefreshToken: DAY_SECONDS,
    },
    clientBasedCORS: () => false,
    fetch: fetchOnLoopback,
    features: features(options),
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.body = messagePage(
        'This request was refused',
        `${out.error}: ${out.error_description ?? ''}`,
      )
    },
  }
}

function client(options: DemoProviderOptions): NonNullable<Configuration['clients']>[number] {
  return {
    client_id: options.clientId,
    client_secret: options.clientSecret,
    client_name: 'Bearergate demo',
    redirect_uris: [new URL('/oauth2/callback', options.gatewayUrl).href],
    post_logout_redirect_uris: [new URL('/oauth2/logout/callback', options.gatewayUrl).href],
    backchannel_logout_uri: new URL('/oauth2/backchannel-logout', options.gatewayUrl).href,
    backchannel_logout_session_required: true, // else ID tokens have no sid
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }
}

function features({
  resource,
  accessTokenSeconds,
}: DemoProviderOptions): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, asking, token) => token.clientId === asking.clientId,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true, // a refresh keeps the audience of the sign-in
      getResourceServerInfo: () => ({
        scope: API_SCOPES,
        audience: resource,
        accessTokenTTL: accessTokenSeconds,
        accessTokenFormat: 'jwt',
      }),
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = signOutPage(form)
      },
      postLogoutSuccessSource: (ctx) => {
        ctx.body = messagePage('Signed out', 'You may close this window.')
      },
    },
  }
}

/** The library's own fetch refuses loopback addresses, where the demo's gateway lives. */
const fetchOnLoopback: NonNullable<Configuration['fetch']> = (url, init) => {
  const { dispatcher: _, ...rest } = init as Record<string, unknown>
  return globalThis.fetch(url, rest)
}

function claimsOf(accountId: string): { sub: string; [claim: string]: unknown } {
  return {
    sub: accountId,
    name: accountId.charAt(0).toUpperCase() + accountId.slice(1),
    preferred_username: accountId,
    email: `${accountId}@example.com`,
    email_verified: true,
  }
}
