import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createAdminServer } from '../../src/server/admin-server.ts'
import { directPeer } from '../../src/server/operator-peer.ts'
import { readiness } from '../../src/server/readiness.ts'

const STATUS = {
  version: '1.2.3',
  uptimeMs: 90_061_000,
  publicUrl: 'https://app.example',
  providers: [
    {
      name: '',
      redirectUri: 'https://app.example/oauth2/callback',
      issuer: 'https://op.example/<script>',
      ready: false,
    },
  ],
  shuttingDown: false,
  sessions: 3,
  inFlight: 0,
  streams: 0,
  routes: [],
}

async function admin(
  t: Test,
  state: Partial<{ store: boolean; provider: boolean; down: boolean; metrics: boolean }> = {},
) {
  const { store = true, provider = true, down = false, metrics = true } = state
  const server = createAdminServer({
    readiness: () =>
      readiness({
        pingStore: () => (store ? Promise.resolve() : Promise.reject(new Error('store gone'))),
        providers: () => new Map([['', provider]]),
        shuttingDown: () => down,
      }),
    metrics: {
      contentType: 'text/plain',
      render: () => (metrics ? Promise.resolve('a 1\n') : Promise.reject(new Error('SECRET'))),
    },
    status: async () => STATUS,
    sessions: {
      operations: { list: async () => ({ sessions: [] }), end: async () => 0 },
      issuers: () => ['https://idp.example.com/'],
      adminHost: '127.0.0.1',
      randomId: () => 'id',
      peerOf: directPeer,
      emit: () => undefined,
    },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return (path: string, init?: RequestInit) =>
    fetch(origin + path, { ...init, headers: { connection: 'close' } })
}

t.test('OB-1 alive whatever is down', async (t) => {
  const ask = await admin(t, { store: false, provider: false, down: true })
  t.equal((await ask('/livez')).status, 200)
})

const STATES = [
  { state: {}, status: 200, failing: [] },
  { state: { provider: false }, status: 503, failing: ['provider_metadata'] },
  { state: { store: false }, status: 503, failing: ['store'] },
  { state: { down: true }, status: 503, failing: ['accepting'] },
]
for (const { state, status, failing } of STATES) {
  t.test(`OB-1 OB-2 readiness names what fails: ${JSON.stringify(state)}`, async (t) => {
    const answer = await (await admin(t, state))('/readyz')
    t.equal(answer.status, status)
    t.match(answer.headers.get('content-type'), 'application/health+json')
    const { checks } = (await answer.json()) as { checks: Record<string, { status: string }[]> }
    t.same(
      Object.keys(checks).filter((name) => checks[name]?.[0]?.status === 'fail'),
      failing,
    )
    t.same(Object.keys(checks), ['config', 'store', 'provider_metadata', 'accepting'])
  })
}

t.test('only exact paths; nothing but an end of sessions is not GET or HEAD', async (t) => {
  const ask = await admin(t)
  for (const path of [
    '/livez/',
    '/Livez',
    '/metrics/x',
    '/readyz%20',
    '/constructor',
    '/__proto__',
  ]) {
    t.equal((await ask(path)).status, 404, path)
  }
  t.equal((await ask('/metrics?x=1')).status, 200)
  t.equal((await ask('/sessions/')).status, 404)
  const refused = await ask('/metrics', { method: 'POST' })
  t.match([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD'])
  const changed = await ask('/sessions', { method: 'POST' })
  t.match([changed.status, changed.headers.get('allow')], [405, 'GET, HEAD'])
  const asked = await ask('/sessions/end')
  t.match([asked.status, asked.headers.get('allow')], [405, 'POST'])
  const head = await ask('/metrics', { method: 'HEAD' })
  t.match([head.status, await head.text()], [200, ''])
})

t.test('the status page shows the state, escaped, under a strict policy', async (t) => {
  const answer = await (await admin(t))('/')
  const page = await answer.text()
  t.match(page, '1.2.3')
  t.match(page, 'https://op.example/&lt;script&gt;')
  t.notMatch(page, '<script>')
  t.match(answer.headers.get('content-security-policy'), "default-src 'none'")
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('a page that cannot be made is a 500 without words of the failure', async (t) => {
  const answer = await (await admin(t, { metrics: false }))('/metrics')
  t.equal(answer.status, 500)
  t.notMatch(await answer.text(), 'SECRET')
})
