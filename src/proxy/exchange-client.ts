import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BearerToken } from '../domain/bearer-credential.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import type { Entrance } from '../http/entrance.ts'

/** Who asks, and with whose authority. */
export interface ExchangeClient {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly entrance: Entrance
  readonly session: LiveSession | undefined
  readonly bearer: BearerToken | undefined
}
