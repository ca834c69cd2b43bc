import t from 'tap'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const FOR_STAFF = {
  require: {
    scope: ['read:orders'],
    claims: [{ name: 'groups', path: ['groups'], oneOf: ['staff'] }],
  },
}

async function stand(t: Tap) {
  const upstream = await startRecordingUpstream(t)
  const proxied = await startProxied(t, [guardedRoute('/*', upstream.origin, FOR_STAFF)])
  const get = (cookie: string, ...fields: string[]) =>
    ask(t, proxied.port, head('GET / HTTP/1.1', 'Host: 127.0.0.1', `Cookie: ${cookie}`, ...fields))
  return { ...proxied, upstream, get }
}
type Tap = Parameters<typeof startRecordingUpstream>[0] & Parameters<typeof ask>[0]

t.test('require lets in who has the claims and the scope', async (t) => {
  const { signIn, get, upstream } = await stand(t)
  const { cookie, token } = await signIn('alice', { groups: ['staff'] }, undefined, 'read:orders')
  t.equal((await get(cookie)).status, 200)
  t.same(upstream.requests[0]?.values('authorization'), [`Bearer ${token}`])
})

t.test('require.claims: 403 names the claim, not the values; the session stays', async (t) => {
  const { signIn, get, upstream, finished } = await stand(t)
  const { cookie } = await signIn('alice', { groups: ['guests'] }, undefined, 'read:orders')
  const answer = await get(cookie)
  t.equal(answer.status, 403)
  const problem = JSON.parse(answer.body)
  t.match(problem, { reason: 'claims_unmet', needed: { claims: ['groups'] } })
  t.notMatch(answer.body, 'staff')
  t.notOk('login_url' in problem)
  t.notMatch(answer.head, /^set-cookie:/im)
  t.match(await finished(), { status: 403, reason: 'claims_unmet' })
  t.equal(upstream.requests.length, 0)
})

t.test('require.scope: 403 says which scope is needed', async (t) => {
  const { signIn, get, upstream } = await stand(t)
  const { cookie } = await signIn('alice', { groups: ['staff'] }, undefined, 'openid')
  const answer = await get(cookie)
  t.equal(answer.status, 403)
  t.match(JSON.parse(answer.body), {
    reason: 'insufficient_scope',
    needed: { scope: 'read:orders' },
  })
  t.equal(upstream.requests.length, 0)
})

t.test('who falls short gets a page, never a login', async (t) => {
  const { signIn, get } = await stand(t)
  const { cookie } = await signIn('alice')
  const answer = await get(
    cookie,
    'Accept: text/html',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Site: none',
  )
  t.equal(answer.status, 403)
  t.match(answer.head, /^content-type: text\/html/im)
  t.match(answer.body, 'Your account may not see this page')
})
