import t from 'tap'
import { verifyLogoutToken } from '../../src/oidc/logout-token.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import type { KeyName } from '../support/scripted-provider-keys.ts'
import { startScriptedProvider, type ScriptedProvider } from '../support/scripted-provider.ts'
import { connectTo, eventually, failure, startLoginBed, type LoginBed } from './login-fixture.ts'

type Json = Record<string, unknown>

interface Bend {
  readonly claims?: (claims: Json) => Json
  readonly header?: (header: Json) => Json
  readonly key?: KeyName
  /** The finished token. */
  readonly token?: (token: string) => string
}

/** STANDARDS §3.3: what the provider does, and what becomes of its logout token. */
interface Case extends Bend {
  readonly name: string
  readonly takes?: true
  readonly options?: Partial<ProviderOptions>
  readonly requireType?: true
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const seconds = () => Math.floor(Date.now() / 1000)
const set = (more: Json) => ({ claims: (own: Json) => ({ ...own, ...more }) })
const suffixed = (name: string) => ({
  claims: (own: Json) => ({ ...own, [name]: `${String(own[name])}INVALID` }),
})
const without = (...names: string[]) => ({
  claims: (own: Json) => ({
    ...own,
    ...Object.fromEntries(names.map((name) => [name, undefined])),
  }),
})
const header = (more: Json) => ({ header: (own: Json) => ({ ...own, ...more }) })

const CASES: readonly Case[] = [
  // The certification suite's modules
  {
    name: 'rp-backchannel-rpinitlogout',
    ...set({ ignored_claim: 'x', trace_id: 'y' }),
    takes: true,
  },
  { name: 'alg-none', key: 'none' },
  { name: 'wrong-alg', key: 'ec' },
  { name: 'no-event', ...without('events') },
  { name: 'wrong-event', ...set({ events: { 'http://schemas.openid.net/event/foobar': {} } }) },
  { name: 'with-nonce', ...set({ nonce: 'n' }) },
  { name: 'wrong-aud', ...suffixed('aud') },
  { name: 'wrong-iss', ...suffixed('iss') },

  // Our own
  { name: 'only a sid', ...without('sub'), takes: true },
  { name: 'only a sub', ...without('sid'), takes: true },
  { name: 'no sub and no sid', ...without('sub', 'sid') },
  { name: 'sub not a string', ...set({ sub: 7 }) },
  { name: 'sub empty', ...set({ sub: '' }) },
  { name: 'sub beyond ASCII', ...set({ sub: 'älice' }) },
  { name: 'sub of 256 characters', ...set({ sub: 'a'.repeat(256) }) },
  { name: 'sid not a string', ...set({ sid: { a: 1 } }) },
  { name: 'sid empty', ...set({ sid: '' }) },
  { name: 'sid null beside a sub', ...set({ sid: null }) },
  { name: 'exp past', ...set({ exp: seconds() - 60 }) },
  { name: 'exp past within the clock tolerance', ...set({ exp: seconds() - 10 }), takes: true },
  { name: 'exp missing', ...without('exp') },
  { name: 'exp a string', ...set({ exp: String(seconds() + 60) }) },
  { name: 'iat missing', ...without('iat') },
  { name: 'iat a string', ...set({ iat: String(seconds()) }) },
  { name: 'iat future', ...set({ iat: seconds() + 90, exp: seconds() + 200 }) },
  { name: 'iat future within the clock tolerance', ...set({ iat: seconds() + 15 }), takes: true },
  {
    name: 'iat of two hours ago, exp far',
    ...set({ iat: seconds() - 7200, exp: seconds() + 9e6 }),
  },
  { name: 'nbf future', ...set({ nbf: seconds() + 90 }) },
  { name: 'jti missing', ...without('jti') },
  { name: 'jti empty', ...set({ jti: '' }) },
  { name: 'jti a number', ...set({ jti: 1 }) },
  { name: 'nonce null', ...set({ nonce: null }) },
  { name: 'events a string', ...set({ events: EVENT }) },
  { name: 'events a list', ...set({ events: [EVENT] }) },
  { name: 'events null', ...set({ events: null }) },
  { name: 'the event a string', ...set({ events: { [EVENT]: '' } }) },
  { name: 'the event null', ...set({ events: { [EVENT]: null } }) },
  { name: 'the event a list', ...set({ events: { [EVENT]: [] } }) },
  { name: 'the event with members', ...set({ events: { [EVENT]: { x: 1 } } }), takes: true },
  { name: 'a second event', ...set({ events: { [EVENT]: {}, other: {} } }), takes: true },
  { name: 'aud a list', claims: (own) => ({ ...own, aud: [own['aud']] }), takes: true },
  { name: 'aud missing', ...without('aud') },
  { name: 'aud a list with a stranger', claims: (own) => ({ ...own, aud: [own['aud'], 'x'] }) },
  {
    name: 'aud a list with a trusted one',
    claims: (own) => ({ ...own, aud: [own['aud'], 'x'] }),
    options: { trustedAudiences: ['x'] },
    takes: true,
  },
  { name: 'iss missing', ...without('iss') },
  { name: 'hs256 with the public key', key: 'hs256' },
  { name: 'a key of somebody else under our kid', key: 'foreign' },
  {
    name: 'an algorithm allowed beside',
    key: 'ec',
    options: { idTokenSigningAlgorithms: ['RS256', 'ES256'] },
    takes: true,
  },
  { name: 'no kid', ...header({ kid: undefined }), takes: true },
  { name: 'typ logout+jwt', ...header({ typ: 'logout+jwt' }), takes: true },
  { name: 'typ application/Logout+JWT', ...header({ typ: 'application/Logout+JWT' }), takes: true },
  { name: 'typ JWT, like an ID token', ...header({ typ: 'JWT' }) },
  { name: 'typ at+jwt', ...header({ typ: 'at+jwt' }) },
  { name: 'typ a number', ...header({ typ: 1 }) },
  { name: 'typ required and missing', requireType: true },
  {
    name: 'typ required and there',
    ...header({ typ: 'logout+jwt' }),
    requireType: true,
    takes: true,
  },
  { name: 'crit nobody knows', ...header({ crit: ['x'], x: 1 }) },
  { name: 'encrypted', token: (own) => `${own}..` },
  { name: 'altered', token: (own) => own.replace(/\.[^.]/, '.X') },
  { name: 'cut', token: (own) => own.slice(0, -20) },
  { name: 'without signature', token: (own) => own.replace(/[^.]*$/, '') },
  { name: 'empty', token: () => '' },
  { name: 'no JWT', token: () => 'x'.repeat(1_000) },
  { name: 'a list as payload', token: (own) => own.replace(/\.[^.]*\./, '.W10.') },
]

async function logoutToken(scripted: ScriptedProvider, bend: Bend = {}): Promise<string> {
  const own = {
    iss: scripted.issuer,
    aud: scripted.clientId,
    sub: 'alice',
    sid: 'sid-alice',
    iat: seconds(),
    exp: seconds() + 120,
    jti: 'jti-1',
    events: { [EVENT]: {} },
  }
  const key = bend.key ?? 'rsa'
  const { keys } = scripted
  const plain = { alg: keys.algorithm(key), kid: keys.kid(key) }
  const token = await keys.sign(key, bend.header?.(plain) ?? plain, bend.claims?.(own) ?? own)
  return bend.token?.(token) ?? token
}

async function verified(bed: LoginBed, bend: Bend = {}, requireType = false) {
  await bed.provider.connection()
  const token = await logoutToken(bed.scripted, bend)
  return verifyLogoutToken(bed.provider, token, { requireType, nowMs: Date.now() })
}

const scripted = await startScriptedProvider(t) // one for all: its keys take their time

for (const { name, takes, options, requireType, ...bend } of CASES) {
  t.test(`LO-7 S-30 ${name}: ${takes ? 'taken' : 'refused'}`, async (t) => {
    const bed = connectTo(t, scripted, options)
    const work = verified(bed, bend, requireType)
    if (takes === true) t.match(await work, { issuer: scripted.issuer, jti: 'jti-1' })
    else t.equal((await failure(work)).reason, 'logout_token_invalid')
  })
}

t.test('LO-9 it tells whom to sign out, and nothing that is not in it', async (t) => {
  const bed = connectTo(t, scripted)
  const { issuer } = scripted
  const token = { issuer, jti: 'jti-1', validUntilMs: Number }
  t.match(await verified(bed), { ...token, sid: 'sid-alice', subject: 'alice' })
  t.notOk('sid' in (await verified(bed, without('sid'))))
  t.notOk('subject' in (await verified(bed, without('sub'))))
})

t.test('LO-10 it counts until its end, at most for an hour', async (t) => {
  const bed = connectTo(t, scripted, { clockToleranceMs: 30_000 })
  const iat = seconds()
  const soon = await verified(bed, set({ iat, exp: iat + 120 }))
  t.equal(soon.validUntilMs, (iat + 150) * 1000)
  const odd = await verified(bed, set({ iat, exp: iat + 0.0005 }))
  t.equal(odd.validUntilMs, iat * 1000 + 30_001, 'whole milliseconds, as stores want them')
  const far = await verified(bed, set({ iat, exp: iat + 9e9 }))
  t.equal(far.validUntilMs, (iat + 3_630) * 1000)
})

t.test(
  'LO-12 a thousand tokens with unknown keys make the provider read out its keys once',
  async (t) => {
    const bed = connectTo(t, scripted)
    await bed.provider.connection()
    const before = bed.scripted.callsTo('/jwks')
    const token = await logoutToken(bed.scripted)
    const [, body, signature] = token.split('.')
    const reasons = new Set<string>()
    for (let n = 0; n < 1_000; n += 1) {
      const unknown = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `kid ${n}` }))
      const forged = `${unknown.toString('base64url')}.${body}.${signature}`
      const work = verifyLogoutToken(bed.provider, forged, {
        requireType: false,
        nowMs: Date.now(),
      })
      reasons.add((await failure(work)).reason)
    }
    t.same([...reasons], ['logout_token_invalid'])
    t.ok(bed.scripted.callsTo('/jwks') - before <= 1)
  },
)

