import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Reason } from '../domain/reason.ts'
import { refuse, type RefusalExtra } from '../http/refusal.ts'
import { announcedBodyBytes } from './message-body.ts'

const WORTH_READING_BYTES = 65_536 // cheaper to read and forget than to make the client connect again

/** Refuses a proxied request. A large unread body ends the connection with the answer (RFC 9112 §9.3). */
export function turnAway(
  request: FastifyRequest,
  reply: FastifyReply,
  reason: Reason,
  extra: RefusalExtra = {},
): void {
  void refuse(request, reply, reason, {
    ...extra,
    ...(leavesMuchUnread(request) ? { headers: { connection: 'close' } } : {}),
  })
}

function leavesMuchUnread({ raw }: FastifyRequest): boolean {
  const bytes = announcedBodyBytes(raw)
  if (bytes === undefined || raw.complete) return false
  return bytes === 'chunked' || bytes > WORTH_READING_BYTES || raw.headers.expect !== undefined
}
