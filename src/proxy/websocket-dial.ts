import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Route } from '../domain/route.ts'
import { hostOf } from './upstream-pool.ts'

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
  const host = hostOf(upstream)
  const request = (url.protocol === 'https:' ? https : http).request({
    host,
    servername: isIP(host) === 0 ? host : '', // Node might take the Host header for it
    ...(url.port === '' ? {} : { port: url.port }),
    ...(upstream.socketPath === undefined ? {} : { socketPath: upstream.socketPath }),
    ...(upstream.certificateAuthority === undefined ? {} : { ca: upstream.certificateAuthority }),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
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
