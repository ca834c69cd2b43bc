import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { assert, constantFrom, array, oneof, property, string } from 'fast-check'
import fastify from 'fastify'
import t from 'tap'
import { parseTrustedProxies } from '../../src/domain/client-address.ts'
import { buildRouteTable } from '../../src/domain/route-table.ts'
import { entranceOf, siteOf } from '../../src/http/entrance.ts'
import { createHostRule } from '../../src/http/host-rule.ts'
import { createOwnCookies } from '../../src/http/own-cookies.ts'
import { OWN_ENDPOINTS } from '../../src/http/own-endpoint-table.ts'
import { createDoor } from '../../src/http/target-door.ts'
import { routeOf } from './gateway-stand.ts'

const publicUrl = new URL('https://app.example.com')
const RUNS = { numRuns: 2_000 }

const pieces = array(
  oneof(
    string(),
    constantFrom(
      ...['/', '//', '\\', '%2f', '%5c', '%00', '..', '.', ';', '?', '#', '*', '%', '%25', '@'],
      ...[
        'oauth2',
        'OAuth2',
        '%6fauth2',
        'callback',
        'login',
        'http://',
        'https://',
        '~route',
        '0',
      ],
      ...['app.example.com', 'evil.example', ' ', '\t', '\u0000', 'é', '＼'],
    ),
  ),
  { maxLength: 12 },
)

t.test('HX-34 CB-15 whatever is asked, the door answers with one of its own URLs', async (t) => {
  const door = createDoor({
    site: siteOf(publicUrl),
    routes: buildRouteTable([routeOf({}), routeOf({ path: { kind: 'prefix', path: '/guarded' } })]),
    hosts: createHostRule(publicUrl, []),
    trustedProxies: parseTrustedProxies(['127.0.0.1']),
  })
  const isOurs = (url: string): boolean =>
    /^\/~(?:route\/[01]\/|refused|options)$/.test(url) ||
    OWN_ENDPOINTS.has(url.replace(/\?.*$/s, ''))
  assert(
    property(pieces, pieces, (target, host) => {
      const request = {
        method: 'GET',
        url: target.join(''),
        httpVersion: '1.1',
        headers: {
          host: host.join(''),
          'x-forwarded-for': host.join(','),
          'x-request-id': host.join(''),
        },
        rawHeaders: ['Host', host.join('')],
        socket: { remoteAddress: '127.0.0.1' },
      } as unknown as IncomingMessage
      const url = door(request)
      const { requestId, endpoint, route, refusal } = entranceOf(request)
      const outcomes = [endpoint, route, refusal].filter((one) => one !== undefined)
      return isOurs(url) && /^[\w.-]{1,128}$/.test(requestId) && outcomes.length >= 1
    }),
    RUNS,
  )
  t.pass('for every target and host')
})

t.test(
  'SE-12 whatever the cookie header is, reading it never fails and never finds anybody',
  async (t) => {
    const app = fastify()
    t.teardown(() => app.close())
    const { sessionCookieOf, transactionCookie } = await createOwnCookies(app, {
      publicUrl,
      secrets: [randomBytes(32)],
      lifetimeMs: 3_600_000,
      sameSite: 'lax',
    })
    const sessionCookie = sessionCookieOf('')
    const crumbs = array(
      oneof(
        string(),
        constantFrom(
          '__Host-bearergate',
          '__Host-bearergate-login-',
          '=',
          ';',
          '%3B',
          ' ',
          '"',
          '%',
        ),
      ),
      { maxLength: 12 },
    )
    assert(
      property(crumbs, (parts) => {
        const header = parts.join('')
        transactionCookie.isAnyPending(header)
        return (
          sessionCookie.read(header) === undefined &&
          transactionCookie.read(header, header) === undefined
        )
      }),
      RUNS,
    )
    t.pass('for every header')
  },
)
