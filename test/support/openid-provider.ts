import { createHash, X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { exportJWK, generateKeyPair } from 'jose'
import { interactionPolicy, Provider } from 'oidc-provider'
import type { AdapterPayload, ClientMetadata, Configuration } from 'oidc-provider'
import type { Browser, Page } from './browser-jar.ts'
import { createProviderStorage } from './openid-provider-adapter.ts'
import { SERVER_CERTIFICATE, TEST_AUTHORITY } from './upstream-certificates.ts'

/**
 * A real OpenID provider (oidc-provider) in this process, with a login page that needs a click.
 *
 * ```ts
 * const provider = await startOpenIdProvider(t, { accessTokenSeconds: 2 })
 * provider.registerGateway('http://127.0.0.1:4711')   // redirect URIs of this gateway, at any time
 * // config of the gateway: issuer provider.issuer, clientId 'basic', clientSecret provider.secret
 * const page = await signIn(browser, 'http://127.0.0.1:4711/api/x', 'alice')
 * provider.tokenCalls('refresh_token'); provider.events; await provider.stop(); await provider.restart()
 * ```
 * With `mutualTls` also `tls` and `tls-own`, known by a certificate: for the subject `gateway` of TEST_AUTHORITY, and that one itself.
 * Clients: `basic`, `post` (both with `provider.secret`) and `none` (public); `robot`, with the same secret, gets tokens of its own only.
 */
export interface OpenIdProvider {
  /** `http://127.0.0.1:port`, without a trailing slash. */
  readonly issuer: string
  readonly port: number
  /** Secret of the clients `basic` and `post`; has characters that form-encoding changes. */
  readonly secret: string
  /** With `mutualTls`: where certificates are asked for; its own is SERVER_CERTIFICATE. */
  readonly mutualTlsOrigin: string | undefined
  /** The default resource (audience) of access tokens; they are JWTs for it. */
  readonly resource: string
  /** What happened, in order: `grant.success`, `grant.error`, `grant.revoked`, `refresh_token.consumed`, … */
  readonly events: readonly ProviderEvent[]
  /** Calls the token endpoint received, by `grant_type`; all of them without an argument. */
  tokenCalls(grantType?: string): number
  /** Allows `<origin>/oauth2/callback`, the post-logout landing and the back channel of a gateway. */
  registerGateway(origin: string): void
  /** Frees the port; records stay. */
  stop(): Promise<void>
  /** Listens on the same port again. */
  restart(): Promise<void>
}

export interface ProviderEvent {
  readonly type: string
  readonly grantType?: string
  readonly subject?: string
  readonly error?: string
}

export interface OpenIdProviderOptions {
  /** Default 600. */
  readonly accessTokenSeconds?: number
  /** Default 3600. */
  readonly idTokenSeconds?: number
  /** New refresh token at each refresh, reuse revokes the grant; default true. */
  readonly rotateRefreshTokens?: boolean
  /** Give a refresh token at login; default true. */
  readonly offlineAccess?: boolean
  /** Public half of the key of the client `key`, a JWK. */
  readonly clientKey?: object
  /** Endpoints for mutual TLS (RFC 8705 §5) on a listener of their own; the certificate (PEM) of the client `tls-own`. Default: none. */
  readonly mutualTls?: string
  /** Tell the client of logouts (`registerGateway` sets the address); default true. */
  readonly backchannelLogout?: boolean
  /** Default `https://api.example.com`. */
  readonly resource?: string
  /** Default jwt. */
  readonly accessTokenFormat?: 'jwt' | 'opaque'
  /** Claims of a user by login name; `sub` is the name. */
  readonly claimsOf?: (name: string) => Readonly<Record<string, unknown>>
  /** Further claims of access tokens: some providers write long ones. */
  readonly accessTokenClaims?: Readonly<Record<string, string | readonly string[]>>
  /** Pushed authorization requests (RFC 9126): offered, or the only ones that are taken. Default: none. */
  readonly pushedAuthorizationRequests?: 'offered' | 'required'
  /** Take authorization requests of the client `key` only signed by `clientKey` (RFC 9101). Default false. */
  readonly requireSignedRequests?: boolean
  /** The acr of a login that was asked for one: `pwd` or `phr`. Default: what was asked. */
  readonly acrOf?: (asked: string) => string
  /** Where `registerGateway` allows answers to; default `/oauth2/callback`. */
  readonly callbackPaths?: readonly string[]
  /** Redirect URIs known beforehand, beside `registerGateway`. */
  readonly redirectUris?: readonly string[]
  /** Awaited before the token endpoint reads a call; a caller that is gone by then was never heard. */
  readonly beforeToken?: () => Promise<void>
  /** Awaited when the token endpoint has decided, before its answer leaves. */
  readonly afterToken?: (grantType: string, decision: TokenDecision) => Promise<void>
  /** Awaited before anything else is done with any request; true: it has answered itself. */
  readonly front?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
}

/** What the token endpoint is about to answer, and to whom. */
export interface TokenDecision {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly accessToken: string | undefined
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const EVENTS = [
  'access_token.issued',
  'authorization.error',
  'backchannel.error',
  'backchannel.success',
  'end_session.success',
  'grant.error',
  'grant.revoked',
  'grant.success',
  'refresh_token.consumed',
  'server_error',
  'session.destroyed',
] as const

/** Starts it on a free loopback port; `t` stops it at the end of the test. */
export async function startOpenIdProvider(
  t?: Owner,
  options: OpenIdProviderOptions = {},
): Promise<OpenIdProvider> {
  const server = createServer()
  const port = await listen(server, 0)
  const issuer = `http://127.0.0.1:${port}`
  const secret = 'p@ss:w+rd/-_.~0123456789abcdef'
  const resource = options.resource ?? 'https://api.example.com'
  const gateways = new Set<string>()
  const secure = createTlsServer({
    ...SERVER_CERTIFICATE,
    ca: TEST_AUTHORITY,
    requestCert: true,
    rejectUnauthorized: false, // the provider judges
  })
  const mutualTlsOrigin =
    options.mutualTls === undefined ? undefined : `https://127.0.0.1:${await listen(secure, 0)}`
  const storage = createProviderStorage((id) => clientRecord(id, secret, gateways, options))
  const provider = new Provider(issuer, {
    ...(await providerConfiguration(options, resource, mutualTlsOrigin)),
    adapter: storage,
  })
  const events: ProviderEvent[] = []
  const calls: string[] = []
  for (const type of EVENTS)
    provider.on(type as 'grant.success', (...args) => events.push(toEvent(type, args)))
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.oidc?.route !== 'token') return
    const grantType = String(ctx.oidc.params?.['grant_type'] ?? ctx.oidc.body?.['grant_type'])
    calls.push(grantType)
    const { access_token: accessToken } = ctx.body as { access_token?: string }
    const { req: request, res: response } = ctx
    await options.afterToken?.(grantType, { request, response, accessToken })
  })
  const callback = provider.callback()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (await options.front?.(request, response)) return
    if (request.url?.startsWith('/interaction/') === true) {
      await interact(provider, request, response, options).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
      return
    }
    if (request.url === '/token') await options.beforeToken?.()
    if (!request.socket.destroyed) await callback(request, response)
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response)
  })
  secure.on('request', (request, response) => void answer(request, response))
  const stop = () => close(server)
  t?.teardown(stop)
  t?.teardown(() => close(secure))
  return {
    issuer,
    port,
    secret,
    mutualTlsOrigin,
    resource,
    events,
    tokenCalls: (grantType) =>
      calls.filter((one) => grantType === undefined || one === grantType).length,
    registerGateway: (origin) => void gateways.add(origin),
    stop,
    restart: async () => void (await listen(server, port)),
  }
}

