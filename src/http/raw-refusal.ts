import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import { knownEntrance, type Entrance } from './entrance.ts'
import { problem, refusalHeaders, type RefusalExtra } from './refusal.ts'
import type { IncomingMessage } from 'node:http'

/**
 * Answers with problem JSON on a bare socket and ends it: for CONNECT, refused upgrades and
 * requests that Node's parser gave up on, where no fastify reply exists.
 */
export function refuseSocket(
  socket: Duplex,
  reason: Reason,
  request?: IncomingMessage,
  extra: RefusalExtra = {},
): void {
  const entrance = request === undefined ? undefined : knownEntrance(request)
  if (entrance !== undefined) entrance.reason = reason
  if (!socket.writable) return void socket.destroy()
  const { headers, body } = content(reason, entrance, extra)
  const status: number = STATUS_OF_REASON[reason]
  const lines = Object.entries({ ...headers, connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`)
}

function content(
  reason: Reason,
  entrance: Entrance | undefined,
  extra: RefusalExtra,
): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify(problem(reason, entrance, extra))
  return {
    headers: {
      ...refusalHeaders(reason, entrance, extra),
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}
