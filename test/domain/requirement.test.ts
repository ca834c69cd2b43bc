import t from 'tap'
import { lackOf, type Lack, type Requirement } from '../../src/domain/requirement.ts'

const CLAIMS = {
  groups: ['staff', 'berlin'],
  department: 'sales',
  email_verified: true,
  level: 3,
  realm_access: { roles: ['viewer'] },
  'https://acme.example/roles': ['editor'],
  'a.b': 'dotted',
  nothing: null,
  none: [],
  address: { country: 'DE' },
}
const SCOPE = 'openid read:orders read:notes'
const STANDING = { claims: CLAIMS, scope: SCOPE, acr: 'pwd', authAgeMs: 60_000 }

function claim(path: readonly string[], ...oneOf: (string | number | boolean)[]): Requirement {
  return { claims: [{ name: path.join('.'), path, oneOf }] }
}

/** A requirement, and whether these claims and this scope live up to it. */
const ROWS: readonly (readonly [string, Requirement, boolean])[] = [
  ['text that is equal', claim(['department'], 'sales'), true],
  ['text that differs', claim(['department'], 'it'), false],
  ['case counts', claim(['department'], 'Sales'), false],
  ['one of several texts', claim(['department'], 'it', 'sales'), true],
  ['a list with one match', claim(['groups'], 'admin', 'staff'), true],
  ['a list without a match', claim(['groups'], 'admin', 'root'), false],
  ['part of an element', claim(['groups'], 'sta'), false],
  ['an empty list', claim(['none'], 'staff'), false],
  ['a truth value', claim(['email_verified'], true), true],
  ['the other truth value', claim(['email_verified'], false), false],
  ['a truth value is no text', claim(['email_verified'], 'true'), false],
  ['a number', claim(['level'], 3), true],
  ['another number', claim(['level'], 4), false],
  ['a number is no text', claim(['level'], '3'), false],
  ['a nested list', claim(['realm_access', 'roles'], 'viewer'), true],
  ['a nested list without a match', claim(['realm_access', 'roles'], 'admin'), false],
  ['a nested text', claim(['address', 'country'], 'DE'), true],
  ['a name that is a URL', claim(['https://acme.example/roles'], 'editor'), true],
  ['a name that is a URL, without a match', claim(['https://acme.example/roles'], 'x'), false],
  ['a name with a dot', claim(['a.b'], 'dotted'), true],
  ['a claim that is missing', claim(['missing'], 'x'), false],
  ['a path through what is no object', claim(['department', 'length'], 5), false],
  ['an index of a list', claim(['groups', '0'], 'staff'), false],
  ['an inherited property', claim(['constructor', 'name'], 'Object'), false],
  ['an object', claim(['address'], '[object Object]'), false],
  ['null is no text', claim(['nothing'], 'null'), false],
  ['scope that was granted', { scope: ['read:orders'] }, true],
  ['all of several scopes', { scope: ['read:notes', 'read:orders'] }, true],
  ['one of two scopes only', { scope: ['read:orders', 'write:orders'] }, false],
  ['part of a scope', { scope: ['read'] }, false],
  ['scope and claim', { scope: ['openid'], ...claim(['level'], 3) }, true],
  ['scope without the claim', { scope: ['openid'], ...claim(['level'], 4) }, false],
  ['any: the first', { any: [claim(['level'], 3), claim(['level'], 4)] }, true],
  ['any: the last', { any: [claim(['level'], 4), { scope: ['openid'] }] }, true],
  ['any: none', { any: [claim(['level'], 4), { scope: ['admin'] }] }, false],
  ['any: each counts as a whole', { any: [{ scope: ['x'], ...claim(['level'], 3) }] }, false],
  ['any does not replace the rest', { scope: ['x'], any: [claim(['level'], 3)] }, false],
  ['all: both', { all: [claim(['groups'], 'staff'), claim(['groups'], 'berlin')] }, true],
  ['all: one only', { all: [claim(['groups'], 'staff'), claim(['groups'], 'rome')] }, false],
  ['all of any: one each', { all: [{ any: [{ scope: ['openid'] }, { scope: ['x'] }] }] }, true],
  ['all of any: none', { all: [{ any: [{ scope: ['y'] }, { scope: ['x'] }] }] }, false],
  ['all of any, with more', { all: [{ scope: ['x'], any: [{ scope: ['openid'] }] }] }, false],
  ['acr that is equal', { stepUp: { acrValues: ['pwd'] } }, true],
  ['one of several acr', { stepUp: { acrValues: ['phr', 'pwd'] } }, true],
  ['another acr', { stepUp: { acrValues: ['phr'] } }, false],
  ['a login just in time', { stepUp: { maxAgeSeconds: 60 } }, true],
  ['a login too long ago', { stepUp: { maxAgeSeconds: 59 } }, false],
  ['acr without recency', { stepUp: { acrValues: ['pwd'], maxAgeSeconds: 59 } }, false],
  ['recency without acr', { stepUp: { acrValues: ['phr'], maxAgeSeconds: 60 } }, false],
  ['nothing', {}, true],
]