/**
 * Opens a page of a gateway, signs in at the provider by submitting its forms, comes back. Answers
 * the last page at the gateway (redirects followed). The provider's pages are those of this file.
 */
export async function signIn(browser: Browser, url: string, username = 'alice'): Promise<Page> {
  let page = await browser.followAll(await browser.navigate(url))
  for (let forms = 0; hasProviderForm(page) && forms < 5; forms += 1) {
    page = await browser.followAll(
      await browser.submit(page, page.body.includes('name="username"') ? { username } : {}),
    )
  }
  return page
}

/** Ours, or the one a browser submits by itself when the user of the provider's session changes. */
function hasProviderForm({ body }: Page): boolean {
  return body.includes('data-provider-form') || body.includes('<title>Submitting Callback')
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function clientRecord(
  id: string,
  secret: string,
  gateways: ReadonlySet<string>,
  options: OpenIdProviderOptions,
): AdapterPayload | undefined {
  const methods: Record<string, string> = {
    basic: 'client_secret_basic',
    post: 'client_secret_post',
    none: 'none',
    key: 'private_key_jwt',
    ...(options.mutualTls === undefined
      ? {}
      : { tls: 'tls_client_auth', 'tls-own': 'self_signed_tls_client_auth' }),
  }
  if (id === 'robot') return robotRecord(id, secret)
  const method = methods[id]
  if (method === undefined) return undefined
  const origins = [...gateways]
  const { callbackPaths = ['/oauth2/callback'] } = options
  const backchannel = options.backchannelLogout === false ? undefined : origins.at(-1)
  const metadata: ClientMetadata = {
    client_id: id,
    ...(method.startsWith('client_secret') ? { client_secret: secret } : {}),
    ...(id === 'key' ? { jwks: { keys: [options.clientKey as never] } } : {}),
    ...(id === 'key' && options.requireSignedRequests === true
      ? { require_signed_request_object: true, request_object_signing_alg: 'ES256' }
      : {}),
    ...(id === 'tls' ? { tls_client_auth_san_dns: 'gateway' } : {}),
    ...(id === 'tls-own' ? { jwks: { keys: [certificateJwk(options.mutualTls ?? '')] } } : {}),
    ...(id.startsWith('tls') ? { tls_client_certificate_bound_access_tokens: true } : {}),
    token_endpoint_auth_method: method as 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [
      'http://127.0.0.1/unused',
      ...(options.redirectUris ?? []),
      ...origins.flatMap((origin) => callbackPaths.map((path) => origin + path)),
    ],
    post_logout_redirect_uris: origins.map((origin) => `${origin}/oauth2/logout/callback`),
    ...(backchannel === undefined
      ? {}
      : {
          backchannel_logout_uri: `${backchannel}/oauth2/backchannel-logout`,
          backchannel_logout_session_required: true,
        }),
  }
  return metadata
}

function certificateJwk(pem: string) {
  const certificate = new X509Certificate(pem)
  const jwk = certificate.publicKey.export({ format: 'jwk' })
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url')
  return { ...jwk, 'x5t#S256': thumbprint } as never
}

/** A program: client credentials and nothing else. */
function robotRecord(id: string, secret: string): ClientMetadata {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  }
}

