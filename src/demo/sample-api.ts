import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { PAGE_HEADERS } from './demo-page.ts'
import { decodedToken } from './decoded-token.ts'
import { accountPage } from './sample-account-page.ts'
import { HOME_SCRIPT, homePage } from './sample-home-page.ts'

const TICK_MS = 1_000

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['/', home],
  ['/account', account],
  ['/assets/demo.js', script],
  ['/api/me', whoAmI],
  ['/api/ticks', ticks],
])

/**
 * Turns an idle server into a backend without a line of authentication code: it answers with what it
 * received, and believes the gateway. Only for a place that nobody but the gateway can reach.
 */
export function serveSampleApi(server: Server): void {
  server.on('request', (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const answer = ANSWERS.get(path) ?? echo
    Promise.resolve(answer(request, response)).catch(() => response.destroy())
  })
}

function home(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, PAGE_HEADERS).end(homePage(whoIs(request)?.subject))
}

function account(request: IncomingMessage, response: ServerResponse): void {
  const token = decodedToken(request.headers.authorization)
  // No Cache-Control of its own: what keeps this page out of caches is the gateway.
  const { 'cache-control': _, ...headers } = PAGE_HEADERS
  response.writeHead(200, headers).end(accountPage(request.headers['x-user'], token?.claims ?? {}))
}

function script(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(HOME_SCRIPT)
}

function whoAmI(request: IncomingMessage, response: ServerResponse): void {
  const who = whoIs(request)
  if (who === undefined) {
    sendJson(response, 401, { error: 'no bearer token arrived' })
    return
  }
  sendJson(response, 200, who)
}

/** An event stream, one tick a second, until somebody hangs up. */
function ticks(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let count = 0
  const timer = setInterval(() => response.write(`data: tick ${++count}\n\n`), TICK_MS)
  response.on('close', () => clearInterval(timer))
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bodyBytes = 0
  for await (const chunk of request) bodyBytes += (chunk as Buffer).length
  sendJson(response, 200, {
    method: request.method,
    target: request.url,
    token: decodedToken(request.headers.authorization),
    headers: { ...request.headers, authorization: shortened(request.headers.authorization) },
    bodyBytes,
  })
}

function whoIs(
  request: IncomingMessage,
): { subject: string; email?: string; scope?: string } | undefined {
  const claims = decodedToken(request.headers.authorization)?.claims
  if (typeof claims?.['sub'] !== 'string') return undefined
  const email = request.headers['x-user']
  const { scope } = claims
  return {
    subject: claims['sub'],
    ...(typeof email === 'string' && { email }),
    ...(typeof scope === 'string' && { scope }),
  }
}

/** The page that shows it is in a browser: there a token must never arrive whole. */
function shortened(authorization: string | undefined): string | undefined {
  return authorization?.replace(/^(Bearer .{12}).*$/, '$1… (shortened)')
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(`${JSON.stringify(value, undefined, 2)}\n`)
}
