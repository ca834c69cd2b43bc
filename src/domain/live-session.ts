import type { SessionRecord, Ticket } from './session-record.ts'

/** One session as a request sees it. */
export interface LiveSession {
  readonly ticket: Ticket
  /** Its name in the store: safe to log, useless to a thief. */
  readonly key: string
  readonly version: number
  readonly record: SessionRecord
  /** Epoch milliseconds; moves with use. */
  readonly idleEndsAtMs: number
}
