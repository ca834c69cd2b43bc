import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { createBrowser, type Browser } from '../support/browser-jar.ts'
import { openEventStream } from '../support/event-stream.ts'
import {
  providerSection,
  startGateway,
  type GatewayPlan,
  type InProcessGateway,
} from '../support/gateway.ts'
import { signIn, startOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis-servers.ts'
import { BUSY_MS } from '../support/patience.ts'

/** How everything that a user held open was closed. */
interface Closed {
  readonly atMs: number
  /** Of the WebSocket. */
  readonly code: number
  /** The last word to the page. */
  readonly told: unknown
}

interface Scene {
  readonly provider: OpenIdProvider
  /** Where the user signed in, and where the provider tells of sign-outs. */
  readonly gateway: InProcessGateway
  readonly browser: Browser
  readonly closed: Promise<Closed>
}

interface SceneOptions {
  /** Further keys of the `session` section. */
  readonly session?: GatewayPlan
  /** Everything is open at a second gateway over the same store. */
  readonly atReplica?: true
}

/** A user of a real gateway who holds everything open that can be held open. */
async function openScene(t: Test, { session, atReplica }: SceneOptions = {}): Promise<Scene> {
  const provider = await startOpenIdProvider(t)
  const upstream = await startRecordingUpstream(t, (request, response) => {
    if (request.url !== '/api/stream') return void response.end('ok')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: hello\ndata: 1\n\n')
  })
  const sockets = new WebSocketServer({ server: upstream.server })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
  })
  const plan = {
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')], ...session },
    routes: [{ path: '/api/*', upstream: upstream.origin, websocket: true }],
  }
  const gateway = await startGateway(t, plan)
  provider.registerGateway(gateway.origin)
  await gateway.line(({ event }) => event === 'provider_ready')
  const browser = createBrowser()
  t.teardown(() => browser.close())
  await signIn(browser, `${gateway.origin}/api/hello`, 'alice')
  const place = atReplica ? await startGateway(t, plan) : gateway
  const { closed } = await openEverything(t, place.origin, cookieOf(browser, gateway.origin))
  return { provider, gateway, browser, closed }
}

function cookieOf(browser: Browser, origin: string): string {
  return [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
}

async function openEverything(
  t: Test,
  origin: string,
  cookie: string,
): Promise<{ readonly closed: Promise<Closed> }> {
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
  const proxied = await openEventStream(t, `${origin}/api/stream`, headers)
  t.equal((await proxied.next()).event, 'hello')
  const own = await openEventStream(t, `${origin}/oauth2/session/events`, headers)
  t.equal(own.status, 200)
  const url = `${origin.replace('http', 'ws')}/api/socket`
  const socket = new WebSocket(url, { headers: { cookie }, origin })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  const all = Promise.all([once(socket, 'close'), proxied.ended, own.ended])
  return {
    closed: all.then(([[code]]) => ({
      atMs: Date.now(),
      code: code as number,
      told: own.events().at(-1),
    })),
  }
}

const PROMPT_MS = 1_000

async function closesPromptly(
  t: Test,
  { closed }: Pick<Scene, 'closed'>,
  dueAtMs: number,
  reason: string,
): Promise<void> {
  const { atMs, code, told } = await closed
  const lateMs = atMs - dueAtMs
  t.ok(lateMs >= -50 && lateMs < PROMPT_MS + BUSY_MS, `${lateMs} ms after the end`)
  t.equal(code, 4401)
  t.match(told, { event: 'ended', data: { reason } })
}

async function limitsOf({ gateway, browser }: Scene): Promise<Record<string, number>> {
  const { session } = (await browser.fetch(`${gateway.origin}/oauth2/session`)).json()
  return { idleMs: Date.parse(session.timeout_at), endMs: Date.parse(session.ends_at) }
}

t.test('LO-15 CS-7 a sign-out closes everything the user holds open', async (t) => {
  const scene = await openScene(t)
  const { gateway, browser } = scene
  const isOpen = async (count: number) =>
    (await gateway.ask('/metrics')).body.includes(`\nbearergate_streams ${count}\n`)
  t.ok(await isOpen(3), 'they are counted')
  const startedAtMs = Date.now()
  await browser.post(`${gateway.origin}/oauth2/logout`, {})
  await closesPromptly(t, scene, startedAtMs, 'session_revoked')
  while (!(await isOpen(0))) await after(50) // the upstream's side may say goodbye first
})

t.test('LO-15 SE-8 the idle timeout does, though the connections are busy', async (t) => {
  const scene = await openScene(t, { session: { idleTimeout: '2s' } })
  const { idleMs = 0 } = await limitsOf(scene)
  await closesPromptly(t, scene, idleMs, 'session_idle')
})

t.test('LO-15 SE-8 the absolute end does, though the user is busy', async (t) => {
  const scene = await openScene(t, { session: { idleTimeout: '3s', lifetime: '4s' } })
  const { endMs = 0 } = await limitsOf(scene)
  while (Date.now() < endMs - 500) {
    t.equal((await scene.browser.fetch(`${scene.gateway.origin}/api/use`)).status, 200)
    await after(250)
  }
  await closesPromptly(t, scene, endMs, 'session_expired')
})

t.test('LO-15 SE-14 an operator does', async (t) => {
  const scene = await openScene(t)
  const startedAtMs = Date.now()
  const answer = await fetch(`${scene.gateway.admin}/sessions/end`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ subject: 'alice' }),
  })
  t.equal(answer.status, 200)
  await answer.text()
  await closesPromptly(t, scene, startedAtMs, 'session_revoked')
})

t.test('LO-15 SE-9 the next login in the same browser does', async (t) => {
  const scene = await openScene(t)
  const startedAtMs = Date.now()
  await signIn(scene.browser, `${scene.gateway.origin}/oauth2/login?return_to=/api/again`)
  await closesPromptly(t, scene, startedAtMs, 'session_revoked')
})

t.test('OB-1 a shutdown ends them without saying that the session is over', async (t) => {
  const scene = await openScene(t)
  t.equal(await scene.gateway.close(), true)
  const { code, told } = await scene.closed
  t.equal(code, 1001)
  t.equal(told, undefined)
})

const STORES: Record<string, (t: Test) => Promise<SceneOptions>> = {
  memory: async () => ({}),
  file: async (t) => ({
    session: { store: 'file', file: { path: t.testdir() } },
    atReplica: true,
  }),
  redis: async (t) => ({
    session: { store: 'redis', redis: { url: (await startRedis(t)).server.url } },
    atReplica: true,
  }),
}

for (const [store, options] of Object.entries(STORES)) {
  const where = store === 'memory' ? 'here' : `at another replica over ${store}`
  t.test(`LO-15 LO-9 a sign-out at the provider closes what is open ${where}`, async (t) => {
    const scene = await openScene(t, await options(t))
    const { provider, browser } = scene
    const confirm = await browser.followAll(
      await browser.navigate(`${provider.issuer}/session/end`),
    )
    const startedAtMs = Date.now()
    await browser.followAll(await browser.submit(confirm))
    await closesPromptly(t, scene, startedAtMs, 'session_revoked')
  })
}
