import type { ListedSession, SessionPage, SessionStore } from '../domain/session-store.ts'
import type { AskRedis } from './redis-deadline.ts'
import type { RedisIndex } from './redis-index.ts'
import type { RedisKeys } from './redis-keys.ts'
import { decodeSession, HEADER_BYTES, overBy } from './redis-record.ts'

export interface RedisListingParts {
  readonly ask: AskRedis
  readonly keys: RedisKeys
  readonly index: RedisIndex
  readonly nowMs: () => number
}

const SHARDS = 256 // up to 30,000 sessions, Redis keeps them in its compact form: 40 bytes each instead of 130

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

/** A session that is no more, and will never be again. */
interface Over {
  readonly over: string
}

type Seen = ListedSession | Over | undefined

/** Pages through an index, or through all shards one after the other; the cursor is the shard and Redis' own. What is over leaves the index. */
export function createRedisListing(parts: RedisListingParts): SessionStore['list'] {
  const { ask, keys, index, nowMs } = parts

  async function scan(indexKey: string, cursor: string, limit: number) {
    const [next, found] = await ask((redis) =>
      redis.zscan(keys.index(indexKey), cursor, 'COUNT', limit),
    )
    const members = found.filter((_, at) => at % 2 === 0) // the others are their scores
    const seen = await Promise.all([...new Set(members)].map(look))
    await index.remove(
      indexKey,
      seen.filter(isOver).map(({ over }) => over),
    )
    return { next, sessions: seen.filter(isListed) }
  }

  async function look(key: string): Promise<Seen> {
    const session = await stored(key)
    if (session === undefined) return (await isPast(key)) ? { over: key } : undefined
    if (overBy(session, nowMs()) !== undefined) return undefined
    return { key, idleEndsAtMs: session.idleEndsAtMs, endsAtMs: session.endsAtMs }
  }

  /** The key of its end comes with a session and stays longer: without it, one may be filed and about to be stored. */
  async function isPast(key: string): Promise<boolean> {
    const end = await ask((redis) => redis.get(keys.end(key)))
    return end !== null && (await stored(key)) === undefined
  }

  async function stored(key: string) {
    return decodeSession(
      await ask((redis) => redis.getrangeBuffer(keys.session(key), 0, HEADER_BYTES - 1)),
    )
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

function isOver(seen: Seen): seen is Over {
  return seen !== undefined && 'over' in seen
}

function isListed(seen: Seen): seen is ListedSession {
  return seen !== undefined && 'key' in seen
}
