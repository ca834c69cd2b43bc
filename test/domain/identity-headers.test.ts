import * as fc from 'fast-check'
import t from 'tap'
import { claimAt } from '../../src/domain/claim.ts'
import { SESSION_VALUES, type HeaderSource } from '../../src/domain/header-source.ts'
import { configuredHeader } from '../../src/domain/identity-headers.ts'
import type { HeaderPart } from '../../src/domain/route.ts'
import type { SessionRecord } from '../../src/domain/session-record.ts'
import { visible } from '../support/visible.ts'

const REQUEST = {
  requestId: 'id-1',
  method: 'GET',
  host: 'app.example.com:8443',
  path: '/a%20b,c/100%25',
  clientAddress: '2001:db8::7',
}

const claimHeader = (
  parts: readonly HeaderPart[],
  claims: HeaderSource['claims'],
  session?: SessionRecord,
) => configuredHeader(parts, { ...REQUEST, claims, session })

const value = (claim: unknown): unknown => {
  const header = claimHeader([{ claim: ['c'] }], { c: claim })
  return typeof header === 'string' ? header : header.value
}

const ENCODED = [
  ['ada@example.com', 'ada@example.com'],
  ['Ada Lovelace', 'Ada Lovelace'],
  ['Lovelace, Ada', 'Lovelace%2C Ada'],
  ['100%', '100%25'],
  ['a%2Cb', 'a%252Cb'],
  ['é\r\nX: y', '%C3%A9%0D%0AX: y'],
  ['\u010a\u010d', '%C4%8A%C4%8D'], // their low bytes are LF and CR
  ['\u2028\u2029', '%E2%80%A8%E2%80%A9'],
  ['\u0000\t\u007f', '%00%09%7F'],
  ['😀', '%F0%9F%98%80'],
  ['\ud800x', '%EF%BF%BDx'],
  [' x ', '%20x%20'],
  [' ', '%20'],
  ['"x"; y=z', '"x"; y=z'],
  [17, '17'],
  [0, '0'],
  [1.5e300, '1.5e+300'],
  [true, 'true'],
  [false, 'false'],
  [['staff', 'admin'], 'staff,admin'],
  [['x,admin', 'y'], 'x%2Cadmin,y'],
  [['x', ' admin'], 'x,%20admin'],
  [['x\r\nX-User: root'], 'x%0D%0AX-User: root'],
  [['', null, 'a', ''], 'a'],
  [[1, true], '1,true'],
  [[['a', 'b'], 'c'], '["a"%2C"b"],c'],
  [{ city: 'Köln', zip: 1 }, '{"city":"K%C3%B6ln"%2C"zip":1}'],
  [{}, '{}'],
] as const

for (const [claim, expected] of ENCODED) {
  t.test(`FW-7 HX-26 AT-17 the claim ${visible(claim)} is sent as ${expected}`, async (t) => {
    t.equal(value(claim), expected)
  })
}

for (const claim of [undefined, null, '', [], [null], [''], [undefined]]) {
  t.test(`FW-6 no header for the claim ${visible(claim)}`, async (t) => {
    t.equal(value(claim), 'absent')
  })
}

t.test('FW-6 one missing claim leaves the whole header out', async (t) => {
  const parts = ['user=', { claim: ['name'] }, ';org=', { claim: ['org'] }]
  t.same(claimHeader(parts, { name: 'ada', org: 'x' }), { value: 'user=ada;org=x' })
  t.equal(claimHeader(parts, { name: 'ada' }), 'absent')
  t.equal(claimHeader(parts, {}), 'absent')
})

t.test('literal text stays as it is, but for what no header may carry', async (t) => {
  t.same(claimHeader(['a, b\t100%'], {}), { value: 'a, b\t100%' })
  t.same(claimHeader(['a\r\nX: y\u010a'], {}), { value: 'a%0D%0AX: y%C4%8A' })
  t.equal(claimHeader([''], {}), 'absent')
  t.equal(claimHeader([], {}), 'absent')
})

