import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createSigningKeys } from './scripted-provider-keys.ts'
import type { SigningKeys } from './scripted-provider-keys.ts'

/**
 * A provider that misbehaves on demand. Everything is right by default; each field of `script`
 * bends one answer, and may be changed at any time.
 *
 * ```ts
 * const provider = await startScriptedProvider(t)
 * provider.script.loginClaims = (claims) => ({ ...claims, azp: 'somebody else' })
 * provider.script.tokenAnswer = () => ({ status: 503, headers: { 'content-type': 'text/html' }, body: 'x' })
 * const callback = await provider.authorize(authorizationUrl)   // what the browser would be sent to
 * provider.callsTo('/token'); provider.callsTo('refresh_token'); provider.requests
 * ```
 * Endpoints: /authorize /par /token /jwks /userinfo /revoke /end-session and the metadata. PKCE, client
 * secret and redirect_uri are verified as a strict provider would.
 */
export interface ScriptedProvider {
  readonly issuer: string
  readonly origin: string
  readonly clientId: string
  readonly clientSecret: string
  readonly script: Script
  readonly keys: SigningKeys
  /** Every request received, in order. */
  readonly requests: readonly RecordedRequest[]
  /** Requests to a path (`/token`) or token calls with a grant type (`refresh_token`). */
  callsTo(what: string): number
  /** Plays the browser at the authorization endpoint; answers the callback URL. */
  authorize(authorizationUrl: string): Promise<URL>
  /** Signs any claims as this provider would: for logout tokens. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** What `/par` was given, by its `request_uri`. */
  pushed(requestUri: string | null): URLSearchParams | undefined
  /** Replaces every signing key; the JWKS shows only the new ones. */
  rotateKeys(): Promise<void>
  stop(): Promise<void>
  restart(): Promise<void>
}

type Bend<T, R = T> = (value: T) => R
type Claims = Record<string, unknown>

export interface Script {
  /** The metadata document; may return anything. */
  metadata?: Bend<Record<string, unknown>, unknown>
  /** The JWKS document; may return anything. */
  jwks?: Bend<{ keys: Record<string, unknown>[] }, unknown>
  /** A raw answer for a path, instead of ours; `undefined` for ours. */
  raw?: (path: string, request: RecordedRequest) => RawAnswer | undefined
  /** Claims of the ID token at login / at refresh; `undefined` values are left out. */
  loginClaims?: Bend<Claims>
  refreshClaims?: Bend<Claims>
  /** JOSE header of the ID token. */
  header?: Bend<Record<string, unknown>>
  /** Which key signs: default `rsa`. `foreign` is not in the JWKS; `none` and `hs256` as named. */
  signingKey?: 'rsa' | 'ec' | 'foreign' | 'none' | 'hs256'
  /** The finished ID token; `undefined` leaves it out of the answer. */
  idToken?: Bend<string, string | undefined>
  /** The JSON of a successful token answer; a RawAnswer replaces the whole answer. */
  tokenAnswer?: (
    answer: Record<string, unknown>,
    grantType: string,
  ) => Record<string, unknown> | RawAnswer
  /** The JSON of `/par`. */
  parAnswer?: Bend<Record<string, unknown>>
  /** Parameters sent to the callback. */
  callback?: Bend<URLSearchParams>
  /** Claims of /userinfo; a string is sent as application/jwt. */
  userinfo?: Bend<Claims, Claims | string>
  /** How /authorize answers: a redirect (default), a page to click, or a self-submitting form. */
  page?: 'auto' | 'click' | 'form_post'
  /** Waits before answering, by path (`{ '/token': 500 }`). */
  latencyMs?: Record<string, number>
  /** Waits for this before answering, by path. */
  hold?: (path: string) => Promise<void> | undefined
  /** Executes the request, then cuts the connection instead of answering. */
  dropAfterReceipt?: (path: string, request: RecordedRequest) => boolean
  /** New refresh token at each refresh, old one dead; reuse kills the family. Default true. */
  rotation?: boolean
  /** Is a refresh token given at login? Default true. */
  offline?: boolean
  /** Default 600; of access tokens. */
  expiresIn?: unknown
  /** Audiences and resources that are refused with `invalid_target`. */
  unknownTargets?: readonly string[]
  /** The user's `sub`; default `alice`. */
  subject?: string
}

