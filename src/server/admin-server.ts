import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import { plain, type Answer, type Page } from './admin-answer.ts'
import { operatorSessionPages, type OperatorSessionsOptions } from './operator-sessions.ts'
import type { Readiness } from './readiness.ts'
import { statusPage, type GatewayStatus } from './status-page.ts'

export interface AdminServerOptions {
  readonly readiness: () => Promise<Readiness>
  readonly metrics: { readonly contentType: string; readonly render: () => Promise<string> }
  readonly status: () => Promise<GatewayStatus>
  readonly sessions: OperatorSessionsOptions
}

/**
 * The operators' listener: `/livez`, `/readyz`, `/metrics`, a status page, and the sessions, by exact
 * path. Nothing here exists on the public port (OB-1, AT-41). Whoever reaches it may end sessions.
 */
export function createAdminServer(options: AdminServerOptions): Server {
  const pages: Record<string, Page> = {
    '/livez': readOnly(async () => health(200, { status: 'pass' })),
    '/readyz': readOnly(async () => readyAnswer(await options.readiness())),
    '/metrics': readOnly(async () => metricsAnswer(options.metrics)),
    '/': readOnly(async () => statusAnswer(await options.status())),
    ...operatorSessionPages(options.sessions),
  }
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 })
  server.maxConnections = 256
  server.on('request', (request, response) => {
    answer(pages, request).then(
      (result) => send(request, response, result),
      () => send(request, response, plain(500, 'The page could not be made; the log says why.\n')),
    )
  })
  return server
}

function readOnly(answer: Page['answer']): Page {
  return { methods: ['GET', 'HEAD'], answer }
}

async function answer(pages: Record<string, Page>, request: IncomingMessage): Promise<Answer> {
  const path = request.url?.split('?', 1)[0] ?? ''
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined
  if (page === undefined)
    return plain(404, 'Here are /livez, /readyz, /metrics, /sessions and /.\n')
  const { methods } = page
  if (methods.includes(request.method ?? '')) return page.answer(request)
  const allowed = methods.join(', ')
  return { ...plain(405, `${allowed} only.\n`), headers: { Allow: allowed } }
}

async function metricsAnswer(metrics: AdminServerOptions['metrics']): Promise<Answer> {
  return { status: 200, type: metrics.contentType, body: await metrics.render() }
}

function send(request: IncomingMessage, response: ServerResponse, answered: Answer): void {
  response.writeHead(answered.status, {
    'Content-Type': answered.type,
    'Content-Length': Buffer.byteLength(answered.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...answered.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : answered.body)
}

function readyAnswer({ ready, checks }: Readiness): Answer {
  const entries = Object.entries(checks).map(([name, ok]) => [name, [{ status: pass(ok) }]])
  return health(ready ? 200 : 503, { status: pass(ready), checks: Object.fromEntries(entries) })
}

function pass(ok: boolean): string {
  return ok ? 'pass' : 'fail'
}

function health(status: number, body: object): Answer {
  return { status, type: 'application/health+json; charset=utf-8', body: JSON.stringify(body) }
}

function statusAnswer(status: GatewayStatus): Answer {
  const { html, style } = statusPage(status)
  const styleHash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  const headers = { 'Content-Security-Policy': policy, 'Referrer-Policy': 'no-referrer' }
  return { status: 200, type: 'text/html; charset=utf-8', body: html, headers }
}