t.test('FW-7 a value over 4 KiB is left out', async (t) => {
  t.same(claimHeader([{ claim: ['c'] }], { c: 'x'.repeat(4_096) }), { value: 'x'.repeat(4_096) })
  t.equal(claimHeader([{ claim: ['c'] }], { c: 'x'.repeat(4_097) }), 'too_long')
  t.equal(claimHeader([{ claim: ['c'] }], { c: 'é'.repeat(1_000) }), 'too_long', 'counted as sent')
  t.equal(
    claimHeader([{ claim: ['c'] }], { c: Array.from({ length: 1_000 }, () => 'group') }),
    'too_long',
  )
})

t.test('claims are found by their names alone, never in a prototype', async (t) => {
  const claims = {
    'https://example.com/groups': ['a'],
    address: { country: 'DE', list: ['x'] },
    text: 'abc',
  }
  t.same(claimAt(claims, ['https://example.com/groups']), ['a'])
  t.equal(claimAt(claims, ['address', 'country']), 'DE')
  t.equal(claimAt(claims, []), claims)
  const absent = [
    ['__proto__'],
    ['constructor'],
    ['constructor', 'name'],
    ['toString'],
    ['text', 'length'],
    ['address', 'list', 'length'],
    ['address', 'list', '0'],
    ['x', 'y'],
  ]
  for (const path of absent) t.equal(claimAt(claims, path), undefined, path.join('.'))
  t.equal(
    claimAt(JSON.parse('{"__proto__":"own"}') as Record<string, unknown>, ['__proto__']),
    'own',
  )
})

t.test(
  'HX-26 no claim makes a header that is more than visible ASCII and inner spaces',
  async (t) => {
    fc.assert(
      fc.property(fc.jsonValue(), (claim) => {
        const sent = value(claim)
        return typeof sent === 'string' && /^(?! )[ -~]*(?<! )$/.test(sent)
      }),
      { numRuns: 2_000 },
    )
    t.pass()
  },
)

t.test('FW-7 splitting at commas, then decoding gives back the list', async (t) => {
  const lists = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(lists, (list) => {
      const sent = value(list)
      return (
        typeof sent === 'string' &&
        JSON.stringify(sent.split(',').map(decodeURIComponent)) === JSON.stringify(list)
      )
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

const SESSION: SessionRecord = {
  formatVersion: 1,
  issuer: 'https://idp.example.com/',
  subject: 'ada, the first',
  claims: {},
  authTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 6),
  endsAtMs: Date.UTC(2026, 0, 2, 15, 4, 6),
  accessTokens: [],
}

const OF_SESSION: readonly (readonly [keyof typeof SESSION_VALUES, string])[] = [
  ['subject', 'ada%2C the first'],
  ['issuer', 'https://idp.example.com/'],
  ['auth_time', '2026-01-02T03:04:05.000Z'],
  ['created_at', '2026-01-02T03:04:06.000Z'],
  ['ends_at', '2026-01-02T15:04:06.000Z'],
]
for (const [name, expected] of OF_SESSION) {
  t.test(`FW-7 \${session.${name}} is encoded as a claim would be`, async (t) => {
    t.same(claimHeader([{ session: name }], {}, SESSION), { value: expected })
  })
}

t.test('FW-6 FW-8 what a session has not, or nobody, makes no header', async (t) => {
  t.equal(claimHeader([{ session: 'acr' }], {}, SESSION), 'absent')
  t.equal(claimHeader(['sid=', { session: 'sid' }], {}, SESSION), 'absent')
  for (const name of Object.keys(SESSION_VALUES) as (keyof typeof SESSION_VALUES)[])
    t.equal(claimHeader([{ session: name }], undefined), 'absent', name)
})

t.test('what the request says of itself is put in as it came', async (t) => {
  const parts = [{ request: 'method' }, ' ', { request: 'path' }] as const
  t.same(claimHeader(parts, undefined), { value: 'GET /a%20b,c/100%25' })
  t.same(claimHeader([{ request: 'client_address' }], undefined), { value: '2001:db8::7' })
  t.same(claimHeader([{ request: 'host' }], undefined), { value: 'app.example.com:8443' })
  t.same(claimHeader([{ request: 'id' }], undefined), { value: 'id-1' })
  t.equal(
    configuredHeader([{ request: 'host' }], {
      ...REQUEST,
      host: '',
      claims: undefined,
      session: undefined,
    }),
    'absent',
  )
})