async function providerConfiguration(
  options: OpenIdProviderOptions,
  resource: string,
  mutualTlsOrigin: string | undefined,
): Promise<Configuration> {
  const accessTokenSeconds = options.accessTokenSeconds ?? 600
  return {
    jwks: {
      keys: [await privateKey('RS256', 'rsa-1'), await privateKey('ES256', 'ec-1')] as never,
    },
    cookies: { keys: ['a key for tests only'] },
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: {
      openid: ['sub', 'sid', 'acr', 'auth_time'],
      profile: ['name', 'groups'],
      email: ['email', 'email_verified'],
    },
    rotateRefreshToken: options.rotateRefreshTokens ?? true,
    extraTokenClaims: () => ({ ...options.accessTokenClaims }),
    // The library drops offline_access from the scope unless prompt=consent: decided here instead.
    issueRefreshToken: async (_ctx, client) =>
      client.grantTypeAllowed('refresh_token') && options.offlineAccess !== false,
    expiresWithSession: () => false,
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    ttl: {
      AccessToken: accessTokenSeconds,
      IdToken: options.idTokenSeconds ?? 3600,
      RefreshToken: 86_400,
      Session: 86_400,
      Grant: 86_400,
      Interaction: 600,
      AuthorizationCode: 60,
    },
    acrValues: ['pwd', 'phr'],
    ...(mutualTlsOrigin === undefined
      ? {}
      : {
          clientAuthMethods: ['tls_client_auth', 'self_signed_tls_client_auth', 'none'],
          discovery: { mtls_endpoint_aliases: aliases(mutualTlsOrigin) },
        }),
    interactions: {
      policy: stepUpPolicy(),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      introspection: { enabled: true },
      requestObjects: {
        enabled: options.requireSignedRequests === true,
        requireSignedRequestObject: options.requireSignedRequests === true,
      },
      mTLS: {
        enabled: mutualTlsOrigin !== undefined,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        selfSignedTlsClientAuth: true,
        getCertificate: ({ socket }) => peerCertificate(socket as TLSSocket),
        certificateAuthorized: ({ socket }) => (socket as TLSSocket).authorized,
        certificateSubjectMatches: ({ socket }, property, expected) =>
          property === 'tls_client_auth_san_dns' &&
          (socket as TLSSocket).getPeerCertificate().subjectaltname === `DNS:${expected}`,
      },
      pushedAuthorizationRequests: {
        enabled: options.pushedAuthorizationRequests !== undefined,
        requirePushedAuthorizationRequests: options.pushedAuthorizationRequests === 'required',
      },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: options.backchannelLogout !== false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          const button = '<button type="submit" name="logout" value="yes">Sign out</button></form>'
          ctx.body = document(
            form.replace('<form', '<form data-provider-form="logout"').replace('</form>', button),
          )
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = document('', '<p>signed out at the provider</p>')
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, audience) => ({
          scope: 'read:orders write:orders',
          audience,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat: options.accessTokenFormat ?? 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `${id} of Example`,
        email: `${id}@example.com`,
        email_verified: true,
        groups: ['staff'],
        ...options.claimsOf?.(id),
      }),
    }),
    // T1: the library's own fetch refuses loopback addresses, where the tests' gateways live.
    fetch: (url, init) => {
      const { dispatcher: _, ...rest } = init as Record<string, unknown>
      return globalThis.fetch(url, rest)
    },
  }
}