for (const [what, requirement, isMet] of ROWS) {
  t.test(`${what}: ${isMet ? 'let in' : 'kept out'}`, async (t) => {
    t.equal(lackOf(requirement, STANDING) === undefined, isMet)
  })
}

t.test('a grant that names no scope has none', async (t) => {
  const lack = lackOf({ scope: ['openid'] }, { ...STANDING, claims: {}, scope: undefined })
  t.same(lack, { reason: 'insufficient_scope', scope: ['openid'] })
})

t.test('ID-16 a provider that says neither acr nor auth_time never steps up', async (t) => {
  const silent = { ...STANDING, acr: undefined, authAgeMs: undefined }
  for (const stepUp of [{ acrValues: ['pwd'] }, { maxAgeSeconds: 1_000_000 }])
    t.same(lackOf({ stepUp }, silent), { reason: 'step_up_required', stepUp })
})

const TOLD: readonly (readonly [string, Requirement, Lack])[] = [
  [
    'the whole scope that is needed',
    { scope: ['openid', 'a', 'b'] },
    { reason: 'insufficient_scope', scope: ['openid', 'a', 'b'] },
  ],
  [
    'claims before scope',
    { scope: ['a'], ...claim(['level'], 4) },
    { reason: 'claims_unmet', claims: ['level'] },
  ],
  [
    'each claim once',
    { ...claim(['level'], 4), all: [claim(['level'], 5), claim(['groups'], 'x')] },
    { reason: 'claims_unmet', claims: ['level', 'groups'] },
  ],
  [
    'the way in that a token can open',
    { any: [claim(['level'], 4), { scope: ['admin'] }] },
    { reason: 'insufficient_scope', scope: ['admin'] },
  ],
  [
    'what another login would not mend, before one is asked for',
    { scope: ['a'], stepUp: { acrValues: ['phr'] } },
    { reason: 'insufficient_scope', scope: ['a'] },
  ],
  [
    'all that the login must be, not only what is missing',
    { stepUp: { acrValues: ['pwd'], maxAgeSeconds: 59 } },
    { reason: 'step_up_required', stepUp: { acrValues: ['pwd'], maxAgeSeconds: 59 } },
  ],
  [
    'the scopes of all groups',
    { scope: ['a'], all: [{ scope: ['a', 'b'] }] },
    { reason: 'insufficient_scope', scope: ['a', 'b'] },
  ],
]
for (const [what, requirement, told] of TOLD) {
  t.test(`who is kept out is told ${what}`, async (t) => {
    t.same(lackOf(requirement, STANDING), told)
  })
}

t.test('a token that is still to be fetched is no lack of scope, and mends no claim', async (t) => {
  const toCome = { ...STANDING, scope: undefined, scopeIsToCome: true }
  const scope: Requirement = { scope: ['run'] }
  t.equal(lackOf(scope, toCome), undefined)
  t.equal(lackOf({ any: [scope, claim(['department'], 'it')] }, toCome), undefined)
  t.equal(lackOf({ all: [scope] }, toCome), undefined)
  t.match(lackOf({ ...scope, ...claim(['department'], 'it') }, toCome), { reason: 'claims_unmet' })
  t.match(lackOf(scope, { ...toCome, scopeIsToCome: false }), { reason: 'insufficient_scope' })
})
