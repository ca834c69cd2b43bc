import type { RequestFinished } from '../domain/events.ts'
import type { Reason } from '../domain/reason.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import { elapsedMs, type Entrance } from '../http/entrance.ts'

/** How a request that left the framework's hands ended, when not in good order. */
export interface Mishap {
  readonly reason?: Reason
  readonly clientLeft?: true
  readonly cause?: unknown
}

/** The event while it is being put together. */
export type FinishedEvent = { -readonly [Field in keyof RequestFinished]: RequestFinished[Field] }

/**
 * The event that ends the story of one request; its access line and metrics come from here. `status` is 0 when the client
 * left before one was sent. What else is known the caller adds: spreading optional fields costs more than the line.
 */
export function finishedEvent(
  entrance: Entrance,
  session: LiveSession | undefined,
  status: number,
): FinishedEvent {
  const event: FinishedEvent = {
    type: 'request_finished',
    requestId: entrance.requestId,
    clientAddress: entrance.clientAddress,
    method: entrance.method,
    path: entrance.target?.path ?? '',
    host: entrance.host,
    routeId: entrance.route?.id,
    status,
    durationMs: elapsedMs(entrance),
  }
  if (session !== undefined) {
    event.subject = session.record.subject
    event.issuer = session.record.issuer
  }
  return event
}
