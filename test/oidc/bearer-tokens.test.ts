import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { BearerRule } from '../../src/domain/bearer-credential.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { createBearerTokens, type BearerVerdict } from '../../src/oidc/bearer-tokens.ts'
import type { KeyName } from '../support/scripted-provider-keys.ts'
import type { RawAnswer, Script } from '../support/scripted-provider.ts'
import { refreshTokenGrant } from '../../src/oidc/refresh-token-grant.ts'
import { failure, recordOf, startLoginBed } from './login-fixture.ts'

type Json = Record<string, unknown>

const API = 'https://orders.example.com'
const ANY: BearerRule = { audience: [API], algorithms: ['RS256', 'ES256'], check: 'auto' }
const seconds = () => Math.floor(Date.now() / 1000)

async function bed(t: Test, script: Script = {}, options: Partial<ProviderOptions> = {}) {
  const login = await startLoginBed(t, { introspection: true, ...options }, { script })
  await login.provider.connection()
  const tokens = createBearerTokens(login.provider, Date.now)
  return {
    ...login,
    check: async (token: string, rule: BearerRule = ANY) => tokens.check(token, rule),
    tokens,
  }
}

function word(verdict: BearerVerdict): string {
  return 'refused' in verdict ? verdict.refused : 'taken'
}

interface Case {
  readonly name: string
  readonly key?: KeyName
  readonly claims?: Json
  readonly header?: Json
  readonly token?: (token: string) => string
  readonly rule?: Partial<BearerRule>
  readonly expected?: 'taken' | 'bearer_expired'
}

const CASES: readonly Case[] = [
  { name: 'a token as RFC 9068 has it', expected: 'taken' },
  { name: 'typ application/at+jwt', header: { typ: 'application/at+jwt' }, expected: 'taken' },
  { name: 'typ JWT', header: { typ: 'JWT' }, expected: 'taken' },
  { name: 'no typ', header: { typ: undefined }, expected: 'taken' },
  { name: 'no kid', header: { kid: undefined }, expected: 'taken' },
  { name: 'signed with ES256', key: 'ec', expected: 'taken' },
  { name: 'one audience of several', claims: { aud: ['https://x', API] }, expected: 'taken' },
  {
    name: 'expired within the clock tolerance',
    claims: { exp: seconds() - 10 },
    expected: 'taken',
  },
  { name: 'begun within the clock tolerance', claims: { nbf: seconds() + 15 }, expected: 'taken' },
  { name: 'no iat', claims: { iat: undefined }, expected: 'taken' },
  { name: 'no sub', claims: { sub: undefined }, expected: 'taken' },
  { name: 'expired', claims: { exp: seconds() - 60 }, expected: 'bearer_expired' },
  { name: 'RFC 8725 §3.1 alg none', key: 'none' },
  { name: 'alg None', key: 'none', header: { alg: 'None' } },
  { name: 'RFC 8725 §2.1 HS256 with the public key as secret', key: 'hs256' },
  { name: 'an algorithm that this route does not take', rule: { algorithms: ['ES256'] } },
  { name: 'the key of somebody else under our kid', key: 'foreign' },
  { name: 'RS256 claimed for the elliptic key', key: 'ec', header: { alg: 'RS256' } },
  { name: 'another issuer', claims: { iss: 'https://evil.example' } },
  { name: 'no issuer', claims: { iss: undefined } },
  { name: 'another audience', claims: { aud: 'https://other.example.com' } },
  { name: 'the audience as a part of a text', claims: { aud: `${API}/` } },
  { name: 'no audience', claims: { aud: undefined } },
  { name: 'an audience that is an object', claims: { aud: { [API]: true } } },
  { name: 'no exp', claims: { exp: undefined } },
  { name: 'exp a text', claims: { exp: String(seconds() + 60) } },
  { name: 'nbf in the future', claims: { nbf: seconds() + 90 } },
  { name: 'nbf a text', claims: { nbf: 'soon' } },
  { name: 'iat in the future', claims: { iat: seconds() + 90 } },
  { name: 'typ logout+jwt', header: { typ: 'logout+jwt' } },
  { name: 'typ dpop+jwt', header: { typ: 'dpop+jwt' } },
  { name: 'typ a number', header: { typ: 7 } },
  { name: 'an ID token: nonce', header: { typ: 'JWT' }, claims: { nonce: 'n' } },
  { name: 'an ID token: at_hash', header: { typ: undefined }, claims: { at_hash: 'x' } },
  {
    name: 'a logout token without a type',
    header: { typ: undefined },
    claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, sid: 's' },
  },
  { name: "an ID token: Keycloak's typ", header: { typ: 'JWT' }, claims: { typ: 'ID' } },
  { name: "a refresh token: Keycloak's typ", header: { typ: 'JWT' }, claims: { typ: 'Refresh' } },
  { name: "an ID token: Cognito's", header: { typ: undefined }, claims: { token_use: 'id' } },
  { name: 'bound to a key (DPoP)', claims: { cnf: { jkt: 'x' } } },
  { name: 'an unknown crit', header: { crit: ['x'], x: 1 } },
  { name: 'b64 false', header: { crit: ['b64'], b64: false } },
  { name: 'a kid that is a path', header: { kid: '../../../../dev/null' } },
  { name: 'a kid that is SQL', header: { kid: "' UNION SELECT 'key" } },
  { name: 'a signature cut short', token: (token) => token.slice(0, -8) },
  { name: 'no signature', token: (token) => token.slice(0, token.lastIndexOf('.') + 1) },
  { name: 'claims changed', token: changedClaims },
  { name: 'a header that is no JSON', token: (token) => `e30x${token.slice(token.indexOf('.'))}` },
  { name: 'three words', token: () => 'a.b.c' },
]

