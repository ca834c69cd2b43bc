import * as fc from 'fast-check'
import t from 'tap'
import { canonicalTarget } from '../../src/domain/canonical-target.ts'
import type { Route } from '../../src/domain/route.ts'
import { buildRouteTable, routeConflicts } from '../../src/domain/route-table.ts'
import { sampleRoute } from '../support/sample-route.ts'
import { everyServer, resourceServed } from '../support/upstream-readings.ts'
import { processorMs } from '../support/patience.ts'

/** What the gateway does with a raw target: the route's path as configured, or why it is refused. */
function verdict(routes: readonly Route[], target: string, method = 'GET', host?: string): string {
  const canonical = canonicalTarget(target)
  if (canonical === undefined) return 'refused'
  const match = buildRouteTable(routes).match(host, method, canonical.path)
  return match.kind === 'route' ? match.route.id : match.kind
}

const table = ['/*', '/health', '/api/*', '/api/orders', '/api/orders/*', '/docs/'].map((path) =>
  sampleRoute(path),
)

for (const [path, expected] of [
  ['/', '/*'],
  ['/x', '/*'],
  ['/health', '/health'],
  ['/healthy', '/*'],
  ['/health/x', '/*'],
  ['/api', '/api/*'],
  ['/api/', '/api/*'],
  ['/api/x/y', '/api/*'],
  ['/apis', '/*'],
  ['/api/orders', '/api/orders'],
  ['/api/orders/1', '/api/orders/*'],
  ['/docs/', '/docs/'],
  ['/docs/x', '/*'],
  ['/__proto__/constructor', '/*'],
] as const) {
  t.test(`the most specific route takes ${path}`, async (t) => {
    t.equal(verdict(table, path), expected)
    t.equal(verdict(table.toReversed(), path), expected, 'whatever the order')
  })
}

t.test('ER-13 a path that no route has is none', async (t) => {
  t.equal(verdict([sampleRoute('/api/*'), sampleRoute('/x')], '/'), 'none')
  t.equal(verdict([sampleRoute('/api/*'), sampleRoute('/x')], '/x/y'), 'none')
  t.equal(verdict([], '/'), 'none')
})

t.test('our own endpoints are never routed, in no spelling', async (t) => {
  for (const path of ['/oauth2', '/oauth2/', '/oauth2/login', '/oauth2/none']) {
    t.equal(verdict(table, path), 'none', path)
  }
  for (const path of [
    '/OAuth2/login',
    '/%6fauth2/login',
    '/oauth2%2flogin',
    '/oauth2;x/login',
    '/oauth2%3flogin',
  ]) {
    t.equal(verdict(table, path), 'ambiguous', path)
  }
  t.equal(verdict(table, '/oauth2x'), '/*')
})

t.test('a route for the host wins over one for every host at the same path only', async (t) => {
  const routes = [
    sampleRoute('/*', { id: 'any' }),
    sampleRoute('/*', { id: 'shop', host: 'shop.example' }),
    sampleRoute('/admin/*', { id: 'admin' }),
    sampleRoute('/cart/*', { id: 'cart', host: 'shop.example' }),
  ]
  t.equal(verdict(routes, '/x', 'GET', 'shop.example'), 'shop')
  t.equal(verdict(routes, '/x', 'GET', 'Shop.Example:8080'), 'shop')
  t.equal(verdict(routes, '/x', 'GET', 'shop.example.'), 'shop')
  t.equal(verdict(routes, '/x', 'GET', 'other.example'), 'any')
  t.equal(verdict(routes, '/x'), 'any')
  t.equal(verdict(routes, '/admin/x', 'GET', 'shop.example'), 'admin')
  t.equal(verdict(routes, '/cart/x', 'GET', 'other.example'), 'any')
  t.equal(verdict(routes, '/CART/x', 'GET', 'shop.example'), 'ambiguous')
  t.equal(verdict(routes, '/CART/x', 'GET', 'other.example'), 'any')
})

t.test('RL-7 paths made to be slow take one walk among a thousand nested routes', async (t) => {
  const nested = Array.from({ length: 1_000 }, (_, depth) => `${'/a'.repeat(depth + 1)}/*`)
  const routes = buildRouteTable(nested.map((path) => sampleRoute(path)))
  const slow = [
    '/a'.repeat(4_000),
    `${'/a'.repeat(999)}/${'b'.repeat(6_000)}`,
    `/${'a'.repeat(8_000)}`,
    `${'/a'.repeat(500)}${'/b'.repeat(2_000)}`,
    `/a${'/%61'.repeat(2_000)}`,
  ]
  for (let round = 0; round < 200; round++) {
    for (const path of slow) routes.match(undefined, 'GET', path)
  }
  const deep = routes.match(undefined, 'GET', '/a'.repeat(4_000))
  t.match(deep, { kind: 'route', route: { id: `${'/a'.repeat(1_000)}/*` } })
})

