import {
  createServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { OPERATOR_PEER_HEADER } from '../server/operator-peer.ts'
import type { WorkerPlace } from './worker-set.ts'

export interface WorkersAdminOptions {
  readonly places: readonly WorkerPlace[]
  readonly metrics: { readonly contentType: string; readonly render: () => Promise<string> }
  readonly shuttingDown: () => boolean
}

const ASK_MS = 2_000
const STRAGGLERS_MS = 300 // once one is ready, so that one that hangs does not fail the probe of all
const LONGEST_ANSWER_MS = 60_000 // to end all of many sessions takes its time

/**
 * The operators' listener for all workers: `/livez` of the main process, `/readyz` and `/metrics` of
 * all of them; everything else is the same from each, and the first that shows life answers it.
 */
export function createWorkersAdmin(options: WorkersAdminOptions): Server {
  const own: Record<string, () => Promise<OwnAnswer>> = {
    '/livez': async () => health(200, { status: 'pass' }),
    '/readyz': () => readiness(options),
    '/metrics': async () => ({
      status: 200,
      type: options.metrics.contentType,
      body: await options.metrics.render(),
    }),
  }
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 })
  server.maxConnections = 256
  server.on('request', (incoming, response) => {
    const path = incoming.url?.split('?', 1)[0] ?? ''
    const isRead = incoming.method === 'GET' || incoming.method === 'HEAD'
    const answer = isRead && Object.hasOwn(own, path) ? own[path] : undefined
    if (answer === undefined) return void passOn(options.places, incoming, response)
    answer().then(
      (made) => send(incoming, response, made),
      () => send(incoming, response, plain(500, 'The page could not be made.\n')),
    )
  })
  return server
}

interface OwnAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const ANSWERS_NOT = 'no answer'

/** Ready while one of them is: those that are not are listed with the checks they fail. */
async function readiness({ places, shuttingDown }: WorkersAdminOptions): Promise<OwnAnswer> {
  const asking = places.map((place) => whatFails(place))
  const firstReady = Promise.any(
    asking.map(async (asked) =>
      (await asked) === '' ? '' : Promise.reject(new Error('not ready')),
    ),
  )
  const tooLate = firstReady.then(
    () => delay(STRAGGLERS_MS, ANSWERS_NOT),
    () => ANSWERS_NOT, // all have answered
  )
  const found = await Promise.all(asking.map((asked) => Promise.race([asked, tooLate])))
  const ready = !shuttingDown() && found.includes('')
  const checks = found.map((fails, index) => [
    `worker:${places[index]?.number}`,
    [fails === '' ? { status: 'pass' } : { status: 'fail', output: fails }],
  ])
  const status = ready ? 'pass' : 'fail'
  const accepting = [{ status: shuttingDown() ? 'fail' : 'pass' }]
  return health(ready ? 200 : 503, {
    status,
    checks: { accepting, ...Object.fromEntries(checks) },
  })
}

/** The checks for which a worker is not ready, comma-separated. */
async function whatFails(place: WorkerPlace): Promise<string> {
  if (!place.isListening()) return 'not running'
  try {
    const { status, checks } = JSON.parse(await read(place.adminSocket, '/readyz')) as {
      status: string
      checks: Record<string, { status: string }[]>
    }
    if (status === 'pass') return ''
    const failing = Object.entries(checks).filter(([, [check]]) => check?.status !== 'pass')
    return failing.map(([name]) => name).join(', ')
  } catch {
    return ANSWERS_NOT
  }
}

function read(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, agent: false, signal: AbortSignal.timeout(ASK_MS) })
    asking.once('error', reject).once('response', (response) => {
      const parts: string[] = []
      response.setEncoding('utf8').on('data', (part: string) => parts.push(part))
      response.once('error', reject).once('end', () => resolve(parts.join('')))
    })
    asking.end()
  })
}

async function passOn(
  places: readonly WorkerPlace[],
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const peer = incoming.socket.remoteAddress ?? ''
  const alive = places.filter((place) => place.isListening())
  const unavailable = () => {
    if (response.headersSent) return void response.destroy()
    send(incoming, response, plain(503, 'No worker answers at the moment.\n'))
  }
  try {
    const { adminSocket } = await Promise.any(
      alive.map((place) => read(place.adminSocket, '/livez').then(() => place)),
    )
    const asking = ask(adminSocket, incoming, peer)
    asking.once('error', unavailable).once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, response, () => undefined)
    })
    pipeline(incoming, asking, () => undefined) // both tell their errors themselves
  } catch {
    unavailable()
  }
}

/** @throws TypeError the target has characters that Node's parser takes and its client does not */
function ask(socketPath: string, incoming: IncomingMessage, peer: string): ClientRequest {
  const { method, url } = incoming
  const headers = { ...incoming.headers, [OPERATOR_PEER_HEADER]: peer }
  return request({
    socketPath,
    method,
    path: url,
    headers,
    agent: false,
    timeout: LONGEST_ANSWER_MS,
  }).once('timeout', function (this: ClientRequest) {
    this.destroy(new Error('a worker did not answer'))
  })
}

function health(status: number, body: object): OwnAnswer {
  return { status, type: 'application/health+json; charset=utf-8', body: JSON.stringify(body) }
}

function plain(status: number, body: string): OwnAnswer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function send(incoming: IncomingMessage, response: ServerResponse, answer: OwnAnswer): void {
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
  })
  response.end(incoming.method === 'HEAD' ? undefined : answer.body)
}
