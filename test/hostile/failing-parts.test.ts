import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'

const HOST = 'Host: 127.0.0.1'

/** Fails where nobody foresaw it; a rejection that nobody catches would end this process. */
function emitFailingOn(type: GatewayEvent['type']) {
  return (event: GatewayEvent): void => {
    if (event.type === type) throw new Error('a part of ours is broken')
  }
}

t.test('ER-12 a login that breaks while it starts is 500, and the process lives', async (t) => {
  const parts = { emit: emitFailingOn('login_failed') }
  const { port } = await startProxied(t, [guardedRoute('/*', 'http://127.0.0.1:9')], { parts })
  const page = await ask(t, port, head('GET /x HTTP/1.1', HOST, 'Accept: text/html'))
  t.equal(page.status, 500)
  t.notMatch(page.body, /broken/)
  t.equal((await ask(t, port, head('GET /x HTTP/1.1', HOST))).status, 401)
})

t.test('ER-12 a refusal that breaks after a look into the store is 500', async (t) => {
  const parts = { emit: emitFailingOn('cross_site_blocked') }
  const {
    port,
    signIn,
    parts: all,
  } = await startProxied(t, [guardedRoute('/*', 'http://127.0.0.1:9')], { parts })
  const { cookie } = await signIn()
  all.sessions.peek = () => undefined
  const post = head('POST /x HTTP/1.1', HOST, `Cookie: ${cookie}`, 'Sec-Fetch-Site: cross-site')
  t.equal((await ask(t, port, post)).status, 500)
})