t.test('AT-12 the method is decided at the most specific path, in exact spelling', async (t) => {
  const routes = [
    sampleRoute('/*', { id: 'all' }),
    sampleRoute('/orders/*', { id: 'read', methods: ['GET'] }),
    sampleRoute('/orders/*', { id: 'write', methods: ['POST', 'PUT'] }),
    sampleRoute('/mixed', { id: 'mixed-get', methods: ['GET'] }),
    sampleRoute('/mixed', { id: 'mixed-rest' }),
    sampleRoute('/head', { id: 'get', methods: ['GET'] }),
    sampleRoute('/head', { id: 'head', methods: ['HEAD'] }),
  ]
  t.equal(verdict(routes, '/orders/1'), 'read')
  t.equal(verdict(routes, '/orders/1', 'HEAD'), 'read', 'GET brings HEAD')
  t.equal(verdict(routes, '/orders/1', 'PUT'), 'write')
  t.equal(verdict(routes, '/mixed', 'GET'), 'mixed-get')
  t.equal(verdict(routes, '/mixed', 'DELETE'), 'mixed-rest')
  t.equal(verdict(routes, '/head', 'HEAD'), 'head')
  for (const method of ['DELETE', 'PURGE', 'get', 'Get', '__proto__', 'constructor', '']) {
    t.equal(verdict(routes, '/orders/1', method), 'method_not_allowed', method)
  }
  const match = buildRouteTable(routes).match(undefined, 'DELETE', '/orders/1')
  t.same(match, { kind: 'method_not_allowed', allow: ['GET', 'HEAD', 'POST', 'PUT'] })
})

t.test('routes that no request could tell apart are reported in pairs', async (t) => {
  const routes = [
    sampleRoute('/a/*'),
    sampleRoute('/a'),
    sampleRoute('/a/*', { methods: ['GET'] }),
    sampleRoute('/a/*', { methods: ['GET', 'POST'] }),
    sampleRoute('/a/*', { host: 'a.example' }),
    sampleRoute('/a/*'),
    sampleRoute('/A/*'),
  ]
  t.same(routeConflicts(routes), [
    { first: 0, second: 5 },
    { first: 2, second: 3 },
  ])
})

t.test('two routes that differ only in case or encoding are told apart by the table', async (t) => {
  const routes = ['/*', '/Reports/*', '/reports/*', '/caf%C3%A9/*'].map((path) => sampleRoute(path))
  t.equal(verdict(routes, '/Reports/1'), '/Reports/*')
  t.equal(verdict(routes, '/reports/1'), '/reports/*')
  t.equal(verdict(routes, '/REPORTS/1'), 'ambiguous')
  t.equal(verdict(routes, '/caf%C3%A9/x'), '/caf%C3%A9/*')
  t.equal(verdict(routes, '/caf%c3%a9/x'), 'ambiguous')
  t.equal(verdict(routes, '/%EF%BD%92eports/1'), 'ambiguous', 'a letter of full width')
  t.equal(verdict(routes, '/caf\u00c3\u00a9/x'), 'ambiguous')
})

/** Each table has an open and a guarded part; the guarded one must not be had for the open one's price. */
const TABLES: Readonly<Record<string, readonly Route[]>> = {
  siblings: ['/public/*', '/admin/*'].map((path) => sampleRoute(path)),
  nested: ['/*', '/admin/*'].map((path) => sampleRoute(path)),
  'nested three deep': ['/*', '/admin/*', '/admin/public/*'].map((path) => sampleRoute(path)),
  'open root, exact guard': ['/*', '/admin'].map((path) => sampleRoute(path)),
  'exact root': ['/', '/public/*', '/admin/*'].map((path) => sampleRoute(path)),
}

/** The table read by a person: the longest configured path that the resource has. */
function routeOf(routes: readonly Route[], resource: string): string {
  const fitting = routes.filter(
    ({ path }) =>
      resource === path.path || (path.kind === 'prefix' && resource.startsWith(`${path.path}/`)),
  )
  const best = fitting.toSorted(
    (one, other) =>
      other.path.path.length - one.path.path.length || (one.path.kind === 'exact' ? -1 : 1),
  )[0]
  return best?.id ?? 'none'
}

const SERVERS = everyServer()

/** Servers that would serve something of another route than the one that was asked. */
function deceived(routes: readonly Route[], target: string): string[] {
  const given = verdict(routes, target)
  if (['refused', 'ambiguous', 'none'].includes(given)) return []
  const path = target.split('?')[0] as string
  const served = new Set(SERVERS.map((server) => resourceServed(path, server)))
  return [...served].filter((resource) => routeOf(routes, resource) !== given)
}

