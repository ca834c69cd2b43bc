import { createHash } from 'node:crypto'
import t from 'tap'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import type { RawAnswer, Script, ScriptedProvider } from '../support/scripted-provider.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { connectTo, outcome } from './login-fixture.ts'

/**
 * STANDARDS §3.1, §3.2 and §3.4 (what is in scope), as one table: what the provider does, and what becomes of
 * the login. Whatever is refused must not have called a further endpoint.
 */
interface Case {
  readonly name: string
  readonly script?: Script | ((provider: ScriptedProvider) => Script)
  readonly options?: Partial<ProviderOptions>
  readonly parameters?: Record<string, string>
  readonly becomes: string
  /** Calls of the token endpoint; default 1. */
  readonly tokenCalls?: number
}

const seconds = () => Math.floor(Date.now() / 1000)
const set = (more: Record<string, unknown>): Script => ({
  loginClaims: (claims) => ({ ...claims, ...more }),
})
const suffixed = (name: string): Script => ({
  loginClaims: (claims) => ({ ...claims, [name]: `${String(claims[name])}1` }),
})
const without = (name: string): Script => ({
  loginClaims: (claims) => ({ ...claims, [name]: undefined }),
})
const header = (more: Record<string, unknown>): Script => ({
  header: (own) => ({ ...own, ...more }),
})
const callback = (change: (own: URLSearchParams) => void): Script => ({
  callback: (own) => {
    change(own)
    return own
  },
})
const answer = (more: Record<string, unknown>): Script => ({
  tokenAnswer: (own) => ({ ...own, ...more }),
})
const token = (raw: RawAnswer): Script => ({ tokenAnswer: () => raw })
const json = { 'content-type': 'application/json' }
const CLIENT = 'gateway-client'
const atHash = (accessToken: string) =>
  createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')