export interface RawAnswer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
  /** Sends status and headers, then this many bytes, then waits for ever. */
  readonly hangAfterBytes?: number
}

export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly form: URLSearchParams
  readonly atMs: number
}

export interface ScriptedProviderOptions {
  /** Path of the issuer, e.g. `/tenant`; default none. */
  readonly issuerPath?: string
  readonly script?: Script
  readonly clientSecret?: string
}

interface Owner {
  teardown(close: () => unknown): unknown
}

interface Login {
  readonly params: URLSearchParams
  readonly nonce: string | null
  used: boolean
}

interface Pushed {
  readonly params: URLSearchParams
  readonly expiresAtMs: number
  used: boolean
}

interface Family {
  current: string
  alive: boolean
  readonly nonce: string | null
}

interface State {
  readonly issuer: string
  readonly origin: string
  readonly clientId: string
  readonly clientSecret: string
  readonly script: Script
  readonly codes: Map<string, Login>
  readonly families: Map<string, Family>
  readonly pushed: Map<string, Pushed>
  /** Given to users, and when they end: what may be exchanged until then. */
  readonly accessTokens: Map<string, number>
  keys: SigningKeys
}

/** Starts it on a free loopback port; `t` stops it at the end of the test. */
export async function startScriptedProvider(
  t?: Owner,
  options: ScriptedProviderOptions = {},
): Promise<ScriptedProvider> {
  const server = createServer()
  const port = await listen(server, 0)
  const origin = `http://127.0.0.1:${port}`
  const requests: RecordedRequest[] = []
  const state: State = {
    issuer: origin + (options.issuerPath ?? ''),
    origin,
    clientId: 'gateway-client',
    clientSecret: options.clientSecret ?? 'p@ss:w+rd/-_.~ 0123456789',
    script: { ...options.script },
    codes: new Map(),
    families: new Map(),
    pushed: new Map(),
    accessTokens: new Map(),
    keys: await createSigningKeys(),
  }
  server.on('request', (request, response) => {
    record(request, requests)
      .then((recorded) => serve(state, recorded, response))
      .catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  const stop = () => close(server)
  t?.teardown(stop)
  return {
    issuer: state.issuer,
    origin,
    clientId: state.clientId,
    clientSecret: state.clientSecret,
    script: state.script,
    get keys() {
      return state.keys
    },
    requests,
    callsTo: (what) =>
      requests.filter((one) => one.path === what || one.form.get('grant_type') === what).length,
    authorize: (url) => authorize(url),
    sign: (claims, header = {}) =>
      state.keys.sign('rsa', { alg: 'RS256', kid: state.keys.kid('rsa'), ...header }, claims),
    pushed: (requestUri) => state.pushed.get(requestUri ?? '')?.params,
    rotateKeys: async () => {
      state.keys = await createSigningKeys()
    },
    stop,
    restart: async () => void (await listen(server, port)),
  }
}

async function authorize(url: string): Promise<URL> {
  const answer = await fetch(url, { redirect: 'manual' })
  const location = answer.headers.get('location')
  if (location === null)
    throw new Error(`no redirect from /authorize: ${answer.status} ${await answer.text()}`)
  await answer.body?.cancel()
  return new URL(location)
}

async function record(
  request: IncomingMessage,
  requests: RecordedRequest[],
): Promise<RecordedRequest> {
  const url = new URL(request.url ?? '/', 'http://provider')
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const recorded = {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    form: new URLSearchParams(Buffer.concat(chunks).toString()),
    atMs: Date.now(),
  }
  requests.push(recorded)
  return recorded
}

async function serve(
  state: State,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const { script } = state
  const raw = script.raw?.(request.path, request)
  const answer = raw ?? (await route(state, request))
  const wait = script.latencyMs?.[request.path]
  if (wait !== undefined) await delay(wait, undefined, { ref: false })
  await script.hold?.(request.path)
  if (script.dropAfterReceipt?.(request.path, request) === true) {
    response.socket?.destroy()
    return
  }
  response.writeHead(answer.status, answer.headers)
  if (answer.hangAfterBytes !== undefined) {
    response.write(String(answer.body ?? '').slice(0, answer.hangAfterBytes))
    response.flushHeaders()
    return
  }
  response.end(answer.body)
}

function route(state: State, request: RecordedRequest): RawAnswer | Promise<RawAnswer> {
  switch (request.path) {
    case '/authorize':
      return authorizationEndpoint(state, request.query)
    case '/par':
      return pushedAuthorizationEndpoint(state, request)
    case '/token':
      return tokenEndpoint(state, request)
    case '/jwks':
      return json(
        200,
        state.script.jwks === undefined ? state.keys.jwks() : state.script.jwks(state.keys.jwks()),
      )
    case '/userinfo':
      return userinfoEndpoint(state, request)
    case '/revoke':
      return revocationEndpoint(state, request)
    case '/end-session':
      return { status: 302, headers: { location: endSessionTarget(request.query) } }
    default:
      return isMetadataPath(state, request.path)
        ? metadataAnswer(state)
        : { status: 404, body: 'not found' }
  }
}

function isMetadataPath(state: State, path: string): boolean {
  return (
    path === new URL(state.issuer).pathname.replace(/\/$/, '') + '/.well-known/openid-configuration'
  )
}

function metadataAnswer(state: State): RawAnswer {
  const document = {
    issuer: state.issuer,
    authorization_endpoint: `${state.origin}/authorize`,
    token_endpoint: `${state.origin}/token`,
    pushed_authorization_request_endpoint: `${state.origin}/par`,
    jwks_uri: `${state.origin}/jwks`,
    userinfo_endpoint: `${state.origin}/userinfo`,
    revocation_endpoint: `${state.origin}/revoke`,
    end_session_endpoint: `${state.origin}/end-session`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
  return json(200, state.script.metadata === undefined ? document : state.script.metadata(document))
}

/** RFC 9126 §2.2. */
function pushedAuthorizationEndpoint(state: State, request: RecordedRequest): RawAnswer {
  if (!clientIsAuthentic(state, request)) return json(401, { error: 'invalid_client' })
  const own = { request_uri: `urn:example:${randomBytes(16).toString('hex')}`, expires_in: 60 }
  const answer = state.script.parAnswer?.(own) ?? own
  const expiresAtMs = Date.now() + Number(answer['expires_in']) * 1_000
  const pushed = { params: request.form, expiresAtMs, used: false }
  state.pushed.set(String(answer['request_uri']), pushed)
  return json(201, answer)
}

/** What was pushed, the first time and within its life (RFC 9126 §4); what the browser says itself, otherwise. */
function pushedParameters(state: State, query: URLSearchParams): URLSearchParams | undefined {
  const requestUri = query.get('request_uri')
  if (requestUri === null) return query
  const pushed = state.pushed.get(requestUri)
  if (pushed === undefined || pushed.used || Date.now() >= pushed.expiresAtMs) return undefined
  pushed.used = true
  return pushed.params
}

function authorizationEndpoint(state: State, given: URLSearchParams): RawAnswer {
  const query = pushedParameters(state, given)
  if (query === undefined) return { status: 400, body: 'invalid_request_uri' }
  const code = randomBytes(24).toString('base64url')
  state.codes.set(code, { params: query, nonce: query.get('nonce'), used: false })
  const own = new URLSearchParams({ code, state: query.get('state') ?? '', iss: state.issuer })
  const params = state.script.callback?.(own) ?? own
  const target = query.get('redirect_uri') ?? ''
  if (state.script.page === 'form_post')
    return html(postForm(target, params, 'document.forms[0].submit()'))
  const url = `${target}${target.includes('?') ? '&' : '?'}${params}`
  if (state.script.page === 'click')
    return html(`<a id="continue" href="${escapeHtml(url)}">Continue</a>`)
  return { status: 302, headers: { location: url } }
}

async function tokenEndpoint(state: State, request: RecordedRequest): Promise<RawAnswer> {
  if (!clientIsAuthentic(state, request)) {
    return json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="provider"' })
  }
  const grantType = request.form.get('grant_type') ?? ''
  const refusal = targetRefusal(state, request.form)
  if (refusal !== undefined) return json(400, { error: refusal })
  if (grantType === TOKEN_EXCHANGE || grantType === 'client_credentials') {
    return targetedGrant(state, request.form, grantType)
  }
  const grant =
    grantType === 'refresh_token'
      ? refreshGrant(state, request.form)
      : codeGrant(state, request.form)
  if (grant === undefined) return json(400, { error: 'invalid_grant' })
  const target = targetOf(request.form)
  const accessToken =
    target === undefined || grantType !== 'refresh_token'
      ? `at-${randomBytes(16).toString('hex')}`
      : await targetedToken(state, target, grantType)
  state.accessTokens.set(accessToken, endOfToken(state.script))
  const answer = {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: 'expiresIn' in state.script ? state.script.expiresIn : 600,
    ...(grant.refreshToken === undefined ? {} : { refresh_token: grant.refreshToken }),
    id_token: await idToken(state, grant.nonce, grantType),
  }
  const bent = state.script.tokenAnswer?.(answer, grantType) ?? answer
  return isRawAnswer(bent) ? bent : json(200, bent)
}

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

function targetOf(form: URLSearchParams): string | undefined {
  return form.get('audience') ?? form.get('resource') ?? undefined
}

/** RFC 8707 §2: whatever the grant, before any token is spent. */
function targetRefusal({ script }: State, form: URLSearchParams): string | undefined {
  const target = targetOf(form)
  return target !== undefined && script.unknownTargets?.includes(target) === true
    ? 'invalid_target'
    : undefined
}

/** Token exchange (RFC 8693 §2.1) and client credentials (RFC 6749 §4.4): a JWT for the asked audience. */
async function targetedGrant(
  state: State,
  form: URLSearchParams,
  grantType: string,
): Promise<RawAnswer> {
  const isExchange = grantType === TOKEN_EXCHANGE
  const isKnown = (state.accessTokens.get(form.get('subject_token') ?? '') ?? 0) > Date.now()
  if (isExchange && (!isKnown || form.get('subject_token_type') !== ACCESS_TOKEN)) {
    return json(400, { error: 'invalid_request' }) // RFC 8693 §2.2.2
  }
  const answer = {
    access_token: await targetedToken(state, targetOf(form) ?? 'any', grantType),
    ...(isExchange ? { issued_token_type: ACCESS_TOKEN } : {}),
    token_type: 'Bearer',
    expires_in: 'expiresIn' in state.script ? state.script.expiresIn : 600,
  }
  const bent = state.script.tokenAnswer?.(answer, grantType) ?? answer
  return isRawAnswer(bent) ? bent : json(200, bent)
}

const ON_THE_WAY_MS = 500 // a token that ends while it is exchanged

function endOfToken(script: Script): number {
  const seconds = 'expiresIn' in script ? Number(script.expiresIn) : 600
  return Number.isNaN(seconds) ? Infinity : Date.now() + seconds * 1000 + ON_THE_WAY_MS
}

function targetedToken(state: State, aud: string, grantType: string): Promise<string> {
  const sub =
    grantType === 'client_credentials' ? state.clientId : (state.script.subject ?? 'alice')
  const header = { alg: 'RS256', kid: state.keys.kid('rsa'), typ: 'at+jwt' }
  const jti = randomBytes(8).toString('hex')
  return state.keys.sign('rsa', header, { iss: state.issuer, sub, aud, jti, grant: grantType })
}

function isRawAnswer(value: object): value is RawAnswer {
  return 'status' in value && typeof value.status === 'number'
}

function clientIsAuthentic(state: State, request: RecordedRequest): boolean {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (basic === undefined) {
    const secret = request.form.get('client_secret')
    return (
      request.form.get('client_id') === state.clientId &&
      (secret === null || secret === state.clientSecret)
    )
  }
  const pair = Buffer.from(basic, 'base64').toString()
  const [id, secret] = [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)]
  const raw = id === state.clientId && secret === state.clientSecret
  return raw || (formDecode(id) === state.clientId && formDecode(secret) === state.clientSecret)
}

function formDecode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return value
  }
}