function peerCertificate(socket: TLSSocket): string | undefined {
  const raw = socket.encrypted ? socket.getPeerCertificate().raw : undefined
  return raw === undefined ? undefined : new X509Certificate(raw).toString()
}

/** The paths of oidc-provider. */
function aliases(origin: string): Readonly<Record<string, string>> {
  return {
    token_endpoint: `${origin}/token`,
    pushed_authorization_request_endpoint: `${origin}/request`,
    userinfo_endpoint: `${origin}/me`,
    revocation_endpoint: `${origin}/token/revocation`,
    introspection_endpoint: `${origin}/token/introspection`,
  }
}

async function privateKey(alg: string, kid: string): Promise<object> {
  const { privateKey: key } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(key)), alg, kid, use: 'sig' }
}

interface TokenContext {
  readonly params?: Readonly<Record<string, unknown>>
  readonly entities?: Readonly<Partial<Record<'Account' | 'RefreshToken', { accountId?: string }>>>
}

function toEvent(type: string, args: readonly unknown[]): ProviderEvent {
  const context = args.find((one) => typeof one === 'object' && one !== null && 'oidc' in one) as
    { oidc?: TokenContext } | undefined
  const error = args.find((one): one is Error & { error?: string } => one instanceof Error)
  const grantType = context?.oidc?.params?.['grant_type']
  const { Account, RefreshToken } = context?.oidc?.entities ?? {}
  const subject = Account?.accountId ?? RefreshToken?.accountId
  return {
    type,
    ...(typeof grantType === 'string' ? { grantType } : {}),
    ...(subject === undefined ? {} : { subject }),
    ...(error === undefined
      ? {}
      : {
          error: (error as { error_detail?: string }).error_detail ?? error.error ?? error.message,
        }),
  }
}