const CASES: readonly Case[] = [
  // §3.1 OpenID Connect core
  { name: 'all correct', becomes: 'signed_in' },
  { name: 'invalid-iss', script: suffixed('iss'), becomes: 'provider_error' },
  { name: 'invalid-aud', script: suffixed('aud'), becomes: 'provider_error' },
  { name: 'ID-10 nonce-invalid', script: suffixed('nonce'), becomes: 'provider_error' },
  { name: 'missing-sub', script: without('sub'), becomes: 'provider_error' },
  { name: 'missing-iat', script: without('iat'), becomes: 'provider_error' },
  { name: 'missing-aud', script: without('aud'), becomes: 'provider_error' },
  {
    name: 'kid-absent-single-jwks',
    script: (p) => ({
      header: (own) => ({ ...own, kid: undefined }),
      jwks: () => ({ keys: [p.keys.publicJwk('rsa')] }),
    }),
    becomes: 'signed_in',
  },
  {
    name: 'kid-absent-multiple-jwks: every key is tried',
    script: (p) => ({
      header: (own) => ({ ...own, kid: undefined }),
      jwks: () => ({
        keys: [{ ...p.keys.publicJwk('foreign'), kid: 'x' }, p.keys.publicJwk('rsa')],
      }),
    }),
    becomes: 'signed_in',
  },
  {
    name: 'kid-absent-multiple-jwks, none fits',
    script: (p) => ({
      signingKey: 'foreign',
      header: (own) => ({ ...own, kid: undefined }),
      jwks: () => ({ keys: [{ ...p.keys.publicJwk('rsa'), kid: 'x' }, p.keys.publicJwk('rsa')] }),
    }),
    becomes: 'provider_error',
  },
  {
    name: 'kid-absent-multiple-jwks, expired',
    script: (p) => ({
      ...set({ exp: seconds() - 360 }),
      header: (own) => ({ ...own, kid: undefined }),
      jwks: () => ({
        keys: [p.keys.publicJwk('rsa'), { ...p.keys.publicJwk('foreign'), kid: 'x' }],
      }),
    }),
    becomes: 'provider_error',
  },
  { name: 'ID-5 idtoken-sig-none', script: { signingKey: 'none' }, becomes: 'provider_error' },
  { name: 'ID-5 invalid-sig-rs256', script: { signingKey: 'foreign' }, becomes: 'provider_error' },
  {
    name: 'ID-5 invalid-sig-rs256, one byte',
    script: {
      idToken: (jwt) =>
        jwt.replace(
          /\.([^.]*)$/,
          (_, s: string) => `.${s.startsWith('A') ? 'B' : 'A'}${s.slice(1)}`,
        ),
    },
    becomes: 'provider_error',
  },
  {
    name: 'invalid-sig-hs256 with the public key as secret',
    script: { signingKey: 'hs256' },
    becomes: 'provider_error',
  },
  { name: 'es256 though not allowed', script: { signingKey: 'ec' }, becomes: 'provider_error' },
  {
    name: 'es256 when allowed',
    script: { signingKey: 'ec' },
    options: { idTokenSigningAlgorithms: ['RS256', 'ES256'] },
    becomes: 'signed_in',
  },
  {
    name: 'ID-5 invalid-sig-es256',
    script: { signingKey: 'ec', idToken: (jwt) => `${jwt.slice(0, -4)}AAAA` },
    options: { idTokenSigningAlgorithms: ['ES256'] },
    becomes: 'provider_error',
  },
  {
    name: 'alg none when the metadata allow it',
    script: {
      signingKey: 'none',
      metadata: (m) => ({ ...m, id_token_signing_alg_values_supported: ['none', 'RS256'] }),
    },
    becomes: 'provider_error',
  },
  {
    name: 'header alg RS256, but an ES256 key',
    script: { signingKey: 'ec', header: (h) => ({ ...h, alg: 'RS256' }) },
    becomes: 'provider_error',
  },
  { name: 'ID-12 missing-athash', becomes: 'signed_in' },
  {
    name: 'ID-12 invalid-athash',
    script: set({ at_hash: atHash('another') }),
    becomes: 'provider_error',
  },
  // §3.2 FAPI 2
  { name: 'missing-iss', script: without('iss'), becomes: 'provider_error' },
  { name: 'missing-exp', script: without('exp'), becomes: 'provider_error' },
  {
    name: 'invalid-secondary-aud',
    script: set({ aud: [CLIENT, `${CLIENT}1`] }),
    becomes: 'provider_error',
  },
  { name: 'valid-aud-as-array', script: set({ aud: [CLIENT] }), becomes: 'signed_in' },
  { name: 'invalid-expired-exp', script: set({ exp: seconds() - 360 }), becomes: 'provider_error' },
  { name: 'ID-10 invalid-missing-nonce', script: without('nonce'), becomes: 'provider_error' },
  {
    name: 'invalid-authorization-response-iss',
    script: callback((p) => p.set('iss', `${p.get('iss')}1`)),
    becomes: 'login_refused',
    tokenCalls: 0,
  },
  {
    name: 'remove-authorization-response-iss',
    script: callback((p) => p.delete('iss')),
    becomes: 'login_refused',
    tokenCalls: 0,
  },
  {
    name: 'no iss where none is announced',
    script: {
      ...callback((p) => p.delete('iss')),
      metadata: (m) => ({ ...m, authorization_response_iss_parameter_supported: undefined }),
    },
    becomes: 'signed_in',
  },
  {
    name: 'wrong iss where none is announced',
    script: {
      ...callback((p) => p.set('iss', 'https://evil')),
      metadata: (m) => ({ ...m, authorization_response_iss_parameter_supported: false }),
    },
    becomes: 'login_refused',
    tokenCalls: 0,
  },
  {
    name: 'empty iss',
    script: callback((p) => p.set('iss', '')),
    becomes: 'login_refused',
    tokenCalls: 0,
  },
  {
    name: 'authorization-response-with-invalid-state',
    script: callback((p) => p.set('state', `${p.get('state')}1`)),
    becomes: 'login_state_unknown',
    tokenCalls: 0,
  },
  {
    name: 'authorization-response-with-missing-state',
    script: callback((p) => p.delete('state')),
    becomes: 'login_state_unknown',
    tokenCalls: 0,
  },
  {
    name: 'token-endpoint-response-without-expires_in',
    script: answer({ expires_in: undefined }),
    becomes: 'signed_in',
  },
  {
    name: 'token-type-case-insensitivity',
    script: answer({ token_type: 'bEARER' }),
    becomes: 'signed_in',
  },
  {
    name: 'iat one week in the past',
    script: set({ iat: seconds() - 604_800 }),
    becomes: 'provider_error',
  },
  // §3.4 more
  {
    name: 'ID-7 azp ≠ client_id, single aud',
    script: set({ azp: 'other' }),
    becomes: 'provider_error',
  },
  { name: 'azp = client_id, single aud', script: set({ azp: CLIENT }), becomes: 'signed_in' },
  {
    name: 'aud [cid, other], azp = cid',
    script: set({ aud: [CLIENT, 'other'], azp: CLIENT }),
    becomes: 'provider_error',
  },
  {
    name: 'aud [cid, other], azp = cid, other trusted',
    script: set({ aud: [CLIENT, 'other'], azp: CLIENT }),
    options: { trustedAudiences: ['other'] },
    becomes: 'signed_in',
  },
  {
    name: 'aud [cid, other] without azp, other trusted',
    script: set({ aud: [CLIENT, 'other'] }),
    options: { trustedAudiences: ['other'] },
    becomes: 'provider_error',
  },
  { name: 'aud empty', script: set({ aud: [] }), becomes: 'provider_error' },
  {
    name: 'exp a string',
    script: set({ exp: String(seconds() + 300) }),
    becomes: 'provider_error',
  },
  { name: 'iat a string', script: set({ iat: String(seconds()) }), becomes: 'provider_error' },
  { name: 'nbf in the future', script: set({ nbf: seconds() + 300 }), becomes: 'provider_error' },
  { name: 'ID-9 iat +1 h', script: set({ iat: seconds() + 3_600 }), becomes: 'provider_error' },
  { name: 'iat two hours ago', script: set({ iat: seconds() - 7_200 }), becomes: 'provider_error' },
  { name: 'ID-8 exp 20 s ago', script: set({ exp: seconds() - 20 }), becomes: 'signed_in' },
  {
    name: 'ID-8 exp 20 s ago, and no tolerance',
    script: set({ exp: seconds() - 20 }),
    options: { clockToleranceMs: 0 },
    becomes: 'provider_error',
  },
  { name: 'iat 20 s ahead', script: set({ iat: seconds() + 20 }), becomes: 'signed_in' },
  { name: 'ID-8 sub empty', script: set({ sub: '' }), becomes: 'provider_error' },
  {
    name: 'ID-8 sub of 256 characters',
    script: set({ sub: 'a'.repeat(256) }),
    becomes: 'provider_error',
  },
  { name: 'ID-8 sub beyond ASCII', script: set({ sub: 'ąlice' }), becomes: 'provider_error' },
  { name: 'ID-8 sub a number', script: set({ sub: 7 }), becomes: 'provider_error' },
  { name: 'ID-11 typ at+jwt', script: header({ typ: 'at+jwt' }), becomes: 'provider_error' },
  {
    name: 'ID-11 typ logout+jwt',
    script: header({ typ: 'logout+jwt' }),
    becomes: 'provider_error',
  },
  { name: 'typ absent', script: header({ typ: undefined }), becomes: 'signed_in' },
  {
    name: 'ID-6 attacker’s key in header jwk',
    script: (p) => ({ signingKey: 'foreign', ...header({ jwk: p.keys.publicJwk('foreign') }) }),
    becomes: 'provider_error',
  },
  {
    name: 'ID-6 header jku to the attacker’s keys',
    script: { signingKey: 'foreign', ...header({ jku: 'http://127.0.0.1:1/jwks' }) },
    becomes: 'provider_error',
  },
  { name: 'ID-6 unknown crit', script: header({ crit: ['x'], x: 1 }), becomes: 'provider_error' },
  { name: 'id_token missing', script: { idToken: () => undefined }, becomes: 'provider_error' },
  { name: 'id_token garbage', script: { idToken: () => 'abc' }, becomes: 'provider_error' },
  { name: 'id_token a number', script: answer({ id_token: 7 }), becomes: 'provider_error' },
  {
    name: 'ID-17 encrypted id_token',
    script: { idToken: () => 'eyJhbGciOiJSU0EtT0FFUCJ9.b.c.d.e' },
    becomes: 'provider_error',
  },
  {
    name: 'ID-16 max_age asked, auth_time old',
    script: set({ auth_time: seconds() - 3_600 }),
    options: { maxAgeSeconds: 60 },
    becomes: 'login_refused',
  },
  {
    name: 'ID-16 max_age asked, auth_time missing',
    script: without('auth_time'),
    options: { maxAgeSeconds: 60 },
    becomes: 'login_refused',
  },
  { name: 'ID-16 max_age asked and met', options: { maxAgeSeconds: 60 }, becomes: 'signed_in' },
  {
    name: 'ID-16 acr asked, another given',
    script: set({ acr: '0' }),
    options: { acrValues: ['phr'] },
    becomes: 'login_refused',
  },
  {
    name: 'ID-16 acr asked, none given',
    options: { acrValues: ['phr'] },
    becomes: 'login_refused',
  },
  {
    name: 'ID-16 acr asked and met',
    script: set({ acr: 'phr' }),
    options: { acrValues: ['phrh', 'phr'] },
    becomes: 'signed_in',
  },
  { name: 'auth_time not a number', script: set({ auth_time: 'now' }), becomes: 'provider_error' },
  {
    name: 'ID-18 another organization returned',
    script: set({ org_id: 'org_2' }),
    parameters: { organization: 'org_1' },
    becomes: 'login_refused',
  },
  {
    name: 'ID-18 no organization returned',
    parameters: { organization: 'org_1' },
    becomes: 'login_refused',
  },
  {
    name: 'ID-18 S-14 S-15 the organization asked for',
    script: set({ org_id: 'org_1' }),
    parameters: { organization: 'org_1', invitation: 'i' },
    becomes: 'signed_in',
  },
  {
    name: 'ID-18 the organization asked for by name',
    script: set({ org_id: 'org_1', org_name: 'acme' }),
    parameters: { organization: 'Acme' },
    becomes: 'signed_in',
  },
  {
    name: 'ID-18 an organization that is named like the id of a configured one',
    script: set({ org_id: 'org_evil', org_name: 'org_1' }),
    options: { organizations: ['org_1'] },
    becomes: 'login_refused',
  },
  {
    name: 'ID-18 an organization that is named like the id asked for',
    script: set({ org_id: 'org_evil', org_name: 'ORG_1' }),
    parameters: { organization: 'org_1' },
    becomes: 'login_refused',
  },
  {
    name: 'ID-18 an organization beside the configured ones',
    script: set({ org_id: 'org_3' }),
    options: { organizations: ['org_1', 'org_2'] },
    becomes: 'login_refused',
  },
  {
    name: 'ID-18 a configured organization',
    script: set({ org_id: 'org_2' }),
    options: { organizations: ['org_1', 'org_2'] },
    becomes: 'signed_in',
  },
  {
    name: 'token_type missing',
    script: answer({ token_type: undefined }),
    becomes: 'provider_error',
  },
  { name: 'TK-7 token_type mac', script: answer({ token_type: 'mac' }), becomes: 'provider_error' },
  {
    name: 'TK-7 token_type DPoP unasked',
    script: answer({ token_type: 'DPoP' }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-6 access_token missing',
    script: answer({ access_token: undefined }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-6 access_token a number',
    script: answer({ access_token: 7 }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-10 access_token with CR LF',
    script: answer({ access_token: 'abc\r\nX-Evil: 1' }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-10 access_token with a space',
    script: answer({ access_token: 'abc def' }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-11 access_token of 20 KB',
    script: answer({ access_token: 'a'.repeat(20_000) }),
    becomes: 'provider_error',
  },
  {
    name: 'access_token of 8 KB',
    script: answer({ access_token: 'a'.repeat(8_000) }),
    becomes: 'signed_in',
  },
  {
    name: 'refresh_token not a string',
    script: answer({ refresh_token: 7 }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-5 token endpoint 302',
    script: token({ status: 302, headers: { location: '/userinfo' } }),
    becomes: 'provider_error',
  },
  {
    name: 'TK-5 token endpoint 307',
    script: token({ status: 307, headers: { location: '/userinfo' } }),
    becomes: 'provider_error',
  },
  {
    name: 'token 200 html',
    script: token({ status: 200, headers: { 'content-type': 'text/html' }, body: '<p>' }),
    becomes: 'provider_error',
  },
  {
    name: 'token 200 array',
    script: token({ status: 200, headers: json, body: '[]' }),
    becomes: 'provider_error',
  },
  {
    name: 'token 200 empty',
    script: token({ status: 200, headers: json, body: '' }),
    becomes: 'provider_error',
  },
  {
    name: 'token 200 null',
    script: token({ status: 200, headers: json, body: 'null' }),
    becomes: 'provider_error',
  },
  {
    name: 'token 200 JSON labelled text/plain',
    script: {
      tokenAnswer: (own) => ({
        status: 200,
        headers: { 'content-type': 'text/plain' },
        body: JSON.stringify(own),
      }),
    },
    becomes: 'provider_error',
  },
  {
    name: 'token 200 JSON labelled oddly',
    script: {
      tokenAnswer: (own) => ({
        status: 200,
        headers: { 'content-type': 'Application/JSON; Charset=UTF-8' },
        body: JSON.stringify(own),
      }),
    },
    becomes: 'signed_in',
  },
  {
    name: 'token 201',
    script: { tokenAnswer: (own) => ({ status: 201, headers: json, body: JSON.stringify(own) }) },
    becomes: 'provider_error',
  },
  {
    name: 'token 400 invalid_grant',
    script: token({ status: 400, headers: json, body: '{"error":"invalid_grant"}' }),
    becomes: 'login_refused',
  },
  {
    name: 'token 400 invalid_request',
    script: token({ status: 400, headers: json, body: '{"error":"invalid_request"}' }),
    becomes: 'provider_error',
  },
  {
    name: 'token 401 with challenge',
    script: token({
      status: 401,
      headers: { ...json, 'www-authenticate': 'Basic realm="x"' },
      body: '{"error":"invalid_client"}',
    }),
    becomes: 'provider_error',
  },
  {
    name: 'token 401 with a challenge alone',
    script: token({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
    becomes: 'provider_error',
  },
  {
    name: 'token 429',
    script: token({
      status: 429,
      headers: { ...json, 'retry-after': '1' },
      body: '{"error":"too_many"}',
    }),
    becomes: 'provider_unavailable',
  },
  {
    name: 'token 503 html',
    script: token({ status: 503, headers: { 'content-type': 'text/html' }, body: '<p>' }),
    becomes: 'provider_unavailable',
  },
  {
    name: 'token 500 with a challenge',
    script: token({ status: 500, headers: { 'www-authenticate': 'Basic' } }),
    becomes: 'provider_unavailable',
  },
  {
    name: 'token 403 temporarily_unavailable',
    script: token({ status: 403, headers: json, body: '{"error":"temporarily_unavailable"}' }),
    becomes: 'provider_unavailable',
  },
  {
    name: 'TK-14 connection cut after the request',
    script: { dropAfterReceipt: (path) => path === '/token' },
    becomes: 'provider_unavailable',
  },
  {
    name: 'TK-13 token endpoint silent',
    script: { latencyMs: { '/token': 5_000 } },
    options: { timeoutMs: 300 },
    becomes: 'provider_unavailable',
  },
  {
    name: 'TK-13 token endpoint stops in the middle',
    script: token({ status: 200, headers: json, body: '{"access_token":', hangAfterBytes: 8 }),
    options: { timeoutMs: 300 },
    becomes: 'provider_unavailable',
  },
  {
    name: 'TK-13 token endpoint 50 MB',
    script: token({ status: 200, headers: json, body: 'x'.repeat(50_000_000) }),
    becomes: 'provider_error',
  },
  {
    name: 'metadata without PKCE',
    script: { metadata: (m) => ({ ...m, code_challenge_methods_supported: undefined }) },
    becomes: 'signed_in',
  },
  {
    name: 'CB-16 callback with response',
    script: callback((p) => p.set('response', 'eyJ')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'callback with id_token',
    script: callback((p) => p.set('id_token', 'eyJ')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'callback with access_token',
    script: callback((p) => p.set('access_token', 'x')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'callback with error and code',
    script: callback((p) => p.set('error', 'access_denied')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'callback with neither',
    script: callback((p) => p.delete('code')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'callback with an empty code',
    script: callback((p) => p.set('code', '')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
  {
    name: 'CB-5 callback with unknown parameters',
    script: callback((p) => p.set('session_state', 'x')),
    becomes: 'signed_in',
  },
  {
    name: 'CB-6 a foreign code of 4 KB is offered',
    script: callback((p) => p.set('code', 'c'.repeat(4_096))),
    becomes: 'login_refused',
  },
  ...['code', 'state', 'iss'].map((name) => ({
    name: `CB-4 repeated ${name}`,
    script: callback((p) => p.append(name, p.get(name) ?? '')),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  })),
  {
    name: 'CB-4 repeated error',
    script: callback((p) => {
      p.delete('code')
      p.append('error', 'access_denied')
      p.append('error', 'access_denied')
    }),
    becomes: 'parameter_refused',
    tokenCalls: 0,
  },
]

const scripted = await startScriptedProvider(t)

for (const { name, script, options, parameters, becomes, tokenCalls = 1 } of CASES) {
  t.test(`${name}: ${becomes}`, async (t) => {
    const before = { token: scripted.callsTo('/token'), userinfo: scripted.callsTo('/userinfo') }
    bend(scripted, typeof script === 'function' ? script(scripted) : script)
    const { login } = connectTo(t, scripted, options)
    t.equal(await outcome(login(parameters)), becomes)
    t.equal(scripted.callsTo('/token') - before.token, tokenCalls, 'calls of the token endpoint')
    t.equal(scripted.callsTo('/userinfo') - before.userinfo, 0, 'no call with the token')
  })
}

function bend(scripted: ScriptedProvider, script: Script = {}): void {
  for (const name of Object.keys(scripted.script)) delete scripted.script[name as keyof Script]
  Object.assign(scripted.script, script)
}