interface Granted {
  readonly nonce: string | null
  readonly refreshToken: string | undefined
}

function codeGrant(state: State, form: URLSearchParams): Granted | undefined {
  const login = state.codes.get(form.get('code') ?? '')
  if (login === undefined || login.used) return undefined
  login.used = true
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  if (challenge !== login.params.get('code_challenge')) return undefined
  if (form.get('redirect_uri') !== login.params.get('redirect_uri')) return undefined
  if (state.script.offline === false) return { nonce: login.nonce, refreshToken: undefined }
  const token = `rt-${randomBytes(16).toString('hex')}`
  state.families.set(token, { current: token, alive: true, nonce: login.nonce })
  return { nonce: login.nonce, refreshToken: token }
}

function refreshGrant(state: State, form: URLSearchParams): Granted | undefined {
  const token = form.get('refresh_token') ?? ''
  const family = state.families.get(token)
  if (family === undefined) return undefined
  if (family.current !== token) family.alive = false
  if (!family.alive) return undefined
  if (state.script.rotation === false) return { nonce: family.nonce, refreshToken: undefined }
  family.current = `rt-${randomBytes(16).toString('hex')}`
  state.families.set(family.current, family)
  return { nonce: family.nonce, refreshToken: family.current }
}

async function idToken(
  state: State,
  nonce: string | null,
  grantType: string,
): Promise<string | undefined> {
  const { script } = state
  const now = Math.floor(Date.now() / 1000)
  const subject = script.subject ?? 'alice'
  const own: Claims = {
    iss: state.issuer,
    sub: subject,
    aud: state.clientId,
    iat: now,
    exp: now + 300,
    auth_time: now,
    sid: `sid-${subject}`,
    ...(nonce === null ? {} : { nonce }),
  }
  const bend = grantType === 'refresh_token' ? script.refreshClaims : script.loginClaims
  const claims = bend?.(own) ?? own
  const key = script.signingKey ?? 'rsa'
  const header = { alg: state.keys.algorithm(key), kid: state.keys.kid(key), typ: 'JWT' }
  const signed = await state.keys.sign(key, script.header?.(header) ?? header, claims)
  return script.idToken === undefined ? signed : script.idToken(signed)
}

