import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { SessionOperations } from '../../src/domain/session-operations.ts'
import { createAdminServer } from '../../src/server/admin-server.ts'
import { directPeer } from '../../src/server/operator-peer.ts'

const ISSUER = 'https://op.example'
const FORM = 'application/x-www-form-urlencoded'
const NOW_MS = Date.UTC(2026, 0, 1)
const SESSION = {
  key: 'k1',
  createdAtMs: NOW_MS,
  idleEndsAtMs: NOW_MS + 60_000,
  endsAtMs: NOW_MS + 3_600_000,
}

type Call = readonly [string, ...unknown[]]

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Told {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
  json(): Record<string, unknown>
}

async function desk(t: Test, { adminHost = '127.0.0.1', broken = false } = {}) {
  const calls: Call[] = []
  const events: GatewayEvent[] = []
  const fail = () => Promise.reject(new GatewayError('store_unavailable', 'SECRET'))
  const operations: SessionOperations = {
    list: async (...asked) => {
      calls.push(['list', ...asked])
      return broken ? fail() : { sessions: [SESSION], cursor: 'next page' }
    },
    end: async (...asked) => {
      calls.push(['end', ...asked])
      return broken ? fail() : 2
    },
  }
  const server = createAdminServer({
    readiness: async () => ({ ready: true, checks: {} }),
    metrics: { contentType: 'text/plain', render: async () => '' },
    status: async () => Promise.reject(new Error('not asked for')),
    sessions: {
      operations,
      issuers: () => [ISSUER],
      adminHost,
      randomId: () => 'id',
      peerOf: directPeer,
      emit: (event) => events.push(event),
    },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const ask = (path: string, asked: Asked = {}) => send(port, path, asked)
  const post = (body: string, headers: Record<string, string> = {}) =>
    ask('/sessions/end', { method: 'POST', body, headers: { 'content-type': FORM, ...headers } })
  return { ask, post, calls, events, port }
}

/** By hand: `fetch` would choose Host, Origin and Sec-Fetch-Site itself. */
async function send(port: number, path: string, { method, headers, body }: Asked): Promise<Told> {
  const options = {
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    ...(method === undefined ? {} : { method }),
  }
  const asking = request({ ...options, headers: { ...headers } })
  asking.end(body)
  const [response] = await once(asking, 'response')
  let text = ''
  for await (const part of response.setEncoding('utf8')) text += part
  const { statusCode, headers: answered } = response
  return { status: statusCode, headers: answered, text, json: () => JSON.parse(text) }
}

t.test('SE-14 sessions are listed by their ends, a page at a time', async (t) => {
  const { ask, calls } = await desk(t)
  const answer = await ask('/sessions?subject=auth0%7Calice&limit=7&cursor=abc')
  t.equal(answer.status, 200)
  t.match(answer.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
  t.same(answer.json(), {
    sessions: [
      {
        key: 'k1',
        created_at: '2026-01-01T00:00:00.000Z',
        timeout_at: '2026-01-01T00:01:00.000Z',
        ends_at: '2026-01-01T01:00:00.000Z',
      },
    ],
    next: 'next page',
  })
  t.same(calls, [
    [
      'list',
      { kind: 'subject', issuer: ISSUER, subject: 'auth0|alice' },
      { limit: 7, cursor: 'abc' },
    ],
  ])
})

const LISTS = [
  ['', { kind: 'all' }],
  ['?sid=s', { kind: 'sid', issuer: ISSUER, sid: 's' }],
  ['?sid=s&issuer=https://two.example', { kind: 'sid', issuer: 'https://two.example', sid: 's' }],
  ['?all=true', { kind: 'all' }],
] as const
for (const [query, selection] of LISTS) {
  t.test(`SE-14 GET /sessions${query}`, async (t) => {
    const { ask, calls } = await desk(t)
    t.equal((await ask(`/sessions${query}`)).status, 200)
    t.same(calls, [['list', selection, { limit: 100 }]])
  })
}

const ENDS = [
  ['subject=alice', FORM, { kind: 'subject', issuer: ISSUER, subject: 'alice' }],
  [
    '{"subject":"alice"}',
    'application/json',
    { kind: 'subject', issuer: ISSUER, subject: 'alice' },
  ],
  [
    '{"sid":"s","issuer":"https://two.example"}',
    'application/json; charset=utf-8',
    { kind: 'sid', issuer: 'https://two.example', sid: 's' },
  ],
  ['key=k1', FORM, { kind: 'key', key: 'k1' }],
  ['all=true', FORM, { kind: 'all' }],
  ['{"all":true}', 'application/json', { kind: 'all' }],
] as const
for (const [body, type, selection] of ENDS) {
  t.test(`SE-14 OB-3 an end by an operator is carried out and told: ${body}`, async (t) => {
    const { post, calls, events } = await desk(t)
    const answer = await post(body, { 'content-type': type })
    t.match([answer.status, answer.json()], [200, { ended: 2 }])
    t.same(calls, [['end', selection]])
    t.match(events, [
      {
        type: 'logout',
        kind: 'operator',
        sessionCount: 2,
        requestId: 'id',
        clientAddress: '127.0.0.1',
      },
    ])
  })
}

const UNCLEAR = [
  ['', FORM],
  ['subject=', FORM],
  ['subject=a&sid=b', FORM],
  ['subject=a&subject=b', FORM],
  ['subject=a&all=true', FORM],
  ['all=false', FORM],
  ['all=', FORM],
  ['key=k&issuer=x', FORM],
  ['all=true&issuer=x', FORM],
  ['subject=a&other=b', FORM],
  ['__proto__=a', FORM],
  ['{"subject":1}', 'application/json'],
  ['{"subject":["a"]}', 'application/json'],
  ['{"all":false}', 'application/json'],
  ['{"__proto__":"a"}', 'application/json'],
  ['["subject"]', 'application/json'],
  ['null', 'application/json'],
  ['{', 'application/json'],
  ['subject=a', 'text/plain'],
  ['subject=a', 'multipart/form-data'],
] as const
for (const [body, type] of UNCLEAR) {
  t.test(`what is not clear ends nothing: ${type} ${body}`, async (t) => {
    const { post, calls } = await desk(t)
    const answer = await post(body, { 'content-type': type })
    t.match([answer.status, answer.json().reason], [400, 'parameter_refused'])
    t.match(answer.headers['content-type'], 'application/problem+json')
    t.same(calls, [])
  })
}

for (const query of [
  '?limit=0',
  '?limit=1001',
  '?limit=x',
  '?cursor=a%20b',
  '?key=k',
  '?x=y',
  '?subject=a&sid=b',
  '?limit=1&limit=2',
  '?all=no',
]) {
  t.test(`what is not clear lists nothing: ${query}`, async (t) => {
    const { ask, calls } = await desk(t)
    t.match([(await ask(`/sessions${query}`)).status, calls], [400, []])
  })
}

t.test('RL-3 a body beyond any use is refused', async (t) => {
  const { post, calls } = await desk(t)
  t.equal((await post(`subject=${'a'.repeat(9_000)}`)).status, 413)
  t.same(calls, [])
})

t.test('SE-17 a store that fails is a 503 without words of the failure', async (t) => {
  const { ask, post, events } = await desk(t, { broken: true })
  for (const answer of [await ask('/sessions'), await post('all=true')]) {
    t.match([answer.status, answer.json().reason], [503, 'store_unavailable'])
    t.notMatch(answer.text, 'SECRET')
  }
  t.same(
    events.map(({ type }) => type),
    ['store_failed', 'store_failed'],
  )
})

/** What a web page in an operator's browser can make it send, and what tools send. `:0` stands for our port. */
const SENDERS: readonly [string, Record<string, string>, number][] = [
  ['a tool', {}, 200],
  ['a tool, by a name of this machine', { host: 'localhost:0' }, 200],
  ['a tool, by an IPv6 address', { host: '[::1]:0' }, 200],
  ['a tool in the network, by address', { host: '10.1.2.3:0' }, 200],
  ['a tool in a container network, by short name', { host: 'bearergate:0' }, 200],
  ['an address typed in', { 'sec-fetch-site': 'none' }, 200],
  [
    'a page of the listener itself',
    { origin: 'http://127.0.0.1:0', 'sec-fetch-site': 'same-origin' },
    200,
  ],
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
  ['a sibling', { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' }, 403],
  ['another site in an old browser', { origin: 'https://evil.example' }, 403],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
  ['a sandboxed page', { origin: 'null' }, 403],
  ['the same host over https', { origin: 'https://127.0.0.1:0' }, 403],
  ['a link on another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
  ['a rebound name', { host: 'evil.example:0' }, 421],
  [
    'a rebound name that claims to be same-origin',
    { host: 'evil.example:0', origin: 'http://evil.example:0', 'sec-fetch-site': 'same-origin' },
    421,
  ],
  ['a rebound name without port', { host: 'evil.example' }, 421],
  ['a name that only begins like an address', { host: '127.0.0.1.evil.example:0' }, 421],
  ['a name with a final dot', { host: 'evil.example.:0' }, 421],
  ['a malformed host', { host: 'a@127.0.0.1:0' }, 421],
]
for (const [sender, headers, expected] of SENDERS) {
  t.test(`AT-40 CS-1 ${sender}: ${expected}`, async (t) => {
    const { ask, post, calls, events, port } = await desk(t)
    const sent = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace(/:0$/, `:${port}`)]),
    )
    t.equal((await post('all=true', sent)).status, expected)
    t.equal((await ask('/sessions', { headers: sent })).status, expected)
    t.equal(calls.length, expected === 200 ? 2 : 0)
    const blocked = events.filter(({ type }) => type === 'cross_site_blocked')
    t.equal(blocked.length, expected === 200 ? 0 : 2)
    t.equal((await ask('/livez', { headers: sent })).status, 200, 'health is told to whoever asks')
  })
}

t.test(
  'AT-40 the configured host of the listener is served, others of its domain are not',
  async (t) => {
    const { ask } = await desk(t, { adminHost: 'Admin.internal.example' })
    t.equal(
      (await ask('/sessions', { headers: { host: 'admin.internal.example:9090' } })).status,
      200,
    )
    t.equal(
      (await ask('/sessions', { headers: { host: 'evil.internal.example:9090' } })).status,
      421,
    )
  },
)

t.test('a preflight is answered with nothing that allows anything', async (t) => {
  const { ask } = await desk(t)
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
  const answer = await ask('/sessions/end', { method: 'OPTIONS', headers })
  t.equal(answer.status, 405)
  t.equal(answer.headers['access-control-allow-origin'], undefined)
})
