import * as fc from 'fast-check'
import t from 'tap'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

/*
 * Whatever claims and scope a provider states, the gateway lets in whom docs/access.md says. The model is written from its words
 * and knows nothing of src.
 */

const ROLES = 'https://acme.example/roles'

/** In the words of the configuration: groups [staff, 7, true], address.country DE, that URL editor, scope read:x. */
const require = {
  scope: ['read:x'],
  claims: [
    { name: 'groups', path: ['groups'], oneOf: ['staff', 7, true] },
    { name: 'address.country', path: ['address', 'country'], oneOf: ['DE'] },
    { name: ROLES, path: [ROLES], oneOf: ['editor'] },
  ],
}

const odd = fc.constantFrom<unknown[]>('Staff', 'staf', '7', 'true', 'de', '', 0, false, null, {})
const near = (good: readonly unknown[]) => {
  const value = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown[]>(...good) }, odd)
  return fc.oneof({ weight: 2, arbitrary: value }, fc.array(fc.oneof(value, fc.array(value))))
}
const country = near(['DE'])
const claims = fc.record(
  {
    groups: near(['staff', 7, true]),
    address: fc.oneof(
      { weight: 5, arbitrary: fc.record({ country }) },
      fc.array(fc.record({ country })),
      country,
    ),
    'address.country': country,
    [ROLES]: near(['editor']),
    acme: fc.record({ 'example/roles': near(['editor']) }),
  },
  { requiredKeys: ['groups', 'address', ROLES] },
)
const scope = fc.constantFrom(
  'read:x',
  'openid read:x',
  'read:x read:y',
  'openid',
  'read',
  undefined,
)

function has(value: unknown, wanted: readonly unknown[]): boolean {
  return Array.isArray(value) ? value.some((one) => wanted.includes(one)) : wanted.includes(value)
}

function mayPass(stated: Readonly<Record<string, unknown>>, granted = ''): boolean {
  const { groups, address } = stated
  const isObject = typeof address === 'object' && address !== null && !Array.isArray(address)
  const country = isObject ? (address as { country?: unknown }).country : undefined
  return (
    has(groups, ['staff', 7, true]) &&
    has(country, ['DE']) &&
    has(stated[ROLES], ['editor']) &&
    granted.split(' ').includes('read:x')
  )
}

t.test('a claims rule lets in whom its words name, whatever a provider states', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const gateway = await startProxied(t, [guardedRoute('/*', upstream.origin, { require })])
  let passed = 0
  await fc.assert(
    fc.asyncProperty(claims, scope, async (stated, granted) => {
      const before = upstream.requests.length
      const { cookie } = await gateway.signIn('alice', stated, undefined, granted)
      const lines = ['GET / HTTP/1.1', 'Host: 127.0.0.1', `Cookie: ${cookie}`, 'Connection: close']
      const { status } = await rawRequest(gateway.port, [...lines, '', ''].join('\r\n'))
      const isForwarded = upstream.requests.length > before
      if (isForwarded) passed += 1
      return isForwarded === mayPass(stated, granted) && status === (isForwarded ? 200 : 403)
    }),
    { numRuns: 400 },
  )
  t.ok(passed > 20 && passed < 380, `${passed} of 400 passed`)
})
