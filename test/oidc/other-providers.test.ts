import t from 'tap'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import {
  startScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../support/scripted-provider.ts'
import { connectTo, recordOf } from './login-fixture.ts'

/**
 * What providers in use do that is odd or sloppy, but tells nobody anything wrong: people must be able to sign in, and
 * to stay signed in.
 */
interface Oddity {
  readonly name: string
  readonly script: Script | ((provider: ScriptedProvider) => Script)
  readonly options?: Partial<ProviderOptions>
}

const token = (more: Record<string, unknown>): Script => ({
  tokenAnswer: (own) => ({ ...own, ...more }),
})
const claims = (more: Record<string, unknown>): Script => ({
  loginClaims: (own) => ({ ...own, ...more }),
  refreshClaims: (own) => ({ ...own, ...more }),
})
const atRefresh = (more: Record<string, unknown>): Script => ({
  tokenAnswer: (own, grantType) => (grantType === 'refresh_token' ? { ...own, ...more } : own),
})
/** The metadata, with a label and a beginning of their own. */
const metadata =
  (type: string | undefined, head = '') =>
  ({ issuer, origin }: ScriptedProvider): Script => {
    const document = {
      issuer,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      jwks_uri: `${origin}/jwks`,
    }
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    const answer = { status: 200, headers, body: head + JSON.stringify(document) }
    return { raw: (path) => (path.includes('well-known') ? answer : undefined) }
  }
const keySet =
  (type: string) =>
  ({ keys }: ScriptedProvider): Script => {
    const headers = { 'content-type': type }
    const answer = { status: 200, headers, body: JSON.stringify(keys.jwks()) }
    return { raw: (path) => (path === '/jwks' ? answer : undefined) }
  }
const seconds = () => Math.floor(Date.now() / 1000)

const ODDITIES: readonly Oddity[] = [
  { name: 'TK-7 token_type bearer', script: token({ token_type: 'bearer' }) },
  { name: 'TK-7 token_type BEARER', script: token({ token_type: 'BEARER' }) },
  { name: 'TK-8 no expires_in', script: token({ expires_in: undefined }) },
  { name: 'TK-8 expires_in as text', script: token({ expires_in: '3599' }) },
  { name: 'TK-8 expires_in as a fraction', script: token({ expires_in: 3599.5 }) },
  { name: 'TK-8 expires_in null', script: token({ expires_in: null }) },
  { name: 'TK-8 expires_in empty', script: token({ expires_in: '' }) },
  { name: 'no scope', script: token({ scope: undefined }) },
  { name: 'scope null', script: token({ scope: null }) },
  { name: 'no refresh token, told as null', script: token({ refresh_token: null }) },
  { name: 'no refresh token, told as empty text', script: token({ refresh_token: '' }) },
  { name: 'RT-3 no new refresh token, told as null', script: atRefresh({ refresh_token: null }) },
  { name: 'RT-3 no new refresh token, told as empty', script: atRefresh({ refresh_token: '' }) },
  { name: 'RT-16 no new ID token, told as null', script: atRefresh({ id_token: null }) },
  { name: 'RT-16 no new ID token, told as empty', script: atRefresh({ id_token: '' }) },
  { name: 'RT-3 no new refresh_token', script: { rotation: false } },
  {
    name: 'members nobody knows',
    script: token({ 'not-before-policy': 0, session_state: 'x', refresh_expires_in: 0, ext: null }),
  },
  { name: 'aud a list of one', script: { ...claims({ aud: ['gateway-client'] }) } },
  { name: 'azp beside a single aud', script: claims({ azp: 'gateway-client' }) },
  { name: 'no auth_time, acr, sid', script: claims({ auth_time: undefined, sid: undefined }) },
  { name: 'claims of any kind', script: claims({ groups: [], address: null, amr: ['pwd', 7] }) },
  { name: 'iat with a fraction', script: () => claims({ iat: seconds() + 0.5 }) },
  {
    name: 'a clock 20 s ahead',
    script: () => claims({ iat: seconds() + 20, nbf: seconds() + 20 }),
  },
  {
    name: 'a clock 20 s behind',
    script: () => claims({ iat: seconds() - 320, exp: seconds() - 20 }),
  },
  { name: 'header typ absent', script: { header: (own) => ({ ...own, typ: undefined }) } },
  {
    name: 'header x5t and jku beside kid',
    script: { header: (own) => ({ ...own, x5t: 'abc', jku: 'https://evil.example/jwks' }) },
  },
  {
    name: 'keys without use and alg',
    script: (p) => ({ jwks: () => ({ keys: [{ ...p.keys.publicJwk('rsa'), use: undefined }] }) }),
  },
  {
    name: 'keys with key_ops, alg and a chain of certificates',
    script: (p) => ({
      jwks: () => ({
        keys: [
          { ...p.keys.publicJwk('rsa'), alg: 'RS256', key_ops: ['verify'], x5c: ['MIIgarbage'] },
        ],
      }),
    }),
  },
  {
    name: 'an encryption key of the same kid first',
    script: (p) => ({
      jwks: () => ({
        keys: [
          { ...p.keys.publicJwk('foreign'), use: 'enc', alg: 'RSA-OAEP' },
          p.keys.publicJwk('rsa'),
        ],
      }),
    }),
  },
  {
    name: 'keys of kinds nobody knows, and broken ones',
    script: (p) => ({
      jwks: () => ({
        keys: [
          { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'x' },
          { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' },
          { kty: 'EC', crv: 'P-256', kid: 'short', x: 'AA', y: 'AA', use: 'sig' },
          { kty: 'RSA', kid: 'broken', use: 'sig' },
          p.keys.publicJwk('rsa'),
        ],
      }),
    }),
  },
  {
    name: 'ID-13 a broken key under the same kid',
    script: (p) => ({
      jwks: () => ({
        keys: [
          { kty: 'RSA', kid: p.keys.kid('rsa'), use: 'sig', n: 'AA', e: 'AQAB' },
          p.keys.publicJwk('rsa'),
        ],
      }),
    }),
  },
  {
    name: 'CB-5 callback with session_state, scope and authuser',
    script: {
      callback: (own) => {
        for (const name of ['session_state', 'scope', 'authuser', 'hd', 'prompt'])
          own.set(name, 'x')
        return own
      },
    },
  },
  { name: 'metadata labelled text/plain', script: metadata('text/plain') },
  { name: 'metadata with a charset', script: metadata('application/json;charset=utf-8') },
  { name: 'metadata without label', script: metadata(undefined) },
  { name: 'metadata with a byte order mark', script: metadata('application/json', '\ufeff') },
  { name: 'keys labelled jwk-set', script: keySet('application/jwk-set+json') },
  { name: 'keys labelled octet-stream', script: keySet('application/octet-stream') },
  {
    name: 'metadata with members of wrong kinds beside ours',
    script: {
      metadata: (own) => ({
        ...own,
        scopes_supported: null,
        userinfo_endpoint: null,
        revocation_endpoint: '',
        end_session_endpoint: 7,
        ['__proto__']: { polluted: true },
      }),
    },
  },
]

for (const { name, script, options } of ODDITIES) {
  t.test(`${name}: signs in, and stays signed in`, async (t) => {
    const scripted = await startScriptedProvider(t)
    Object.assign(scripted.script, typeof script === 'function' ? script(scripted) : script)
    const { login, provider } = connectTo(t, scripted, options)
    const record = recordOf(await login())
    t.match(record, { subject: 'alice', accessTokens: [{ value: /^at-/ }] })
    if (record.refreshToken !== undefined) {
      const refreshed = await refreshTokenGrant(provider, record)
      t.match(refreshed, { accessToken: { value: /^at-/ } })
      t.notOk(refreshed.refreshToken === '' || refreshed.refreshToken === null)
    }
    t.notOk(Object.hasOwn(Object.prototype, 'polluted'), 'RL-8')
  })
}
