import type { ListedSession, SessionPage, SessionStore } from '../domain/session-store.ts'
import type { AskRedis } from './redis-deadline.ts'
import type { RedisKeys } from './redis-keys.ts'
import { decodeSession, HEADER_BYTES, overBy } from './redis-record.ts'

export interface RedisListingParts {
  readonly ask: AskRedis
  readonly keys: RedisKeys
  readonly nowMs: () => number
}

const SHARDS = 64

/**
 * Under which index key a session is filed beside its own, so that all can be listed: in shards,
 * which spread over the nodes of a Cluster, and without SCAN, which would show our ACL user the names
 * of everybody's keys.
 */
export function shardOf(key: string): string {
  let sum = 0
  for (let at = 0; at < key.length; at++) sum += key.charCodeAt(at)
  return shardName(sum % SHARDS)
}

function shardName(shard: number): string {
  return `all:${shard}`
}

/** Pages through an index, or through all shards one after the other; the cursor is the shard and Redis' own. */
export function createRedisListing(parts: RedisListingParts): SessionStore['list'] {
  const { ask, keys, nowMs } = parts

  async function scan(indexKey: string, cursor: string, limit: number) {
    const [next, found] = await ask((redis) =>
      redis.zscan(keys.index(indexKey), cursor, 'COUNT', limit),
    )
    const members = found.filter((_, at) => at % 2 === 0) // the others are their scores
    const sessions = await Promise.all([...new Set(members)].map(look))
    return { next, sessions: sessions.filter((session) => session !== undefined) }
  }

  async function look(key: string): Promise<ListedSession | undefined> {
    const header = await ask((redis) =>
      redis.getrangeBuffer(keys.session(key), 0, HEADER_BYTES - 1),
    )
    const session = decodeSession(header)
    if (session === undefined || overBy(session, nowMs()) !== undefined) return undefined
    return { key, idleEndsAtMs: session.idleEndsAtMs, endsAtMs: session.endsAtMs }
  }

  async function pageOfAll(from: string, limit: number): Promise<SessionPage> {
    const [shardText = '0', startCursor = '0'] = from.split('.')
    const sessions: ListedSession[] = []
    let cursor = startCursor
    for (let shard = Number(shardText); shard < SHARDS; shard += cursor === '0' ? 1 : 0) {
      if (sessions.length >= limit) return { sessions, cursor: `${shard}.${cursor}` }
      const page = await scan(shardName(shard), cursor, limit)
      sessions.push(...page.sessions)
      cursor = page.next
    }
    return { sessions }
  }

  return async ({ indexKey, cursor = '0', limit }) => {
    if (indexKey === undefined) return pageOfAll(cursor, limit)
    const { next, sessions } = await scan(indexKey, cursor, limit)
    return { sessions, ...(next === '0' ? {} : { cursor: next }) }
  }
}
