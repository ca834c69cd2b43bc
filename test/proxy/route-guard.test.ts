import t from 'tap'
import { ask, head } from '../support/raw-socket.ts'
import { guardedRoute, openRoute, startProxied } from '../support/proxied.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

t.test("RS-1 the upstream gets the session's token and no other Authorization", async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, signIn, finished } = await startProxied(t, [
    guardedRoute('/api/*', upstream.origin),
  ])
  const { cookie, token } = await signIn()
  const answer = await ask(
    t,
    port,
    head(
      'GET /api/x?a=1 HTTP/1.1',
      'Host: 127.0.0.1',
      `Cookie: ${cookie}; theme=dark`,
      'Authorization: Bearer stolen',
    ),
  )
  t.equal(answer.status, 200)
  t.equal(answer.body, 'ok')
  const [request] = upstream.requests
  t.same(request?.values('authorization'), [`Bearer ${token}`])
  t.same(request?.values('cookie'), ['theme=dark'])
  t.equal(request?.url, '/api/x?a=1')
  const event = await finished()
  t.match(event, { status: 200, routeId: '/api/*', subject: 'alice', path: '/api/x' })
  t.type(event.upstreamMs, 'number')
})

t.test('a public route needs no session and sends no token', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  t.equal((await ask(t, port, head('GET / HTTP/1.1', 'Host: 127.0.0.1'))).status, 200)
  t.same(upstream.requests[0]?.values('authorization'), [])
})

t.test(
  'a protected route answers 401 without a session, and the upstream hears nothing',
  async (t) => {
    const upstream = await startRecordingUpstream(t)
    const { port } = await startProxied(t, [guardedRoute('/*', upstream.origin)])
    const answer = await ask(t, port, head('GET / HTTP/1.1', 'Host: 127.0.0.1'))
    t.equal(answer.status, 401)
    t.match(JSON.parse(answer.body), { reason: 'no_session' })
    t.equal(upstream.requests.length, 0)
  },
)
