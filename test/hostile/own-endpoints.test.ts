import * as fc from 'fast-check'
import t from 'tap'
import { OWN_ENDPOINTS } from '../../src/http/own-endpoint-table.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startScriptedJourney } from '../support/scripted-journey.ts'

/*
 * Whatever anybody sends to our own endpoints: an answer of ours, without a secret and without a word of theirs unescaped; no 500, no
 * upstream call; and whoever was signed in still is, unless he signed out himself.
 */

const CANARY = 'canary7f3a"\'><svg/onload=alert(1)>'

const path = fc.oneof(
  fc.constantFrom(...OWN_ENDPOINTS.keys(), '/oauth2/verify', '/oauth2', '/oauth2/x'),
  fc
    .tuple(
      fc.constantFrom(...OWN_ENDPOINTS.keys()),
      fc.constantFrom('/', '//', '/..', ';x', '%2f', '%20', '.', '\u00e9', '/%2e'),
    )
    .map(([endpoint, more]) => endpoint + more),
)
const word = fc.constantFrom(
  ...['', 'x', '0', '-1', 'none', 'login', '/', '//evil.example', 'https://evil.example/', '%00'],
  ...['%0d%0aX-Evil:1', '%ff', '%c0%ae', '__proto__', encodeURIComponent(CANARY), '%u0041', '%'],
  ...['a'.repeat(3_000), '%F0%9F%94%91'.repeat(300)],
)
const name = fc.constantFrom(
  ...['state', 'code', 'iss', 'error', 'error_description', 'error_uri', 'return_to', 'prompt'],
  ...['target_link_uri', 'login_hint', 'organization', 'acr_values', 'max_age', 'sid', 'key'],
  ...['response', 'id_token', 'logout_token', '__proto__', 'constructor', '__proto__[x]', 'login'],
)
const query = fc
  .array(fc.tuple(name, word), { maxLength: 4 })
  .map((pairs) => pairs.map(([one, value]) => `${one}=${value}`).join('&'))
const field = fc.constantFrom(
  ...[
    'Accept: text/html',
    'Accept: */*;q=nan,text/html;q=9',
    `Accept: ${'text/html,'.repeat(200)}`,
  ],
  ...['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', 'Sec-Fetch-Dest: image'],
  ...['Sec-Fetch-Site: none', 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
  ...['Sec-Fetch-Site: same-origin, none', 'Origin: null', 'Origin: https://evil.example'],
  ...['Sec-Purpose: prefetch', 'Purpose: prefetch', 'X-Requested-With: x', 'Expect: 100-continue'],
  ...['Content-Type: application/x-www-form-urlencoded', 'Content-Type: ;;;', 'Content-Type: a/b'],
  ...[
    'Content-Type: multipart/form-data',
    'Transfer-Encoding: chunked',
    'Connection: close, cookie',
  ],
  ...['Cookie: ; ;;=;', 'Cookie: bearergate=x', 'Cookie: bearergate-login-aaaaaaaaaaaaaaaa=x'],
  ...['X-HTTP-Method-Override: POST', 'X-Forwarded-Uri: /admin', 'X-Original-URL: /admin'],
  ...['Upgrade: websocket', 'Upgrade: h2c', 'TE: trailers', 'Max-Forwards: 0', 'Range: bytes=0-1'],
  ...['If-None-Match: *', 'If-Modified-Since: 0', 'X-Request-Id: \u00ff', 'X-User: root'],
  ...['Access-Control-Request-Method: POST', `X-Canary: ${CANARY}`, `Referer: ${CANARY}`],
)
const request = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'TRACE'),
  path,
  query,
  fields: fc.uniqueArray(field, { maxLength: 6, selector: (one) => one.split(':')[0] }),
  body: fc.constantFrom(
    '',
    '',
    'logout_token=a.b.c',
    'logout_token=a&logout_token=b',
    '{}',
    '\u0000',
  ),
  hasCookie: fc.boolean(),
})

type Asked = typeof request extends fc.Arbitrary<infer Value> ? Value : never

function bytesOf({ method, path, query, fields, body, hasCookie }: Asked, cookie: string): string {
  const isChunked = fields.includes('Transfer-Encoding: chunked')
  const lines = [
    `${method} ${path}${query === '' ? '' : `?${query}`} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...fields,
    ...(hasCookie ? [`Cookie: ${cookie}`] : []),
    ...(isChunked ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]),
    ...(fields.some((one) => one.startsWith('Connection')) ? [] : ['Connection: close']),
  ]
  const sent = isChunked
    ? `${body.length.toString(16)}\r\n${body}\r\n${body === '' ? '' : '0\r\n\r\n'}`
    : body
  return `${lines.join('\r\n')}\r\n\r\n${sent}`
}

t.test('AT-17 AT-32 AT-35 AT-36 ER-4 ER-6 ER-12 SE-20 our endpoints under fire', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { gateway, signedIn, scripted } = await startScriptedJourney(
    t,
    [{ path: '/app/*', upstream: upstream.origin }],
    { provider: { loginParameters: ['login_hint', 'organization', 'prompt'] } },
  )
  let browser = await signedIn('/app/x')
  const cookie = () =>
    [...browser.cookies(gateway.origin)].map(([one, value]) => `${one}=${value}`).join('; ')
  const secrets = () =>
    [
      ...scripted.requests.flatMap(({ form }) =>
        ['code', 'code_verifier', 'refresh_token'].map((one) => form.get(one)),
      ),
      scripted.clientSecret,
    ].filter((one): one is string => one !== null && one !== '')
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const before = upstream.requests.length
      const answer = await rawRequest(gateway.port, bytesOf(asked, cookie()), 2_000)
      const text = answer.text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
      const forwarded = upstream.requests.length - before
      if (asked.path === '/oauth2/logout' && status === 303) browser = await signedIn('/app/x')
      const after = await browser.fetch(`${gateway.origin}/oauth2/session`)
      const [head = '', ...rest] = text.split('\r\n\r\n')
      const faults = [
        ['no answer', Number.isNaN(status)],
        ['500', status === 500],
        ['forwarded', forwarded > 0],
        ['signed out', after.status !== 200],
        ['kept by caches', !/^cache-control: (?:no-store|public, max-age=300)\r?$/im.test(head)],
        ['header of theirs', /^x-evil/im.test(head)],
        ['leads away', /^location: (?:https?:)?\/\/evil/im.test(head)],
        ['script of theirs', /<svg\/onload|canary7f3a"/.test(rest.join('\r\n\r\n'))],
        ['secret', secrets().some((secret) => text.includes(secret))],
      ].filter(([, isFault]) => isFault)
      if (faults.length > 0) throw new Error(`${faults.map(([fault]) => fault).join()}: ${head}`)
    }),
    { numRuns: 300 },
  )
  t.notOk(gateway.events.some(({ type }) => type === 'internal_error'))
  for (const secret of secrets()) t.notOk(gateway.logText().includes(secret), 'TK-16')
  t.equal(({} as Record<string, unknown>)['x'], undefined, 'RL-8')
})