async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  { acrOf = (asked) => asked }: OpenIdProviderOptions,
): Promise<void> {
  const details = await provider.interactionDetails(request, response)
  const path = request.url?.split('?')[0] ?? ''
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(details.prompt.name === 'login' ? loginPage(path) : consentPage(path))
    return
  }
  const form = await readForm(request)
  if (form.has('abort')) {
    await provider.interactionFinished(request, response, { error: 'access_denied' })
    return
  }
  const result =
    details.prompt.name === 'login'
      ? { login: { accountId: form.get('username') ?? '', ...acrOfLogin(details.params, acrOf) } }
      : { consent: { grantId: await grantEverything(provider, details) } }
  await provider.interactionFinished(request, response, result, {
    mergeWithLastSubmission: details.prompt.name !== 'login',
  })
}

function acrOfLogin(params: Readonly<Record<string, unknown>>, acrOf: (asked: string) => string) {
  const asked = params['acr_values']
  return typeof asked === 'string' ? { acr: acrOf(asked.split(' ')[0] ?? '') } : {}
}

/** Asks again for a login when `acr_values` has a stronger one than there is. */
function stepUpPolicy() {
  const policy = interactionPolicy.base()
  const check = new interactionPolicy.Check('acr', 'a stronger login is needed', (ctx) => {
    const asked: unknown = ctx.oidc.params?.['acr_values']
    if (typeof asked !== 'string') return false
    if (ctx.oidc.result?.login !== undefined) return false // what the login gave is all there is
    return !asked.split(' ').includes(ctx.oidc.session?.acr ?? '')
  })
  policy.get('login')?.checks.add(check)
  return policy
}

async function grantEverything(
  provider: Provider,
  details: Awaited<ReturnType<Provider['interactionDetails']>>,
): Promise<string> {
  const accountId = details.session?.accountId ?? ''
  const clientId = String(details.params['client_id'])
  const known =
    details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId)
  const grant = known ?? new provider.Grant({ accountId, clientId })
  const missing = details.prompt.details as {
    missingOIDCScope?: string[]
    missingOIDCClaims?: string[]
    missingResourceScopes?: Record<string, string[]>
  }
  if (missing.missingOIDCScope !== undefined) grant.addOIDCScope(missing.missingOIDCScope.join(' '))
  if (missing.missingOIDCClaims !== undefined) grant.addOIDCClaims(missing.missingOIDCClaims)
  for (const [indicator, scopes] of Object.entries(missing.missingResourceScopes ?? {})) {
    grant.addResourceScope(indicator, scopes.join(' '))
  }
  return grant.save()
}

function loginPage(action: string): string {
  return document(
    `<form data-provider-form="login" method="post" action="${action}">
<label>Name <input name="username" value="" autofocus autocomplete="off"></label>
<button type="submit">Sign in</button></form>
<form data-provider-form="abort" method="post" action="${action}"><button type="submit" name="abort" value="1">Cancel</button></form>`,
  )
}

function consentPage(action: string): string {
  return document(
    `<form data-provider-form="consent" method="post" action="${action}">
<button type="submit">Allow</button></form>
<form data-provider-form="abort" method="post" action="${action}"><button type="submit" name="abort" value="1">Cancel</button></form>`,
  )
}

function document(...parts: string[]): string {
  return `<!doctype html><html lang="en"><title>provider</title><h1>The provider</h1>${parts.join('\n')}</html>`
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