const CONFUSIONS = [
  '/public/../admin',
  '/public/%2e%2e/admin',
  '/public/..%2fadmin',
  '/public/.%2e/admin',
  '/public/%252e%252e/admin',
  '/public/..;/admin',
  '/public/..;x=1/admin',
  '/public/..%00/admin',
  '/admin;x=1',
  '/;x=1/admin',
  '//admin',
  '///admin',
  '/./admin',
  '/%2e/admin',
  '/.\\admin',
  '/public\\admin',
  '/public%5cadmin',
  '/public%5c..%5cadmin',
  '/\\admin',
  '/public%2f..%2fadmin',
  '/public%2f%2e%2e%2fadmin',
  '/%c0%ae/admin',
  '/public/%c0%ae%c0%ae/admin',
  '/%c0%afadmin',
  '/ADMIN',
  '/Admin/users',
  '/admin%00',
  '/admin%00/public',
  '/admin%20',
  '/admin%20/users',
  '/admin.',
  '/admin...',
  '/admin/.',
  '/admin/..',
  '/admin%23/public',
  '/admin%3f/public',
  '/admin#/public',
  '/%61dmin',
  '/%2561dmin',
  '/%41DMIN',
  '/admin%2f',
  '/admin%2fusers',
  '/%2fadmin',
  '/%2f%2fadmin',
  '/public/%2fadmin',
  '/x//admin',
  '/admin//',
  '/admin/',
  '/admin//users',
  '//public/admin',
  '//x/admin',
  '/%2f/x/admin',
  '/.../admin',
  '/%20/admin',
  '/%20admin',
  '/...;/admin',
  '/admin%3bx=1',
  '/admin%253bx=1',
  '/;/admin',
  '/%3b/admin',
  '/admin;/../x',
  '/public;/../admin',
  '/adm%69n',
  '/adm%C4%B1n',
  '/\u00c5\u00bfadmin',
  '/public/x?/../../admin',
  '/public/x%3f/../../admin',
  '/public/%2e%2e;/admin',
  '/public/..%3badmin',
  '/%2e%2e/admin',
  '/%2e%2e%2fadmin',
  '/public/.;/../admin',
  '/public/..%09/admin',
  '/public/..%20/admin',
]

for (const [name, routes] of Object.entries(TABLES)) {
  t.test(
    `AT-11 the decision fits whatever a server would serve, or the answer is 400 or 404: ${name}`,
    async (t) => {
      for (const target of CONFUSIONS) t.same(deceived(routes, target), [], target)
    },
  )
}

t.test(
  'AT-11 with the root open, no other spelling of the guarded path is served as open',
  async (t) => {
    const spellings = CONFUSIONS.filter((target) =>
      SERVERS.some((server) =>
        /^\/admin(\/|$)/.test(resourceServed(target.split('?')[0] as string, server)),
      ),
    )
    t.ok(spellings.length > 50, 'the corpus is about this')
    for (const target of spellings)
      t.not(verdict(TABLES['nested'] as readonly Route[], target), '/*', target)
  },
)

const PIECES = [
  '/',
  '/',
  'admin',
  'public',
  'ADMIN',
  '%61dmin',
  'adm',
  'in',
  '..',
  '.',
  '%2e',
  '%252e',
  '%2f',
  '%252f',
  '%5c',
  '\\',
  ';',
  '%3b',
  'x=1',
  '%00',
  '%20',
  '%23',
  '%3f',
  '#',
  '?',
  '%',
  '%25',
  '2e',
  '2f',
  '%c0%ae',
  '%c0%af',
  'x',
  '%2561',
  '\u00c3\u00a9',
]

for (const [name, routes] of Object.entries(TABLES)) {
  t.test(`AT-11 no generated path deceives any server: ${name}`, async () => {
    const anyTarget = fc
      .array(fc.constantFrom(...PIECES), { maxLength: 9 })
      .map((pieces) => `/${pieces.join('')}`)
    fc.assert(
      fc.property(anyTarget, (target) => deceived(routes, target).length === 0),
      { numRuns: 400 },
    )
  })
}

t.test(
  'RL-7 a lookup does not grow with the number of routes, nor badly with the path',
  async (t) => {
    const routes = Array.from({ length: 5_000 }, (_, index) => sampleRoute(`/tenant-${index}/*`))
    const large = buildRouteTable(routes)
    const tookMs = processorMs(() => {
      for (let round = 0; round < 10_000; round += 1)
        large.match(undefined, 'GET', '/tenant-4999/orders/17')
      for (const piece of ['/%41', '.', '%20', ';', '/A', '%25', '/;'])
        large.match(undefined, 'GET', `/tenant-1/${piece.repeat(16_384 / piece.length)}`)
    })
    t.ok(tookMs < 1_000)
  },
)
