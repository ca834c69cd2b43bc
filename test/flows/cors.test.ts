import t, { type Test } from 'tap'
import { startJourney } from '../support/journey.ts'
import { signIn } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const SHOP = 'https://shop.example.com'
const HOSTILE = [
  'https://shop.example.com.evil.example',
  'https://evil-shop.example.com',
  'https://shop.example.com:8443',
  'http://shop.example.com',
  'https://SHOP.example.com',
  'https://sub.shop.example.com',
  'null',
  '*',
]

/** Routes with and without CORS before an upstream that has its own, too generous word on it. */
async function shared(t: Test) {
  const upstream = await startRecordingUpstream(t, (_request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('Access-Control-Allow-Credentials', 'true')
    response.setHeader('access-control-allow-private-network', 'true')
    response.end('ok')
  })
  const to = { upstream: upstream.origin }
  const journey = await startJourney(t, {
    plan: {
      routes: [
        { path: '/with/*', ...to, cors: { origins: [SHOP], credentials: true, maxAge: '5m' } },
        {
          path: '/bare/*',
          ...to,
          access: 'optional',
          cors: { origins: [SHOP], headers: [], expose: ['X-Total'] },
        },
        { path: '/posts', ...to, methods: ['GET', 'POST'], cors: { origins: [SHOP] } },
        { path: '/none/*', ...to },
      ],
    },
  })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const { origin } = journey.gateway
  const preflight = (path: string, from: string, method = 'PUT') =>
    journey.newBrowser().fetch(origin + path, {
      method: 'OPTIONS',
      site: 'cross-site',
      headers: { origin: from, 'access-control-request-method': method },
    })
  const signedIn = async () => {
    const browser = journey.newBrowser()
    await signIn(browser, `${origin}/oauth2/login?return_to=/oauth2/session`)
    return browser
  }
  return { ...journey, upstream, origin, preflight, signedIn }
}

t.test('CS-5 a preflight is answered without session and without the upstream', async (t) => {
  const { preflight, upstream } = await shared(t)
  const answer = await preflight('/with/x', SHOP)
  t.equal(answer.status, 204)
  t.match(answer.headers, {
    'access-control-allow-origin': SHOP,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'content-type, x-requested-with',
    'access-control-max-age': '300',
    'cache-control': 'no-store',
  })
  t.match(answer.headers.vary, /Origin/)
  t.same(answer.setCookies, [])
  const bare = await preflight('/bare/x', SHOP, 'DELETE')
  t.equal(bare.headers['access-control-max-age'], '600')
  t.notOk('access-control-allow-credentials' in bare.headers)
  t.notOk('access-control-allow-headers' in bare.headers)
  t.equal(upstream.requests.length, 0)
})

t.test('CS-5 a preflight finds its route by the method it asks for', async (t) => {
  const { preflight } = await shared(t)
  const answer = await preflight('/posts', SHOP, 'POST')
  t.equal(answer.status, 204)
  t.equal(answer.headers['access-control-allow-methods'], 'GET, POST')
  t.equal((await preflight('/posts', SHOP, 'DELETE')).status, 405)
  t.equal((await preflight('/posts', SHOP, 'TRACE')).status, 405)
})

t.test('CS-5 a preflight of any other origin is refused', async (t) => {
  const { preflight, upstream } = await shared(t)
  for (const from of HOSTILE) {
    const answer = await preflight('/with/x', from)
    t.equal(answer.status, 403, from)
    t.equal(answer.json().reason, 'origin_refused')
    t.notOk('access-control-allow-origin' in answer.headers)
    t.match(answer.headers.vary, /Origin/)
  }
  t.equal(upstream.requests.length, 0)
})

t.test('CS-5 CORS is off by default', async (t) => {
  const { preflight, upstream } = await shared(t)
  const answer = await preflight('/none/x', SHOP)
  t.equal(answer.status, 401)
  t.notOk('access-control-allow-origin' in answer.headers)
  t.equal(upstream.requests.length, 0)
})

t.test('CS-5 with credentials a listed origin acts in the session, others do not', async (t) => {
  const { origin, signedIn, upstream } = await shared(t)
  const browser = await signedIn()
  for (const method of ['GET', 'PUT']) {
    for (const site of ['same-site', 'cross-site'] as const) {
      const answer = await browser.fetch(`${origin}/with/x`, {
        method,
        site,
        headers: { origin: SHOP },
      })
      t.equal(answer.status, 200, `${method} ${site}`)
      t.equal(answer.headers['access-control-allow-origin'], SHOP)
      t.equal(answer.headers['access-control-allow-credentials'], 'true')
      t.notOk('access-control-allow-private-network' in answer.headers, "not the upstream's")
      t.match(answer.headers.vary, /Origin/)
      t.match(upstream.requests.at(-1)?.headers.authorization, /^Bearer/)
    }
  }
  const before = upstream.requests.length
  for (const from of HOSTILE) {
    const headers = { origin: from }
    const answer = await browser.fetch(`${origin}/with/x`, {
      method: 'PUT',
      site: 'cross-site',
      headers,
    })
    t.equal(answer.status, 403, from)
    t.notOk('access-control-allow-origin' in answer.headers)
  }
  const image = await browser.fetch(`${origin}/with/x`, { site: 'cross-site' })
  t.equal(image.status, 403, 'CS-3 without an origin nothing is shared')
  t.equal(upstream.requests.length, before)
})

t.test('CS-5 without credentials the session of the browser is not for others', async (t) => {
  const { origin, signedIn, upstream, newBrowser } = await shared(t)
  const browser = await signedIn()
  const answer = await browser.fetch(`${origin}/bare/x`, {
    method: 'POST',
    site: 'same-site',
    headers: { origin: SHOP },
  })
  t.equal(answer.status, 403)
  t.equal(upstream.requests.length, 0)

  const stranger = await newBrowser().fetch(`${origin}/bare/x`, {
    site: 'cross-site',
    headers: { origin: SHOP },
  })
  t.equal(stranger.status, 200)
  t.equal(stranger.headers['access-control-allow-origin'], SHOP)
  t.notOk('access-control-allow-credentials' in stranger.headers, "not the upstream's")
  t.equal(stranger.headers['access-control-expose-headers'], 'x-total')
  t.notOk(upstream.requests[0]?.headers.authorization)
})

t.test('CS-5 refusals can be read by listed origins; answers to none of ours vary', async (t) => {
  const { origin, newBrowser } = await shared(t)
  const headers = { origin: SHOP }
  const refused = await newBrowser().fetch(`${origin}/with/x`, { site: 'cross-site', headers })
  t.equal(refused.status, 401)
  t.equal(refused.headers['access-control-allow-origin'], SHOP)
  const plain = await newBrowser().fetch(`${origin}/bare/x`, { site: 'same-origin' })
  t.notOk('access-control-allow-origin' in plain.headers)
  t.match(plain.headers.vary, /Origin/)
})