function userinfoEndpoint(state: State, request: RecordedRequest): RawAnswer {
  if (!/^Bearer .+/.test(request.headers.authorization ?? '')) {
    return { status: 401, headers: { 'www-authenticate': 'Bearer' } }
  }
  const subject = state.script.subject ?? 'alice'
  const own = { sub: subject, email: `${subject}@example.com` }
  const bent = state.script.userinfo?.(own) ?? own
  if (typeof bent === 'string')
    return { status: 200, headers: { 'content-type': 'application/jwt' }, body: bent }
  return json(200, bent)
}

function revocationEndpoint(state: State, request: RecordedRequest): RawAnswer {
  if (!clientIsAuthentic(state, request)) return json(401, { error: 'invalid_client' })
  const family = state.families.get(request.form.get('token') ?? '')
  if (family !== undefined) family.alive = false
  return { status: 200 }
}

function endSessionTarget(query: URLSearchParams): string {
  const target = new URL(
    query.get('post_logout_redirect_uri') ?? 'http://provider.invalid/signed-out',
  )
  const state = query.get('state')
  if (state !== null) target.searchParams.set('state', state)
  return target.href
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): RawAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }
}

function html(body: string): RawAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: `<!doctype html><title>p</title>${body}`,
  }
}

function postForm(action: string, params: URLSearchParams, script: string): string {
  const inputs = [...params].map(
    ([name, value]) =>
      `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  )
  return `<form method="post" action="${escapeHtml(action)}">${inputs.join('')}<button>Continue</button></form><script>${script}</script>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
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