t.test('LO-12 nonsense does not make the provider read out its keys at all', async (t) => {
  const bed = connectTo(t, scripted)
  await bed.provider.connection()
  const before = bed.scripted.callsTo('/jwks')
  const nonsense: Bend[] = [set({ jti: undefined }), suffixed('iss'), header({ typ: 'JWT' })]
  for (const bend of nonsense) {
    const kid = (own: Json): Json => ({ ...own, ...bend.header?.(own), kid: 'unknown' })
    const work = verified(bed, { ...bend, header: kid })
    t.equal((await failure(work)).reason, 'logout_token_invalid')
  }
  t.equal(bed.scripted.callsTo('/jwks'), before)
})

t.test(
  'ID-13 tokens signed with a new key are taken once the keys may be read again',
  async (t) => {
    const bed = await startLoginBed(t, { metadataRefreshMs: 50 })
    await bed.provider.connection()
    await bed.scripted.rotateKeys()
    const before = bed.scripted.callsTo('/jwks')
    await eventually(() => bed.scripted.callsTo('/jwks') > before + 1)
    t.match(await verified(bed), { subject: 'alice' })
  },
)

t.test('a provider that was never reached: nothing can be said, and nobody waits', async (t) => {
  const scripted = await startScriptedProvider(t)
  await scripted.stop()
  const bed = connectTo(t, scripted)
  const token = await logoutToken(scripted)
  const work = verifyLogoutToken(bed.provider, token, { requireType: false, nowMs: Date.now() })
  t.equal((await failure(work)).reason, 'provider_unavailable')
})
