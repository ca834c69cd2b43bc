import * as fc from 'fast-check'
import t from 'tap'
import { parseReturnTo, returnToTarget } from '../../src/domain/return-to.ts'
import { visible } from '../support/visible.ts'

const GATEWAY = 'https://gateway.example'

const HOSTILE = [
  undefined,
  '',
  '.',
  '..',
  'x',
  'evil.example',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '\t//evil.example',
  ' //evil.example',
  '\u00a0//evil.example',
  '/%09/evil.example',
  '/%0a/evil.example',
  '/%0d%0aLocation:%20https://evil.example',
  '/%5cevil.example',
  '/%5c%5cevil.example',
  '/%2f/evil.example',
  '/%2fevil.example',
  '%2f%2fevil.example',
  '%2fevil.example',
  'https:evil.example',
  'https:/evil.example',
  'https://evil.example',
  'https:///evil.example',
  'HTTPS://evil.example',
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'http://gw@evil.example',
  'http://gateway.example.evil.example',
  `${GATEWAY}@evil.example/`,
  `${GATEWAY}/x`,
  '@evil.example',
  '/..//evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  '/%2e%2e//evil.example',
  '/%2e//evil.example',
  '/./\\evil.example',
  '/x/../../\\evil.example',
  '/path\r\nX: 1',
  '/path\u0000',
  '/path%00',
  '／／evil.example',
  '?next=x',
  '#x',
  '/%',
  '/%c0%ae',
  `/${'x'.repeat(9_000)}`,
  `/${'é'.repeat(1_000)}`,
  '/oauth2',
  '/oauth2/',
  '/oauth2/logout',
  '/oauth2/login',
  '/oauth2/login?return_to=/x',
  '/OAuth2/logout',
  '/%6fauth2/logout',
  '/x/../oauth2/logout',
  '/oauth2;x/logout',
  '/oauth2%2flogout',
  '/oauth2%3fx/logout',
  '/oauth2%23/logout',
]

for (const wish of HOSTILE) {
  t.test(`AT-6 P24 the return path falls back to the start page: ${visible(wish)}`, async (t) => {
    t.equal(parseReturnTo(wish), '/')
  })
}

const ALLOWED = [
  ['/', '/'],
  ['/foo', '/foo'],
  ['/foo/', '/foo/'],
  ['/foo?next=https://x//b', '/foo?next=https://x//b'],
  ['/foo?next=https%3A%2F%2Fx%2F%2Fb', '/foo?next=https%3A%2F%2Fx%2F%2Fb'],
  ['/foo?a=1&a=2&b=%20+', '/foo?a=1&a=2&b=%20+'],
  ['/foo?q=a\\b', '/foo?q=a\\b'],
  ['/foo?x=%0d%0a', '/foo?x=%0d%0a'],
  ['/a b?c d', '/a%20b?c%20d'],
  ['/app#/orders/1', '/app#/orders/1'],
  ['/a//b', '/a//b'],
  ['/a%2Fb', '/a%2Fb'],
  ['/café', '/caf%C3%A9'],
  ['/@evil.example', '/@evil.example'],
  ['/.well-known/x', '/.well-known/x'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/oauth2x', '/oauth2x'],
  ['/x/oauth2/logout', '/x/oauth2/logout'],
  ['/https://evil.example', '/https://evil.example'],
  ['/／evil.example', '/%EF%BC%8Fevil.example'],
  ['/x\u2028y', '/x%E2%80%A8y'],
  ['/x\u010ay', '/x%C4%8Ay'],
] as const

for (const [wish, expected] of ALLOWED) {
  t.test(`AT-6 a local wish is granted: ${visible(wish)}`, async (t) => {
    t.equal(parseReturnTo(wish), expected)
  })
}

t.test('a request that has to wait for a login comes back to the same octets', async (t) => {
  t.equal(returnToTarget({ path: '/a%2Fb', query: '?x=%20+\\' }), '/a%2Fb?x=%20+\\')
  t.equal(returnToTarget({ path: '/caf\u00c3\u00a9', query: '' }), '/caf%C3%A9')
  t.equal(
    returnToTarget({ path: '/x', query: '?\u00e9' }),
    '/x?%EF%BF%BD',
    'no UTF-8: shown as such',
  )
})

const PIECES = [
  '/',
  '/',
  '\\',
  '.',
  '..',
  '%2e',
  '%2f',
  '%5c',
  '%09',
  '\t',
  '\n',
  '\r',
  ' ',
  '\u00a0',
  '@',
  ':',
  '?',
  '#',
  ';',
  '%',
  'evil.example',
  'https:',
  'x',
  'javascript:',
  '／',
  '\u2028',
  '\u0000',
  '%00',
  'oauth2',
  'login',
  '\ud800',
]

const anyWish = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
  fc.string({ unit: 'binary' }).map((text) => `/${text}`),
  fc.webUrl(),
)

t.test(
  'CB-9 AT-6 no wish leaves the gateway, neither as it is nor once more decoded',
  async (t) => {
    fc.assert(
      fc.property(anyWish, (wish) => {
        const path = parseReturnTo(wish)
        const decoded = path.replace(/%[0-9a-f]{2}/gi, (escape) =>
          String.fromCharCode(parseInt(escape.slice(1), 16)),
        )
        return [path, decoded.split('?')[0] as string].every(
          (one) => new URL(one, GATEWAY).origin === GATEWAY,
        )
      }),
      { numRuns: 5_000 },
    )
    t.pass()
  },
)

t.test('AT-17 the path can be a header value, and asking twice changes nothing', async (t) => {
  fc.assert(
    fc.property(anyWish, (wish) => {
      const path = parseReturnTo(wish)
      return /^\/[!-~]*$/.test(path) && path.length <= 2_000 && parseReturnTo(path) === path
    }),
    { numRuns: 5_000 },
  )
  t.pass()
})
