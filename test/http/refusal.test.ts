import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { STATUS_OF_REASON, type Reason } from '../../src/domain/reason.ts'
import { entranceOf } from '../../src/http/entrance.ts'
import { refuse, type RefusalExtra } from '../../src/http/refusal.ts'
import { createStand, NAVIGATION, send, sendRaw } from './gateway-stand.ts'

const CANARY = 'connect ECONNREFUSED 10.0.0.5:80 token=eyJhbGciOi'
const REASONS = Object.keys(STATUS_OF_REASON) as Reason[]

function refusing(reason: Reason, extra: RefusalExtra = {}) {
  return createStand({ scene: (request, reply) => refuse(request, reply, reason, extra) })
}

for (const reason of REASONS) {
  t.test(`ER-1 ER-4 ${reason} as problem JSON`, async (t) => {
    const stand = refusing(reason, { cause: new Error(CANARY) })
    const answer = await send(t, stand, '/x')
    t.equal(answer.status, STATUS_OF_REASON[reason])
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    t.equal(answer.headers['cache-control'], 'no-store', 'ER-6')
    t.equal(answer.headers['x-content-type-options'], 'nosniff')
    t.equal(answer.headers['strict-transport-security'], 'max-age=31536000', 'ER-9')
    t.equal(answer.headers.server, undefined, 'ER-10')
    const body = JSON.parse(answer.body) as Record<string, unknown>
    t.match(body, {
      type: `urn:bearergate:reason:${reason}`,
      title: /\w/,
      detail: /\w/,
      status: STATUS_OF_REASON[reason],
      reason,
      request_id: answer.headers['x-request-id'],
    })
    const is401 = STATUS_OF_REASON[reason] === 401
    t.equal(answer.headers['www-authenticate'], is401 ? 'Bearer' : undefined, 'ER-5')
    t.equal(body['login_url'], is401 ? 'https://app.example.com/oauth2/login' : undefined)
    const isPassing = [429, 503].includes(STATUS_OF_REASON[reason])
    t.equal(answer.headers['retry-after'], isPassing ? '5' : undefined, 'ER-14')
    t.notMatch(answer.body, /ECONNREFUSED|10\.0\.0\.5|eyJ/)
  })

  t.test(`ER-2 ER-4 ${reason} as a page`, async (t) => {
    const stand = refusing(reason, { cause: new Error(CANARY) })
    const answer = await send(t, stand, '/x?a="><script>', { headers: NAVIGATION })
    t.equal(answer.status, STATUS_OF_REASON[reason])
    t.equal(answer.headers['content-type'], 'text/html; charset=utf-8', 'ER-11')
    const policy = String(answer.headers['content-security-policy'])
    for (const directive of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      t.match(policy, directive)
    }
    t.equal(answer.headers['cross-origin-opener-policy'], 'same-origin')
    t.equal(answer.headers['cache-control'], 'no-store')
    t.match(answer.body, '<html lang="en">')
    t.equal(answer.body.match(/<h1>/g)?.length, 1)
    t.match(answer.body, `<code>${String(answer.headers['x-request-id'])}</code>`)
    t.notMatch(answer.body, /ECONNREFUSED|10\.0\.0\.5|eyJ|<script|https?:\/\//)
  })
}

t.test('ER-3 a page only for navigations and for who prefers HTML', async (t) => {
  const isPage = async (headers: Record<string, string>) => {
    const answer = await send(t, refusing('no_session'), '/', { headers })
    return String(answer.headers['content-type']).startsWith('text/html')
  }
  t.equal(await isPage({}), false)
  t.equal(await isPage({ accept: '*/*' }), false)
  t.equal(await isPage({ accept: 'application/json' }), false)
  t.equal(
    await isPage({ accept: 'application/json, text/html;q=0.5', 'sec-fetch-mode': 'cors' }),
    false,
  )
  t.equal(await isPage({ accept: 'text/html' }), true)
  t.equal(await isPage(NAVIGATION), true)
})

t.test('HX-23 HEAD has the length of the body and no body', async (t) => {
  const answer = await send(t, refusing('no_session'), '/', { method: 'HEAD' })
  t.equal(answer.status, 401)
  t.ok(Number(answer.headers['content-length']) > 100)
  t.equal(answer.body, '')
})

t.test('426 names the protocol', async (t) => {
  const answer = await send(t, refusing('upgrade_refused'), '/')
  t.equal(answer.headers.upgrade, 'websocket')
})

t.test('ER-14 how long to wait may be told', async (t) => {
  const answer = await send(t, refusing('overloaded', { retryAfterSeconds: 30 }), '/')
  t.equal(answer.headers['retry-after'], '30')
})

t.test('no HSTS on a public URL without TLS', async (t) => {
  const scene = () => Promise.reject(new GatewayError('overloaded', 'x'))
  const stand = createStand({ publicUrl: 'http://localhost:80', scene })
  const answer = await send(t, stand, '/', { headers: { host: 'localhost' } })
  t.equal(answer.headers['strict-transport-security'], undefined)
})

t.test('a failure with a reason is answered and noted with its evidence', async (t) => {
  const error = new GatewayError('store_unavailable', CANARY)
  let noted: unknown
  const stand = createStand({
    scene: (request, reply) => {
      reply.raw.once('finish', () => {
        noted = entranceOf(request.raw)
      })
      return Promise.reject(error)
    },
  })
  const answer = await send(t, stand, '/')
  t.equal(answer.status, 503)
  t.notMatch(answer.body, CANARY)
  t.match(noted, { reason: 'store_unavailable', cause: error })
  t.strictSame(stand.events, [])
})

t.test('P23 ER-12 an unforeseen error is 500 without its text, and told', async (t) => {
  const error = new TypeError(CANARY)
  const stand = createStand({ scene: () => Promise.reject(error) })
  const answer = await send(t, stand, '/')
  t.equal(answer.status, 500)
  t.match(JSON.parse(answer.body), { reason: 'internal_error' })
  t.notMatch(answer.body, /ECONNREFUSED|TypeError|eyJ/)
  t.match(stand.events, [{ type: 'internal_error', cause: error }])
})

t.test('a page for a POST does not offer to send it again', async (t) => {
  const stand = refusing('upstream_unreachable')
  const answer = await send(t, stand, '/orders?x', { method: 'POST', headers: NAVIGATION })
  t.match(answer.body, 'href="/"')
  t.notMatch(answer.body, '/orders')
})

t.test('a page for a POST says that it was not sent, where that is certain', async (t) => {
  const pageFor = async (reason: Reason, method = 'POST') =>
    (await send(t, refusing(reason), '/orders', { method, headers: NAVIGATION })).body
  for (const reason of ['no_session', 'session_idle', 'step_up_required'] as const) {
    t.match(await pageFor(reason), 'Your form was not sent', reason)
    t.match(await pageFor(reason), 'target="_blank" rel="noopener"', 'a way that keeps this tab')
    t.notMatch(await pageFor(reason, 'GET'), 'form was not sent')
  }
  for (const reason of ['store_unavailable', 'provider_unavailable', 'overloaded'] as const) {
    t.match(await pageFor(reason), 'reload this page', reason)
    t.notMatch(await pageFor(reason, 'GET'), 'form was not sent')
  }
  for (const reason of ['upstream_timeout', 'upstream_unreachable', 'claims_unmet'] as const)
    t.notMatch(
      await pageFor(reason),
      'form was not sent',
      `${reason}: nobody knows, or it is no matter`,
    )
})

t.test('a page for a GET offers the same address again', async (t) => {
  const answer = await send(t, refusing('upstream_timeout'), '/orders?x=1&y=2', {
    headers: NAVIGATION,
  })
  t.match(answer.body, 'href="/orders?x=1&amp;y=2"')
})

t.test('an ended session leads back to the page through a login', async (t) => {
  const answer = await send(t, refusing('session_idle'), '/orders?x=1', { headers: NAVIGATION })
  t.match(answer.body, 'href="/oauth2/login?return_to=%2Forders%3Fx%3D1"')
})

t.test(
  'HX-32 a large body that nobody will read ends the connection with the answer',
  async (t) => {
    const stand = createStand({ routes: [{ path: { kind: 'exact', path: '/only' } }] })
    for (const framing of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
      const bytes = `POST /x HTTP/1.1\r\nHost: app.example.com\r\n${framing}\r\n\r\n`
      const answer = await sendRaw(t, stand, bytes)
      t.equal(answer.status, 404)
      t.match(answer.head, /^connection: close/im)
    }
  },
)
