import t from 'tap'
import { identityRule, identityStatement, STATED_CLAIMS } from '../../src/domain/signed-identity.ts'

const who = {
  key: 'k',
  issuer: 'https://idp.example.com',
  subject: 'alice',
  claims: {
    sub: 'alice',
    email: 'alice@example.com',
    groups: ['staff', 'admin'],
    phone: null,
    'https://acme.example/level': 3,
  },
}
const terms = {
  issuer: 'https://app.example.com',
  issuedAtMs: 1_700_000_000_999,
  lifetimeMs: 60_000,
}

function ruleFor(...claims: string[]) {
  return identityRule({ header: 'x-id', audience: 'http://orders:3000', claims })
}

const PLAIN = {
  iss: 'https://app.example.com',
  sub: 'alice',
  aud: 'http://orders:3000',
  idp_iss: 'https://idp.example.com',
  iat: 1_700_000_000,
  exp: 1_700_000_060,
}

t.test('a statement says who, by whom, for whom and until when, and nothing else', async (t) => {
  t.same(identityStatement(who, ruleFor(), terms), PLAIN)
  const short = identityStatement(who, ruleFor(), { ...terms, lifetimeMs: 10_000 })
  t.equal(short['exp'], PLAIN.iat + 10)
})

t.test('chosen claims are repeated as they are', async (t) => {
  t.same(identityStatement(who, ruleFor('email', 'groups', 'https://acme.example/level'), terms), {
    ...PLAIN,
    email: 'alice@example.com',
    groups: ['staff', 'admin'],
    'https://acme.example/level': 3,
  })
})

t.test('FW-6 a claim that is missing, null or inherited stays out', async (t) => {
  const names = ['phone', 'address', 'toString', 'constructor']
  t.same(identityStatement(who, ruleFor(...names), terms), PLAIN)
})

t.test('no claim of the provider speaks for the gateway, whatever the rule says', async (t) => {
  const claims = Object.fromEntries(STATED_CLAIMS.map((name) => [name, 'forged']))
  const stated = identityStatement({ ...who, claims }, ruleFor(...Object.keys(PLAIN)), terms)
  t.same(stated, PLAIN)
})

t.test('rules that differ in audience or claims keep their statements apart', async (t) => {
  const rules = [
    ruleFor(),
    ruleFor('a'),
    ruleFor('a', 'b'),
    ruleFor('a,b'),
    identityRule({ header: 'x-id', audience: 'http://bills:3000', claims: [] }),
  ]
  t.equal(new Set(rules.map(({ name }) => name)).size, rules.length)
  t.equal(identityRule({ header: 'x-other', audience: 'a', claims: [] }).name, '["a",[]]')
})
