import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { identityRule } from '../../src/domain/signed-identity.ts'
import { createIdentityTokens, IDENTITY_TOKEN_TYPE } from '../../src/oidc/identity-tokens.ts'

const ISSUER = 'https://app.example.com'
const ORDERS = identityRule({ header: 'x-id', audience: 'http://orders:3000', claims: ['email'] })
const BILLS = identityRule({ header: 'x-id', audience: 'http://bills:3000', claims: [] })
const START_MS = 1_700_000_000_000

const pem = { type: 'pkcs8', format: 'pem' } as const
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem)
const ed25519 = () => generateKeyPairSync('ed25519').privateKey.export(pem)
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem)

function someone(version = 1, subject = 'alice') {
  const claims = { email: `${subject}@example.com` }
  return { key: `${subject} ${version}`, issuer: 'https://idp.example.com', subject, claims }
}

/** Identity tokens by a clock that tests set. */
async function signer(keys: readonly (string | Buffer)[], lifetimeMs = 60_000) {
  const clock = { nowMs: START_MS }
  const options = { keys: keys.map(String), issuer: ISSUER, lifetimeMs }
  const tokens = await createIdentityTokens(options, () => clock.nowMs)
  const verify = async (token: string, { audience } = ORDERS, jwks = tokens.jwks) => {
    const key = createLocalJWKSet({ keys: [...jwks.keys] })
    const currentDate = new Date(clock.nowMs)
    const expected = { issuer: ISSUER, audience, typ: IDENTITY_TOKEN_TYPE, currentDate }
    return (await jwtVerify(token, key, expected)).payload
  }
  return { clock, tokens, verify }
}

for (const [algorithm, make] of Object.entries({ ES256: p256, EdDSA: ed25519, RS256: rsa })) {
  t.test(`${algorithm}: what is signed verifies with what is published`, async (t) => {
    const { tokens, verify } = await signer([make()])
    const token = await tokens.token(ORDERS, someone())
    t.match(await verify(token), { sub: 'alice', email: 'alice@example.com' })
    const [published] = tokens.jwks.keys
    t.match(decodeProtectedHeader(token), {
      alg: algorithm,
      typ: 'bearergate-identity+jwt',
      kid: published?.kid,
    })
    t.match(published, { alg: algorithm, use: 'sig', kid: /^[\w-]{43}$/ })
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
      t.notOk(member in (published ?? {}), `${member} is nobody's business`)
  })
}

t.test('a statement for one upstream is none for another', async (t) => {
  const { tokens, verify } = await signer([p256()])
  const token = await tokens.token(BILLS, someone())
  t.ok(await verify(token, BILLS))
  await t.rejects(verify(token, ORDERS), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
})

t.test('it holds for the configured lifetime and no longer', async (t) => {
  const { clock, tokens, verify } = await signer([p256()], 10_000)
  const token = await tokens.token(ORDERS, someone())
  clock.nowMs += 9_000
  t.ok(await verify(token))
  t.not(await tokens.token(ORDERS, someone()), token, 'replaced before')
  clock.nowMs += 1_000
  await t.rejects(verify(token), { code: 'ERR_JWT_EXPIRED' })
})

t.test(
  'it is made once for the same caller and rule, and never used beyond half its life',
  async (t) => {
    const { clock, tokens } = await signer([p256()])
    const first = await tokens.token(ORDERS, someone())
    clock.nowMs += 29_999
    t.equal(await tokens.token(ORDERS, someone()), first)
    t.not(await tokens.token(ORDERS, someone(2)), first, 'the session has changed')
    t.not(await tokens.token(ORDERS, someone(1, 'bob')), first)
    t.not(await tokens.token(BILLS, someone()), first)
    clock.nowMs += 1
    t.not(await tokens.token(ORDERS, someone()), first, 'half of its life is over')
  },
)

t.test('what has changed of a caller is told at once, and only that is a change', async (t) => {
  const { tokens, verify } = await signer([p256()])
  const caller = { ...someone(), claims: { email: 'old@example.com', groups: ['a'], seen: 1 } }
  const rule = identityRule({ ...ORDERS, claims: ['email', 'groups'] })
  const told = async (changes: object) =>
    tokens.token(rule, { ...caller, claims: { ...caller.claims, ...changes } })
  const first = await told({})
  t.equal(await told({ groups: ['a'], seen: 2 }), first, 'nothing that it tells')
  const next = await told({ groups: [] })
  t.same((await verify(next))['groups'], [], 'the same token, about which the provider says less')
  t.match(await verify(await told({ email: 'new@example.com' })), { email: /^new/ })
  const other = await tokens.token(rule, { ...caller, subject: 'bob' })
  t.equal((await verify(other)).sub, 'bob')
})

t.test('many at once cost one signature', async (t) => {
  const { tokens } = await signer([p256()])
  const all = await Promise.all(
    Array.from({ length: 50 }, async () => tokens.token(ORDERS, someone())),
  )
  t.equal(new Set(all).size, 1)
  t.type(tokens.token(ORDERS, someone()), 'string', 'and then none, not even a promise')
})

t.test('AT-42 a clock that is set back makes no statement of the future', async (t) => {
  const { clock, tokens, verify } = await signer([p256()])
  await tokens.token(ORDERS, someone())
  clock.nowMs -= 3_600_000
  const { iat = 0 } = await verify(await tokens.token(ORDERS, someone()))
  t.equal(iat, clock.nowMs / 1000)
})

t.test(
  'keys change in three steps without one token refused, whichever keys an upstream still holds',
  async (t) => {
    const [old, fresh] = [p256(), ed25519()]
    const steps = [[old], [old, fresh], [fresh, old], [fresh]]
    const phases = await Promise.all(steps.map((keys) => signer(keys)))
    for (const [at, phase] of phases.entries()) {
      const token = await phase.tokens.token(ORDERS, someone())
      for (const known of phases.slice(Math.max(0, at - 1), at + 2))
        t.ok(await phase.verify(token, ORDERS, known.tokens.jwks), `step ${at}`)
    }
    const last = await phases[3]!.tokens.token(ORDERS, someone())
    await t.rejects(phases[0]!.verify(last, ORDERS), 'all three at once would have been noticed')
  },
)

t.test('replicas with the same keys publish the same', async (t) => {
  const keys = [p256(), rsa()]
  const [one, other] = [await signer(keys), await signer(keys)]
  t.same(one.tokens.jwks, other.tokens.jwks)
})
