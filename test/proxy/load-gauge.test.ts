import t from 'tap'
import { createLoadGauge, type LoadGauge } from '../../src/proxy/load-gauge.ts'
import { guardedRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/redis-servers.ts'

const LATE_MS = 400
const HANDSHAKE = [
  'Origin: http://127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

function scriptedGauge(delaysMs: readonly number[]): { gauge: LoadGauge; seen: boolean[] } {
  const seen: boolean[] = []
  const next = delaysMs.values()
  const gauge: LoadGauge = createLoadGauge({
    windowMs: 1,
    meanDelayMs: () => {
      seen.push(gauge.isOverloaded()) // as the window before left it
      return next.next().value ?? 0
    },
  })
  return { gauge, seen }
}

t.test(
  'one late window is a pause, two in a row are too much, and one in time ends it',
  async (t) => {
    const { gauge, seen } = scriptedGauge([LATE_MS, 0, LATE_MS, LATE_MS, LATE_MS, 0])
    t.teardown(() => gauge.close())
    await until(() => seen.length > 6)
    t.same(seen.slice(0, 7), [false, false, false, false, true, true, false])
  },
)

t.test('a process that has nothing to do is not overloaded', async (t) => {
  const gauge = createLoadGauge()
  t.teardown(() => gauge.close())
  t.equal(gauge.isOverloaded(), false)
})

t.test('RL-6 an overloaded gateway answers 503 at once and asks nobody', async (t) => {
  let overloaded = true
  const load: LoadGauge = { isOverloaded: () => overloaded, close: () => undefined }
  const upstream = await startRecordingUpstream(t)
  const websocket = { origins: ['http://127.0.0.1'] }
  const routes = [guardedRoute('/*', upstream.origin, { websocket })]
  const { port, signIn, finished } = await startProxied(t, routes, { parts: { load } })
  const { cookie } = await signIn()
  const fields = ['Host: 127.0.0.1', `Cookie: ${cookie}`]
  const plain = head('GET /orders HTTP/1.1', ...fields)
  for (const bytes of [plain, head('GET /ws HTTP/1.1', ...fields, ...HANDSHAKE)]) {
    const { status, body, header } = await ask(t, port, bytes)
    t.equal(status, 503)
    t.match(JSON.parse(body), { reason: 'overloaded' })
    t.ok(header('retry-after'), 'ER-14')
  }
  t.equal(upstream.requests.length, 0)
  t.match(await finished(), { reason: 'overloaded', status: 503 })
  const own = await ask(t, port, head('GET /oauth2/session HTTP/1.1', ...fields))
  t.equal(own.status, 200, 'our own endpoints go on: a login under way comes to its end')
  overloaded = false
  t.equal((await ask(t, port, plain)).status, 200)
})
