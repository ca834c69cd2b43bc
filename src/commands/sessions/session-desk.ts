import type { Parameters } from '../../server/operator-parameters.ts'
import type { SessionRow } from '../../server/session-row.ts'

/** Where an operator's sessions are: at a running gateway, or in the store it would use. */
export interface SessionDesk {
  /** Each perhaps more than once. @throws SessionDeskError */
  list(whose: Parameters): AsyncIterable<SessionRow>
  /** Answers how many ended. @throws SessionDeskError */
  end(whose: Parameters): Promise<number>
  close(): Promise<void>
}

/** The sessions cannot be reached; the message says in one line why. */
export class SessionDeskError extends Error {
  override readonly name = 'SessionDeskError'
}
