import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { OPERATOR_PEER_HEADER } from '../server/operator-peer.ts'
import type { WorkerPlace } from './worker-set.ts'

export interface WorkersAdminOptions {
  readonly places: readonly WorkerPlace[]
  readonly metrics: { readonly contentType: string; readonly render: () => Promise<string> }
  readonly shuttingDown: () => boolean
}

const ASK_MS = 2_000

/**
 * The operators' listener for all workers: `/livez` of the main process, `/readyz` and `/metrics` of
 * all of them; everything else is the same from each, and one that is ready answers it.
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
    if (answer === undefined) return passOn(options.places, incoming, response)
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

/** Ready while one of them is: those that are not are listed with the checks they fail. */
async function readiness({ places, shuttingDown }: WorkersAdminOptions): Promise<OwnAnswer> {
  const found = await Promise.all(
    places.map(async (place) => ({ place, fails: await fails(place) })),
  )
  const checks = found.map(({ place, fails }) => [
    `worker:${place.number}`,
    [fails === '' ? { status: 'pass' } : { status: 'fail', output: fails }],
  ])
  const ready = !shuttingDown() && found.some((one) => one.fails === '')
  const status = ready ? 'pass' : 'fail'
  const accepting = [{ status: shuttingDown() ? 'fail' : 'pass' }]
  return health(ready ? 200 : 503, {
    status,
    checks: { accepting, ...Object.fromEntries(checks) },
  })
}

/** The checks a worker fails, comma-separated. */
async function fails(place: WorkerPlace): Promise<string> {
  if (!place.isListening()) return 'not running'
  try {
    const { checks } = JSON.parse(await read(place.adminSocket, '/readyz')) as {
      checks: Record<string, { status: string }[]>
    }
    const failing = Object.entries(checks).filter(([, [check]]) => check?.status !== 'pass')
    return failing.map(([name]) => name).join(', ')
  } catch {
    return 'no answer'
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

function passOn(
  places: readonly WorkerPlace[],
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const place = places.find((one) => one.isListening())
  const unavailable = () => {
    if (response.headersSent) return response.destroy()
    send(incoming, response, plain(503, 'No worker answers at the moment.\n'))
  }
  if (place === undefined) return void unavailable()
  const { method, url, socket } = incoming
  const headers = { ...incoming.headers, [OPERATOR_PEER_HEADER]: socket.remoteAddress ?? '' }
  const { adminSocket: socketPath } = place
  const asking = request({ socketPath, method, path: url, headers, agent: false })
  asking.once('error', unavailable).once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  incoming.pipe(asking)
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
