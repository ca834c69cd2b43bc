import type { ListedSession, SessionStore } from '../domain/session-store.ts'
import { limitReached } from '../domain/session-lifecycle.ts'
import type { FileDatabase } from './file-database.ts'
import { decodeFiled } from './file-record.ts'

const AFTER_ALL = '\uffff'

/** Pages through sessions in the order of their keys; the cursor is the last key seen. */
export function createFileListing(
  database: FileDatabase,
  nowMs: () => number,
): SessionStore['list'] {
  const { sessions, filed } = database

  function look(key: string): ListedSession | undefined {
    const found = database.look(sessions, key)
    const session = found === undefined ? undefined : decodeFiled(found.value)
    if (session === undefined || limitReached(session, nowMs()) !== undefined) return undefined
    return { key, idleEndsAtMs: session.idleEndsAtMs, endsAtMs: session.endsAtMs }
  }

  function keysAfter(indexKey: string | undefined, cursor: string | undefined, limit: number) {
    const after = cursor === undefined ? '' : `${cursor}\u0001` // right behind it
    if (indexKey === undefined) {
      return database.keys<string>(sessions, { ...(after === '' ? {} : { start: after }), limit })
    }
    const range = { start: [indexKey, after], end: [indexKey, AFTER_ALL], limit }
    return database.keys<[string, string]>(filed, range).map(([, key]) => key)
  }

  return async ({ indexKey, cursor, limit }) => {
    const keys = keysAfter(indexKey, cursor, limit)
    const last = keys.length < limit ? undefined : keys.at(-1)
    return {
      sessions: keys.map(look).filter((session) => session !== undefined),
      ...(last === undefined ? {} : { cursor: last }),
    }
  }
}
