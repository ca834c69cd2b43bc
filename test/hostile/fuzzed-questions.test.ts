import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { forged, host, isOpenToAll, method, target } from '../support/fuzzed-requests.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { rawRequest } from '../support/raw-request.ts'

/*
 * The questions of a proxy in front, judged by what any server behind that proxy might serve for them. The model is that of
 * fuzzed-requests.test.ts: there the gateway forwards, here it only says that one may.
 */

const NOWHERE = 'http://127.0.0.1:9'
const key = randomBytes(32)
const FORGED_TARGET = fc.constantFrom('X-Original-URI: /public', 'X-Forwarded-Uri: /public/x')

const question = fc.record({
  method,
  target,
  host,
  fields: fc.array(fc.oneof({ weight: 9, arbitrary: forged }, FORGED_TARGET), { maxLength: 3 }),
  hasKey: fc.constantFrom(true, true, true, false),
})
type Question = typeof question extends fc.Arbitrary<infer Asked> ? Asked : never

function bytesOf({ method, target, host, fields, hasKey }: Question, cookie?: string): string {
  const lines = [
    'GET /oauth2/verify HTTP/1.1',
    'Host: gateway.internal',
    `X-Forwarded-Method: ${method}`,
    `X-Forwarded-Uri: ${target}`,
    `X-Forwarded-Host: ${host}`,
    ...(hasKey ? [`X-Bearergate-Key: ${key.toString('hex')}`] : []),
    ...fields.filter((field) => !/^(?:Host|X-Forwarded-Host|Cookie):/.test(field)),
    ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]),
    'Connection: close',
  ]
  return [...lines, '', ''].join('\r\n')
}

t.test('FW-10 AT-10 AT-11 no proxy is told yes for what a stranger may not have', async (t) => {
  const gateway = await startProxied(
    t,
    [
      openRoute('/public/*', NOWHERE),
      guardedRoute('/admin/*', NOWHERE),
      openRoute('/*', NOWHERE, { host: 'open.example' }),
      guardedRoute('/*', NOWHERE, { host: 'closed.example' }),
    ],
    {
      config: {
        forwardAuth: { key },
        listen: { host: '127.0.0.1', port: 0, trustedProxies: ['127.0.0.1/32'] },
      },
    },
  )
  const { cookie } = await gateway.signIn()
  let allowed = 0
  await fc.assert(
    fc.asyncProperty(question, async (asked) => {
      const stranger = await rawRequest(gateway.port, bytesOf(asked))
      const signedIn = await rawRequest(gateway.port, bytesOf(asked, cookie))
      if (stranger.status === undefined || signedIn.status === undefined) return false
      if (!asked.hasKey) return stranger.status >= 400 && signedIn.status >= 400
      if (/^authorization:/im.test(stranger.text)) return false
      if (stranger.status >= 300) return true
      allowed += 1
      if (stranger.status !== 204 || signedIn.status !== 204) return false
      return isOpenToAll(asked.target, asked.host)
    }),
    { numRuns: 400 },
  )
  t.ok(allowed > 3, `${allowed} of 400 were allowed`)
})
