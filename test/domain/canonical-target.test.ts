import t from 'tap'
import { canonicalTarget } from '../../src/domain/canonical-target.ts'
import { visible } from '../support/visible.ts'
import { processorMs } from '../support/patience.ts'

const PASSING = [
  '/',
  '/a',
  '/a/b/',
  '/a//b',
  '/a%2Fb',
  '/a%20b',
  '/;v=1',
  '/a;v=1/b;w=2',
  '/?a=1&a=2&b=%2F%20+',
  '/x?',
  '/x?q=a\\b',
  '/x?q=/../%2e%2e/%00',
  '/x?next=//evil.example',
  '/api/..hidden',
  '/api/...slug',
  '/v1...v2',
  '/api/.well-known/x',
  '/api/x.',
  '/caf%C3%A9',
  '/more%E2%80%A6',
  '/caf\u00c3\u00a9', // raw octets of UTF-8, as node:http hands them over
  '/100%25',
  '/100%2525',
  '/{id}|^`"<>',
  "/!$&'()*+,=:@-._~",
  '/%F0%9F%98%80',
  '/__proto__',
]

for (const target of PASSING) {
  t.test(`HX-10 HX-33 the target passes octet for octet: ${visible(target)}`, async (t) => {
    const canonical = canonicalTarget(target)
    t.equal(`${canonical?.path}${canonical?.query}`, target)
    t.notMatch(canonical?.path, /\?/)
  })
}

const REFUSED = [
  '',
  'x',
  '*',
  'http://gateway.example/x',
  '//evil.example/x',
  '/%2fevil.example',
  '/%252fevil.example',
  '/;/evil.example',
  '/;v=1/evil.example',
  '/%3b/evil.example',
  '/x#y',
  '/x?y#z',
  '/x y',
  '/x?y z',
  '/x\ty',
  '/x?\n',
  '/x\u0000',
  '/x\u007f',
  '/x%00',
  '/x%0d%0aY:1',
  '/x%1f',
  '/x%7f',
  '/x%C2%85',
  '/x%2500',
  '/\\x',
  '/x\\y',
  '/x%5cy',
  '/x%5Cy',
  '/x%255cy',
  '/x/%EF%BC%8E%EF%BC%8E/y', // dots of full width, and two dots in one letter
  '/x/%E2%80%A5/y',
  '/x%EF%BC%8F..%EF%BC%8Fy',
  '/x/..%EF%BC%BCy', // backslash of full width, and a small one
  '/x%EF%B9%A8..%EF%B9%A8y',
  '/.',
  '/..',
  '/./x',
  '/x/.',
  '/x/..',
  '/x/../y',
  '/%2e/x',
  '/%2E%2E/x',
  '/.%2e/x',
  '/%2e./x',
  '/x%2f..%2fy',
  '/x%2F..',
  '/%252e%252e/x',
  '/%25%32%65%2e/x',
  '/..;/x',
  '/x/..;a=b/y',
  '/x;/../y',
  '/x;..',
  '/x;%2e%2e/y',
  '/..%3f/x',
  '/..%23/x',
  '/..%20/x',
  '/%20../x',
  '/.%C2%A0/x',
  '/%c0%ae%c0%ae/x',
  '/%25c0%25ae/x',
  '/%ff',
  '/\u00ff',
  '/%ED%A0%80',
  '/%',
  '/%4',
  '/%zz',
  '/%u002e',
  '/%2525252e',
  '/\u0100',
  '/\u2028',
]

for (const target of REFUSED) {
  t.test(`HX-34 AT-11 an ambiguous target is refused: ${visible(target)}`, async (t) => {
    t.equal(canonicalTarget(target), undefined)
  })
}

t.test('a hostile path of 64 KiB is judged in a few milliseconds', async (t) => {
  const hostile = [
    '%25',
    '%',
    '/',
    '/.',
    ';',
    '%20',
    '/x;',
    '%2520',
    ' .',
    '/%20.%20x',
    '/a',
    '/...',
  ]
  for (const piece of hostile) {
    t.ok(processorMs(() => canonicalTarget(`/${piece.repeat(65_536 / piece.length)}`)) < 200, piece)
  }
})
