import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { Route } from '../domain/route.ts'
import { hostOf, upstreamTls } from './upstream-tls.ts'

export interface DialCall {
  readonly route: Route
  readonly path: string
  /** name, value, name, value …, `host` included. */
  readonly headers: readonly string[]
}

export interface DialAnswers {
  /** The upstream has switched protocols, or says so. */
  onSwitched(answer: IncomingMessage, socket: Duplex, head: Buffer): void
  /** The upstream answers with a status instead. */
  onAnswer(answer: IncomingMessage): void
  onError(error: Error): void
}

/**
 * Asks the upstream for a WebSocket on a connection of its own (W1). Returns the request, to be destroyed when the client
 * leaves first. One of the answers is called, once.
 */
export function dialWebSocket(
  { route, path, headers }: DialCall,
  answers: DialAnswers,
): ClientRequest {
  const { upstream, timeouts } = route
  const url = new URL(upstream.origin)
  const request = (url.protocol === 'https:' ? https : http).request({
    host: hostOf(upstream),
    ...upstreamTls(upstream), // Node might take the Host header for the server's name
    ...(url.port === '' ? {} : { port: url.port }),
    ...(upstream.socketPath === undefined ? {} : { socketPath: upstream.socketPath }),
    agent: false,
    method: 'GET',
    path,
    headers: [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket'],
  } as https.RequestOptions)
  let settled = false
  const once = (settle: () => void): void => {
    if (settled) return
    settled = true
    clearTimeout(deadline)
    settle()
  }
  const deadline = setTimeout(() => request.destroy(new HandshakeTimeout()), handshakeMs(timeouts))
  request
    .on('upgrade', (answer, socket, head) => once(() => answers.onSwitched(answer, socket, head)))
    .on('response', (answer) => once(() => answers.onAnswer(answer)))
    .on('error', (error) => once(() => answers.onError(error)))
    .end()
  return request
}

/** The upstream did not answer the handshake in time. */
class HandshakeTimeout extends Error {
  override readonly name = 'HandshakeTimeout'
  readonly code = 'UND_ERR_HEADERS_TIMEOUT' // what undici calls the same failure
}

function handshakeMs({ connectMs, headersMs }: Route['timeouts']): number {
  const NEVER_MS = 2 ** 31 - 1 // 0 means for ever; the longest that timers can do
  return headersMs === 0 ? NEVER_MS : connectMs + headersMs
}
