import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Route } from '../../src/domain/route.ts'
import { forged, host, isOpenToAll, method, target } from '../support/fuzzed-requests.ts'
import { guardedRoute, openRoute, startProxied, type Proxied } from '../support/proxied.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startRecordingUpstream, type RecordedRequest } from '../support/recording-upstream.ts'

/*
 * Whole requests against the whole gateway, judged by what the upstream got. The model knows the table of routes in words, every
 * way a server may read a path, and nothing of src.
 */

const IDENTITY = ['x-user', 'x-groups', 'x-who']
const set: Route['headers']['set'] = [
  { name: 'x-user', value: [{ claim: ['name'] }] },
  { name: 'x-groups', value: [{ claim: ['groups'] }] },
  { name: 'x-who', value: [{ session: 'subject' }] },
]
const headers = { set, remove: [] }

/** `/public` is open and `/admin` guarded everywhere; the rest is open at one host and guarded at all others. */
async function startBed(t: Test): Promise<{ gateway: Proxied; seen: RecordedRequest[] }> {
  const upstream = await startRecordingUpstream(t)
  const { origin } = upstream
  const gateway = await startProxied(t, [
    openRoute('/public/*', origin),
    guardedRoute('/admin/*', origin, { headers }),
    openRoute('/*', origin, { host: 'open.example' }),
    guardedRoute('/*', origin, { host: 'closed.example', headers }),
  ])
  return { gateway, seen: upstream.requests as RecordedRequest[] }
}

const request = fc.record({
  method,
  target: fc.oneof(
    target,
    target,
    target.map((path) => `http://open.example${path}`),
  ),
  host,
  fields: fc.array(forged, { maxLength: 4 }),
})

type Asked = Readonly<{ method: string; target: string; host: string; fields: readonly string[] }>

function bytesOf({ method, target, host, fields }: Asked, cookie?: string): string {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields]
  if (cookie !== undefined) lines.push(`Cookie: ${cookie}`)
  return [...lines, 'Content-Length: 0', 'Connection: close', '', ''].join('\r\n')
}

/** Whether a stranger may get at whatever any server would serve for this request. */
function isOpen({ url, headers }: RecordedRequest): boolean {
  return isOpenToAll(url, String(headers['x-forwarded-host'] ?? ''))
}

function saysWhoItIs(received: RecordedRequest): boolean {
  const { rawHeaders } = received
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  const folded = names.map((name) => name.replace(/[^a-z0-9]/g, '-'))
  return ['authorization', ...IDENTITY, 'x-forwarded-user'].some((name) => folded.includes(name))
}

t.test('AT-9 AT-10 AT-11 AT-12 RS-1 a stranger never gets at what is protected', async (t) => {
  const { gateway, seen } = await startBed(t)
  let forwarded = 0
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      seen.length = 0
      const { status, closed } = await rawRequest(gateway.port, bytesOf(asked))
      if (status === undefined || !closed || seen.length > 1) return false
      const [received] = seen
      if (received === undefined) return status >= 300 || asked.method === 'OPTIONS'
      forwarded += 1
      const path = asked.target.replace(/^http:\/\/open\.example/, '')
      return (
        isOpen(received) &&
        received.url === path && // the octets that were judged
        received.method === asked.method &&
        !saysWhoItIs(received) &&
        received.values('host').length === 1
      )
    }),
    { numRuns: 500 },
  )
  t.ok(forwarded > 10, `${forwarded} of 500 were forwarded`)
})

/** How a backend reads such a header back, by docs/headers.md. */
function readBack(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',').map((part) => decodeURIComponent(part))
}

const letter = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  fc.constantFrom(',', '%', ' ', '"'),
)
const word = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(''))

t.test(
  'FW-4 FW-6 FW-7 AT-17 a user is who the session says, whatever claims and client say',
  async (t) => {
    const { gateway, seen } = await startBed(t)
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          name: fc.oneof(word, fc.constant(null)),
          groups: fc.array(word, { maxLength: 4 }),
        }),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
        fc.array(forged, { maxLength: 3 }),
        async (claims, subject, fields) => {
          seen.length = 0
          const { cookie, token } = await gateway.signIn(subject, claims)
          const asked = { method: 'GET', target: '/admin/x', host: 'closed.example', fields }
          const { status } = await rawRequest(gateway.port, bytesOf(asked, cookie))
          const [received] = seen
          // What a claim holds is never the fault of a request: only the client's own fields may be refused.
          if (received === undefined) return status !== undefined && status >= 400 && status < 500
          const [user, groups, who] = IDENTITY.map((name) => readBack(received.values(name)[0]))
          const named = claims.name === null || claims.name === '' ? [] : [claims.name]
          const same = (found: readonly string[] | undefined, meant: readonly string[]) =>
            JSON.stringify(found) === JSON.stringify(meant)
          return (
            same(user, named) &&
            same(
              groups,
              claims.groups.filter((group) => group !== ''),
            ) &&
            same(who, [subject]) &&
            IDENTITY.every((name) => received.values(name).length <= 1) &&
            same(received.values('authorization'), [`Bearer ${token}`]) &&
            !received.rawHeaders.some((text, at) => at % 2 === 0 && /[_.]/.test(text))
          )
        },
      ),
      { numRuns: 100 },
    )
    t.pass()
  },
)
