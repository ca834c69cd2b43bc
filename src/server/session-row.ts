import type { OperatorSession } from '../domain/session-operations.ts'

/** A session in JSON, under the names of `GET /oauth2/session`; times in ISO 8601. */
export interface SessionRow {
  readonly key: string
  readonly created_at: string
  readonly timeout_at: string
  readonly ends_at: string
}

/** What operators are shown of a session. */
export function sessionRow({
  key,
  createdAtMs,
  idleEndsAtMs,
  endsAtMs,
}: OperatorSession): SessionRow {
  return {
    key,
    created_at: timestamp(createdAtMs),
    timeout_at: timestamp(idleEndsAtMs),
    ends_at: timestamp(endsAtMs),
  }
}

function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
