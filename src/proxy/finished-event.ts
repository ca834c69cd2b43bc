import type { RequestFinished } from '../domain/events.ts'
import type { Reason } from '../domain/reason.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import { elapsedMs, type Entrance } from '../http/entrance.ts'

/** How a request that left the framework's hands ended. */
export interface Outcome {
  /** 0 when the client left before a status was sent. */
  readonly status: number
  readonly upstreamMs?: number
  readonly reason?: Reason
  readonly clientLeft?: true
  readonly cause?: unknown
}

/** The event that ends the story of one request; its access line and metrics come from here. */
export function finishedEvent(
  entrance: Entrance,
  session: LiveSession | undefined,
  outcome: Outcome,
): RequestFinished {
  return {
    type: 'request_finished',
    requestId: entrance.requestId,
    clientAddress: entrance.clientAddress,
    method: entrance.method,
    path: entrance.target?.path ?? '',
    host: entrance.host,
    routeId: entrance.route?.id,
    durationMs: elapsedMs(entrance),
    ...(session === undefined ? {} : { subject: session.record.subject }),
    ...outcome,
  }
}
