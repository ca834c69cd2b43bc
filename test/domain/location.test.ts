import * as fc from 'fast-check'
import t from 'tap'
import { mapLocation, mapRefresh } from '../../src/domain/location.ts'
import type { Route } from '../../src/domain/route.ts'
import { sampleRoute } from '../support/sample-route.ts'
import { visible } from '../support/visible.ts'

const PUBLIC = 'https://gateway.example'

function route(
  basePath: string,
  stripPrefix?: string,
  origin = 'http://orders.internal:3000',
): Route {
  return sampleRoute('/*', {
    upstream: { origin, basePath },
    ...(stripPrefix !== undefined && { stripPrefix }),
  })
}

const PLAIN = route('')
const STRIPPED = route('', '/api')
const BASED = route('/base')
const BOTH = route('/base', '/api')
const SOCKET = sampleRoute('/*', {
  upstream: { origin: 'http://localhost', basePath: '', socketPath: '/run/app.sock' },
})
const DEFAULT_PORT = route('', undefined, 'http://orders.internal')

const CASES: readonly (readonly [
  name: string,
  route: Route,
  location: string,
  expected: string,
])[] = [
  ['own origin', PLAIN, 'http://orders.internal:3000/x?y=1#z', `${PUBLIC}/x?y=1#z`],
  ['own origin', PLAIN, 'http://orders.internal:3000', `${PUBLIC}/`],
  ['own origin', PLAIN, 'http://orders.internal:3000?x', `${PUBLIC}/?x`],
  ['own origin, other case', PLAIN, 'HTTP://Orders.Internal:3000/x', `${PUBLIC}/x`],
  [
    'own origin, octets kept',
    PLAIN,
    'http://orders.internal:3000/a%2Fb/{c}',
    `${PUBLIC}/a%2Fb/{c}`,
  ],
  ['own origin, credentials cut', PLAIN, 'http://user:pass@orders.internal:3000/x', `${PUBLIC}/x`],
  ['own host over TLS', PLAIN, 'https://orders.internal:3000/x', `${PUBLIC}/x`],
  ['own host, default port', DEFAULT_PORT, 'http://orders.internal:80/x', `${PUBLIC}/x`],
  ['own host, default port', DEFAULT_PORT, 'https://orders.internal/x', `${PUBLIC}/x`],
  ['scheme-relative', PLAIN, '//orders.internal:3000/x', `${PUBLIC}/x`],
  ['backslashes as browsers read them', PLAIN, '\\\\orders.internal:3000/x', `${PUBLIC}/x`],
  ['odd spellings', PLAIN, 'http:\\\\orders.internal:3000\\x', `${PUBLIC}/x`],
  ['odd spellings', PLAIN, 'ht\ttp://orders.internal:3000/x', `${PUBLIC}/x`],
  ['odd spellings', PLAIN, 'https:orders.internal:3000/x', `${PUBLIC}/x`],
  ['unix socket', SOCKET, 'http://localhost/x', `${PUBLIC}/x`],
  [
    'own origin, stays there',
    PLAIN,
    'http://orders.internal:3000//evil.example',
    `${PUBLIC}//evil.example`,
  ],

  ['foreign', PLAIN, 'https://login.example/x', 'https://login.example/x'],
  ['foreign port', PLAIN, 'http://orders.internal:3001/x', 'http://orders.internal:3001/x'],
  [
    'foreign, ours as prefix',
    PLAIN,
    'http://orders.internal:3000.evil.example/x',
    'http://orders.internal:3000.evil.example/x',
  ],
  [
    'foreign, ours as user',
    PLAIN,
    'http://orders.internal:3000@evil.example/',
    'http://orders.internal:3000@evil.example/',
  ],
  ['foreign, scheme-relative', PLAIN, '//login.example/x', '//login.example/x'],
  ['foreign scheme', PLAIN, 'myapp://orders.internal:3000/x', 'myapp://orders.internal:3000/x'],
  ['no address at all', PLAIN, 'http://', 'http://'],
  ['no address at all', PLAIN, 'http://[', 'http://['],
  ['empty', PLAIN, '', ''],

  ['absolute path', PLAIN, '/x?y', '/x?y'],
  ['relative path', PLAIN, 'next', 'next'],
  ['relative path', STRIPPED, 'next', 'next'],
  ['relative path', STRIPPED, '../x', '../x'],
  ['query', STRIPPED, '?page=2', '?page=2'],

  ['stripped prefix', STRIPPED, '/x', '/api/x'],
  ['stripped prefix', STRIPPED, '/', '/api/'],
  ['stripped prefix', STRIPPED, 'http://orders.internal:3000/x', `${PUBLIC}/api/x`],
  ['stripped prefix', STRIPPED, 'http://orders.internal:3000', `${PUBLIC}/api`],
  ['stripped prefix, there already', STRIPPED, '/api/x', '/api/x'],
  ['stripped prefix, there already', STRIPPED, '/api', '/api'],
  ['stripped prefix, only alike', STRIPPED, '/apis', '/api/apis'],

  ['base path', BASED, '/base/x', '/x'],
  ['base path', BASED, '/base', '/'],
  ['base path', BASED, '/base?x', '/?x'],
  ['base path', BASED, 'http://orders.internal:3000/base/x', `${PUBLIC}/x`],
  ['base path, outside', BASED, '/other', '/other'],
  ['base path, outside', BASED, 'http://orders.internal:3000/other', `${PUBLIC}/other`],
  ['base path, only alike', BASED, '/basement', '/basement'],
  ['base path, no new host by cutting', BASED, '/base//evil.example', `${PUBLIC}//evil.example`],
  ['base path, no new host by cutting', BASED, '/base/\\evil.example', `${PUBLIC}/\\evil.example`],
  ['both', BOTH, '/base/x', '/api/x'],
  ['both', BOTH, '/base', '/api'],
  ['both', BOTH, 'http://orders.internal:3000/base/x', `${PUBLIC}/api/x`],
]

