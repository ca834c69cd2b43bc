import * as fc from 'fast-check'
import t from 'tap'
import { isOwnCookieName, setsOwnCookie, withoutOwnCookies } from '../../src/domain/own-cookies.ts'
import { visible } from '../support/visible.ts'

const OWN_NAMES = [
  'bearergate',
  '__Host-bearergate',
  '__Secure-bearergate',
  '__Http-bearergate',
  '__Host-Http-bearergate',
  '__host-bearergate',
  '__HOST-BEARERGATE',
  'BearerGate',
  'bearergate-tx-abc',
  '__Host-bearergate-tx-abc',
  ' bearergate\t',
]
const OTHER_NAMES = [
  '',
  'bearergates',
  'mybearergate',
  '__Host-bearergatex',
  '__Host-',
  'x-bearergate',
  '__Host-__Host-bearergate',
]

t.test(
  'RS-4 our cookies are known by name, in any case and under any browser prefix',
  async (t) => {
    for (const name of OWN_NAMES) t.equal(isOwnCookieName(name), true, visible(name))
    for (const name of OTHER_NAMES) t.equal(isOwnCookieName(name), false, visible(name))
  },
)

const COOKIE_HEADERS = [
  ['a=1; b=2', 'a=1; b=2'],
  ['a=1;b=2;  c=3 ;', 'a=1;b=2;  c=3 ;'],
  ['__Host-bearergate=t', undefined],
  ['__Host-bearergate=t; __Host-bearergate-tx-1=x', undefined],
  ['__Host-bearergate=t; a=1', 'a=1'],
  ['a=1; __Host-bearergate=t', 'a=1'],
  ['a=1; __Host-bearergate=t; b=2', 'a=1; b=2'],
  ['a=1;__HOST-bearergate=t;b=2', 'a=1;b=2'],
  ['a="x; y"; __Host-bearergate=t', 'a="x; y"'],
  ['a=bearergate; b=__Host-bearergate=t', 'a=bearergate; b=__Host-bearergate=t'],
  ['__Host-bearergate', undefined],
  ['__Host-bearergate =t; a', 'a'],
  ['; ;bearergate=x;; ', undefined],
  ['', ''],
  ['; ;;=;', '; ;;=;'],
  ['caf\u00e9=\u00ff; bearergate=1', 'caf\u00e9=\u00ff'],
] as const

for (const [header, expected] of COOKIE_HEADERS) {
  t.test(`RS-4 the upstream gets ${visible(expected)} of ${visible(header)}`, async (t) => {
    t.equal(withoutOwnCookies(header), expected)
  })
}

t.test('RS-5 an upstream cannot set our cookies', async (t) => {
  for (const own of OWN_NAMES) t.equal(setsOwnCookie(`${own}=x; Path=/`), true, visible(own))
  for (const own of [
    '__Host-bearergate',
    '__Host-bearergate; Path=/',
    '=__Host-bearergate=x',
    ' = bearergate=x',
    'bearergate;',
  ]) {
    t.equal(setsOwnCookie(own), true, visible(own))
  }
  for (const other of ['a=1', 'a=__Host-bearergate=x', 'a; bearergate=x', 'bearergatex=1', '']) {
    t.equal(setsOwnCookie(other), false, visible(other))
  }
})

const anyPair = fc.tuple(
  fc.constantFrom(...OWN_NAMES, ...OTHER_NAMES, 'a', 'b', 'theme'),
  fc.constantFrom('', '=', '=1', '="x"', '=__Host-bearergate'),
  fc.constantFrom('; ', ';', ' ; ', ';;'),
)

t.test('RS-4 no cookie of ours passes, every other one does', async (t) => {
  fc.assert(
    fc.property(fc.array(anyPair, { maxLength: 8 }), (pairs) => {
      const sent = pairs.map(([name, value]) => `${name}${value}`)
      const passed = withoutOwnCookies(pairs.map((pair) => pair.join('')).join('')) ?? ''
      const names = passed.split(';').map((pair) => pair.split('=')[0]?.trim() ?? '')
      const others = sent.filter(
        (_, index) => !OWN_NAMES.includes(pairs[index]?.[0] ?? '') && sent[index] !== '',
      )
      return (
        names.every((name) => !isOwnCookieName(name)) &&
        others.every((pair) => passed.includes(pair))
      )
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})
