import * as fc from 'fast-check'
import { everyServer, resourceServed } from './upstream-readings.ts'

const SERVERS = everyServer()

const piece = fc.constantFrom(
  ...['/', '/', '/', 'public', 'public', 'admin', 'admin', 'x', '..', '.', '%2e', '%2E%2e', '%2f'],
  ...[
    '\\',
    '%5c',
    '//',
    ';',
    ';a=b',
    '%61dmin',
    'ADMIN',
    '%00',
    '%20',
    '%',
    '?',
    '#',
    '%23',
    '%3f',
  ],
  ...['%c0%ae', '%c0%af', '%252e', '%252f', '@open.example', ':80', '*', '{}', '%u002e', '~', '+'],
)
/** Request targets of pieces that servers read differently. */
export const target = fc.array(piece, { maxLength: 9 }).map((pieces) => `/${pieces.join('')}`)
/** Hosts, ours and not. */
export const host = fc.constantFrom(
  ...[
    'open.example',
    'closed.example',
    'OPEN.example',
    'open.example:80',
    'open.example.',
    '127.0.0.1',
  ],
  ...['other.example', 'open.example@closed.example', 'closed.example, open.example', ''],
)
/** Methods, forwarded and not. */
export const method = fc.constantFrom(
  'GET',
  'GET',
  'HEAD',
  'POST',
  'OPTIONS',
  'get',
  'PURGE',
  'TRACE',
)
/** Lines that claim what only we may say. */
export const forged = fc.constantFrom(
  ...[
    'X-User: root',
    'x_user: root',
    'X-WHO: root',
    'X-Groups: admin',
    'Authorization: Bearer root',
  ],
  ...['X-User : root', 'X.User: root', 'X-Forwarded-User: root', 'X-Forwarded-Host: open.example'],
  ...[
    'Host: open.example',
    'X-Original-URL: /public',
    'X-Rewrite-URL: /public',
    'Connection: X-User',
  ],
  ...[
    'X-HTTP-Method-Override: DELETE',
    'Forwarded: host=open.example',
    'Cookie: __Host-bearergate=x',
  ],
  ...['Connection: close, authorization', 'X-Forwarded-Prefix: /public', ' folded', 'Upgrade: h2c'],
)
const isUnder = (resource: string, prefix: string) =>
  resource === prefix || resource.startsWith(`${prefix}/`)

/**
 * Whether a stranger may get at whatever any server would serve for this target at this host: `/public` is open and `/admin` guarded
 * everywhere; the rest is open at open.example and guarded at all others.
 */
export function isOpenToAll(url: string, host: string): boolean {
  const isOpenHost = /^open\.example\.?(?::80)?$/i.test(host)
  return SERVERS.every((server) => {
    const resource = resourceServed(url.split('?', 1)[0] as string, server)
    return isOpenHost ? !isUnder(resource, '/admin') : isUnder(resource, '/public')
  })
}
