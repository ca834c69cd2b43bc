import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import { FORWARDED_METHODS } from '../http/asked-target.ts'
import { problem, refusalHeaders } from '../http/refusal.ts'

const ALLOW = { allow: FORWARDED_METHODS } // RFC 9110 §15.5.6

/** What kind of mistake a client made before there was a request to speak of. */
export function clientErrorReason(error: unknown): Reason | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT') return undefined
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout'
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'body_too_large'
  return 'request_malformed'
}

/**
 * Answers on the bare socket and closes: after broken framing nothing on this connection can be
 * believed (RFC 9112 §2.2). The words are ours, the parser's stay inside.
 */
export function answerClientError(socket: Socket, reason: Reason, requestId: string): void {
  const { status, title, headers, body } = content(reason, requestId)
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${fields.join('')}\r\n${body}`)
}

/** The same answer where the request could be read. */
export function answerRefusal(response: ServerResponse, reason: Reason, requestId: string): void {
  const { status, title, headers, body } = content(reason, requestId)
  response.shouldKeepAlive = false
  response.writeHead(status, title, headers).end(body)
}

function content(reason: Reason, requestId: string) {
  const status = STATUS_OF_REASON[reason]
  const body = JSON.stringify({ ...problem(reason, undefined), request_id: requestId })
  const headers = {
    ...refusalHeaders(reason, undefined, reason === 'method_not_allowed' ? ALLOW : {}),
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    connection: 'close',
  }
  return { status, title: STATUS_CODES[status] ?? '', headers, body }
}