for (const [name, route, location, expected] of CASES) {
  t.test(`HX-24 P13 ${name}: ${visible(location)}`, async (t) => {
    t.equal(mapLocation(location, route, PUBLIC), expected)
  })
}

t.test('HX-24 the address in a Refresh header is mapped', async (t) => {
  const inner = 'http://orders.internal:3000/x'
  for (const before of [
    '5; ',
    '5;',
    '5 ',
    '5, ',
    '.5;',
    ';',
    '0;URL = ',
    ' 1 ;\t',
    '5;url="',
    "5;'",
  ])
    t.equal(mapRefresh(before + inner, PLAIN, PUBLIC), `${before}${PUBLIC}/x`, before)
  t.equal(mapRefresh(`5;url="${inner}" more`, PLAIN, PUBLIC), `5;url="${PUBLIC}/x" more`)
  for (const none of [
    '5',
    '',
    '5;',
    'x; http://orders.internal:3000/x',
    '5; https://login.example/',
  ])
    t.equal(mapRefresh(none, PLAIN, PUBLIC), none)
  t.equal(mapRefresh('5; url=http://orders.internal:3000/x', PLAIN, PUBLIC), `5; url=${PUBLIC}/x`)
  t.equal(mapRefresh("0;URL='http://orders.internal:3000/x'", PLAIN, PUBLIC), `0;URL='${PUBLIC}/x'`)
  t.equal(mapRefresh('0, url="/x"', STRIPPED, PUBLIC), '0, url="/api/x"')
  t.equal(mapRefresh('5', PLAIN, PUBLIC), '5')
  t.equal(
    mapRefresh('5; url=https://other.example/', PLAIN, PUBLIC),
    '5; url=https://other.example/',
  )
})

const anyLocation = fc
  .array(
    fc.constantFrom(
      'http:',
      'https:',
      '//',
      '/',
      '\\',
      'orders.internal',
      ':3000',
      ':3001',
      'evil.example',
      '@',
      'base',
      'api',
      '..',
      '?',
      '#',
      '%2f',
      ' ',
      'x',
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(''))

t.test(
  'HX-24 no browser is sent to the internal host, nor by us to another one than the upstream meant',
  async (t) => {
    for (const each of [PLAIN, STRIPPED, BASED, BOTH]) {
      fc.assert(
        fc.property(anyLocation, (location) => {
          const mapped = mapLocation(location, each, PUBLIC)
          if (!URL.canParse(location, each.upstream.origin) || !URL.canParse(mapped, PUBLIC))
            return mapped === location
          const meant = new URL(location, each.upstream.origin)
          const shown = new URL(mapped, PUBLIC)
          const isOwn = /^https?:\/\/orders\.internal:3000$/.test(
            `${meant.protocol}//${meant.host}`,
          )
          return shown.origin === PUBLIC || (!isOwn && shown.host === meant.host)
        }),
        { numRuns: 3_000, examples: [['evil.examplehttp://orders.internal:3000']] },
      )
    }
    t.pass()
  },
)