function changedClaims(token: string): string {
  const [head = '', body = '', signature = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Json
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url')
  return `${head}.${changed}.${signature}`
}

t.test('RS-12 JWTs that callers bring, one by one', async (t) => {
  const { scripted, check } = await bed(t)
  const { keys, issuer } = scripted
  for (const { name, key = 'rsa', expected = 'bearer_invalid', ...bend } of CASES) {
    const header = { alg: keys.algorithm(key), kid: keys.kid(key), typ: 'at+jwt', ...bend.header }
    const own = { iss: issuer, sub: 'ann', aud: API, exp: seconds() + 60, iat: seconds() }
    const token = await keys.sign(key, header, { ...own, jti: name, ...bend.claims })
    const verdict = await check(bend.token?.(token) ?? token, { ...ANY, ...bend.rule })
    t.equal(word(verdict), expected, name)
  }
  t.equal(scripted.callsTo('/introspect'), 0, 'nobody was asked')
  t.ok(scripted.callsTo('/jwks') <= 3, 'unknown kids do not make us ask again and again (ID-13)')
})

t.test('RS-12 the issuer with a slash more is another issuer', async (t) => {
  const { scripted, check } = await bed(t)
  const token = (iss: string) =>
    scripted.sign({ iss, aud: API, exp: seconds() + 60 }, { typ: 'at+jwt' })
  t.equal(word(await check(await token(`${scripted.issuer}/`))), 'bearer_invalid')
  t.equal(word(await check(await token(scripted.issuer))), 'taken')
})

t.test("jku, x5u and jwk of a header lead nowhere: the attacker's key signs nothing", async (t) => {
  const { scripted, check } = await bed(t)
  const { keys, issuer, origin } = scripted
  const claims = { iss: issuer, aud: API, exp: seconds() + 60 }
  for (const more of [
    { jku: `${origin}/evil-keys` },
    { x5u: `${origin}/evil-keys` },
    { jwk: keys.publicJwk('foreign') },
  ]) {
    const header = { alg: 'RS256', kid: keys.kid('foreign'), typ: 'at+jwt', ...more }
    t.equal(word(await check(await keys.sign('foreign', header, claims))), 'bearer_invalid')
  }
  t.equal(scripted.callsTo('/evil-keys'), 0)
})

t.test('a JWT is verified once, then known by its hash until it ends', async (t) => {
  const { scripted, tokens, check } = await bed(t)
  const { keys, issuer } = scripted
  const header = { alg: 'RS256', kid: keys.kid('rsa'), typ: 'at+jwt' }
  const token = await keys.sign('rsa', header, { iss: issuer, aud: API, exp: seconds() + 60 })
  t.ok(tokens.check(token, ANY) instanceof Promise)
  t.equal(word(await check(token)), 'taken')
  t.notOk(tokens.check(token, ANY) instanceof Promise, 'answered at once')
  const elsewhere = { ...ANY, audience: ['https://other.example.com'] }
  t.equal(word(await check(token, elsewhere)), 'bearer_invalid', 'RS-13 not for another route')
  t.equal(word(await check(token, { ...ANY, algorithms: ['ES256'] })), 'bearer_invalid')
})

t.test('a verdict ends with its token', async (t) => {
  const { scripted, provider } = await bed(t)
  let nowMs = Date.now()
  const tokens = createBearerTokens(provider, () => nowMs)
  const { keys, issuer } = scripted
  const header = { alg: 'RS256', kid: keys.kid('rsa'), typ: 'at+jwt' }
  const exp = seconds() + 60
  const token = await keys.sign('rsa', header, { iss: issuer, aud: API, exp })
  t.equal(word(await tokens.check(token, ANY)), 'taken')
  nowMs = exp * 1000 + provider.options.clockToleranceMs - 1
  t.equal(word(await tokens.check(token, ANY)), 'taken')
  nowMs += 1
  t.equal(word(await tokens.check(token, ANY)), 'bearer_expired')
})

t.test('scope is read where providers write it', async (t) => {
  const { scripted, check } = await bed(t)
  const { keys, issuer } = scripted
  const header = { alg: 'RS256', kid: keys.kid('rsa'), typ: 'at+jwt' }
  const own = { iss: issuer, aud: API, exp: seconds() + 60 }
  for (const [claims, scope] of [
    [{ scope: 'a b' }, 'a b'],
    [{ scp: 'a b' }, 'a b'],
    [{ scp: ['a', 'b'] }, 'a b'],
    [{ scope: ['a', 7] }, 'a'],
    [{ scope: 7 }, undefined],
    [{}, undefined],
  ] as const) {
    const verdict = await check(await keys.sign('rsa', header, { ...own, ...claims }))
    t.match(verdict, { scope }, JSON.stringify(claims))
  }
})

t.test('without keys nobody is called a liar: 503', async (t) => {
  const { scripted, tokens } = await bed(t)
  const token = await scripted.sign({}, { typ: 'at+jwt' })
  await scripted.stop()
  const { provider } = await startLoginBed(t, {}, {})
  await provider.close()
  const fresh = createBearerTokens(
    { ...provider, current: () => undefined, options: { ...provider.options, issuer: 'x' } },
    Date.now,
  )
  t.ok(tokens)
  const claims = { iss: 'x', aud: API, exp: seconds() + 60 }
  const good = await scripted.keys.sign('rsa', { alg: 'RS256', typ: 'at+jwt' }, claims)
  t.equal((await failure(Promise.resolve(fresh.check(good, ANY)))).reason, 'provider_unavailable')
  t.equal(word(await fresh.check(token, ANY)), 'bearer_invalid', 'what needs no key is known')
})

function introspecting(answer: (form: URLSearchParams) => RawAnswer | Json): Script {
  return {
    metadata: (own) => ({
      ...own,
      introspection_endpoint: `${String(own['issuer'])}/introspect`,
    }),
    raw: (path, { form }) => {
      if (path !== '/introspect') return undefined
      const said = answer(form)
      if (typeof said['status'] === 'number') return said as unknown as RawAnswer
      const headers = { 'content-type': 'application/json' }
      return { status: 200, headers, body: JSON.stringify(said) }
    },
  }
}

const ACTIVE = { active: true, aud: API, sub: 'ann', scope: 'read:orders' }

t.test('RS-10 an opaque token is asked about once, as the client that we are', async (t) => {
  const { scripted, check, tokens, provider } = await bed(
    t,
    introspecting(() => ACTIVE),
  )
  const many = await Promise.all(Array.from({ length: 50 }, () => check('opaque-1')))
  t.same(new Set(many.map(word)), new Set(['taken']))
  t.match(many[0], { subject: 'ann', scope: 'read:orders', value: 'opaque-1' })
  t.notOk(tokens.check('opaque-1', ANY) instanceof Promise)
  t.equal(scripted.callsTo('/introspect'), 1, 'single flight, then remembered')
  const call = scripted.requests.find(({ path }) => path === '/introspect')
  t.equal(call?.form.get('token'), 'opaque-1')
  t.match(call?.headers.authorization, /^Basic /)
  let nowMs = Date.now()
  const aging = createBearerTokens(provider, () => nowMs)
  await aging.check('opaque-1', ANY)
  nowMs += 60_000
  const again = aging.check('opaque-1', ANY)
  t.ok(again instanceof Promise, 'asked again within 60 s')
  await again
})

const INTROSPECTED: readonly (readonly [string, Json, string])[] = [
  ['active', ACTIVE, 'taken'],
  ['active, with all times', { ...ACTIVE, exp: seconds() + 60, iat: seconds() }, 'taken'],
  ['token_type bearer', { ...ACTIVE, token_type: 'bearer' }, 'taken'],
  ['inactive', { active: false }, 'bearer_invalid'],
  ['inactive, with everything else right', { ...ACTIVE, active: false }, 'bearer_invalid'],
  ['another audience', { ...ACTIVE, aud: 'https://other.example.com' }, 'bearer_invalid'],
  ['no audience', { ...ACTIVE, aud: undefined }, 'bearer_invalid'],
  ['another issuer', { ...ACTIVE, iss: 'https://evil.example' }, 'bearer_invalid'],
  ['expired', { ...ACTIVE, exp: seconds() - 60 }, 'bearer_invalid'],
  ['not yet', { ...ACTIVE, nbf: seconds() + 90 }, 'bearer_invalid'],
  ['a DPoP token', { ...ACTIVE, token_type: 'DPoP' }, 'bearer_invalid'],
  ['bound to a certificate', { ...ACTIVE, cnf: { 'x5t#S256': 'x' } }, 'bearer_invalid'],
]
t.test('RS-10 what introspection says decides', async (t) => {
  const { check, scripted } = await bed(
    t,
    introspecting((form) => INTROSPECTED[Number(form.get('token')?.slice(1))]?.[1] ?? {}),
  )
  for (const [n, [name, , expected]] of INTROSPECTED.entries()) {
    t.equal(word(await check(`t${n}`)), expected, name)
    t.equal(word(await check(`t${n}`)), expected, `${name}, remembered`)
  }
  t.equal(scripted.callsTo('/introspect'), INTROSPECTED.length + 1, 'all but what had expired')
})

const FAILED: readonly (readonly [string, RawAnswer | Json, string])[] = [
  ['503', { status: 503 }, 'provider_unavailable'],
  ['429', { status: 429 }, 'provider_unavailable'],
  ['401 invalid_client', json(401, { error: 'invalid_client' }), 'provider_error'],
  ['200 without JSON', { status: 200, body: 'fine' }, 'provider_error'],
  ['200 with active as a text', { active: 'true' }, 'provider_error'],
]
t.test('an introspection that fails tells nothing of the token', async (t) => {
  const { check, scripted } = await bed(
    t,
    introspecting((form) => FAILED[Number(form.get('token')?.slice(1))]?.[1] ?? {}),
  )
  for (const [n, [name, , expected]] of FAILED.entries()) {
    t.equal((await failure(check(`t${n}`))).reason, expected, name)
    t.equal((await failure(check(`t${n}`))).reason, expected, `${name}, not remembered`)
  }
  t.equal(scripted.callsTo('/introspect'), 2 * FAILED.length)
})

function json(status: number, body: Json): RawAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

t.test('check: keys never asks, introspection always does', async (t) => {
  const { check, scripted } = await bed(
    t,
    introspecting(() => ACTIVE),
  )
  const { keys, issuer } = scripted
  const header = { alg: 'RS256', kid: keys.kid('rsa'), typ: 'at+jwt' }
  const signed = await keys.sign('rsa', header, { iss: issuer, aud: API, exp: seconds() + 60 })
  t.equal(word(await check('opaque', { ...ANY, check: 'keys' })), 'bearer_invalid')
  t.equal(word(await check(signed, { ...ANY, check: 'keys' })), 'taken')
  t.equal(scripted.callsTo('/introspect'), 0)
  t.equal(word(await check(signed, { ...ANY, check: 'introspection' })), 'taken')
  t.equal(scripted.callsTo('/introspect'), 1)
})

t.test('a provider without introspection: opaque tokens are none', async (t) => {
  const { check } = await bed(t)
  t.equal(word(await check('opaque')), 'bearer_invalid')
  const asking = check('opaque', { ...ANY, check: 'introspection' })
  t.equal((await failure(asking)).reason, 'provider_error')
})

t.test('RL-5 strangers cannot make the gateway ask without end', async (t) => {
  const hanging = introspecting(() => ({ status: 200, hangAfterBytes: 0 }))
  const { tokens } = await bed(t, hanging, { timeoutMs: 1_000 })
  const ask = (n: number) => Promise.resolve(tokens.check(madeUp(n), ANY))
  const many = Array.from({ length: 256 }, (_, n) => failure(ask(n)))
  t.equal((await failure(ask(256))).reason, 'overloaded')
  await Promise.all(many)
  t.equal((await failure(ask(257))).reason, 'provider_unavailable', 'and asks again')
})

t.test('RL-5 strangers with made-up tokens hold up no login and no refresh', async (t) => {
  const hanging = introspecting(() => ({ status: 200, hangAfterBytes: 0 }))
  const { tokens, login, provider } = await bed(t, hanging, { timeoutMs: 5_000 })
  const many = Array.from({ length: 256 }, (_, n) =>
    failure(Promise.resolve(tokens.check(madeUp(n), ANY))),
  )
  const record = recordOf(await login())
  t.match(await refreshTokenGrant(provider, record), { accessToken: { value: /^at-/ } })
  t.notOk(
    await Promise.race([many[0], 'they still wait']).then((first) => first !== 'they still wait'),
  )
  await Promise.all(many)
})

function madeUp(n: number): string {
  return createHash('sha256').update(String(n)).digest('hex')
}
