import type { SessionEnd } from '../domain/session-record.ts'
import type { NewStoredSession, SessionChange, SessionStore } from '../domain/session-store.ts'
import { createRedisChannel } from './redis-channel.ts'
import { connectRedis } from './redis-connection.ts'
import { createAskRedis } from './redis-deadline.ts'
import { evictionPolicy } from './redis-eviction.ts'
import { createRedisIndex, type IndexedSession } from './redis-index.ts'
import { redisKeys } from './redis-keys.ts'
import { createRedisListing, shardOf } from './redis-listing.ts'
import { createRedisLocks } from './redis-lock.ts'
import { endedMessage, replacedMessage, type RedisMessage } from './redis-message.ts'
import type { RedisOptions } from './redis-options.ts'
import {
  decodeEnd,
  decodeSession,
  encodeSession,
  overBy,
  timeText,
  versionText,
} from './redis-record.ts'

export interface RedisSessionStoreOptions extends RedisOptions {
  readonly nowMs: () => number
  /** Most sessions under one index key (`sid`, subject); the one nearest its end gives way. Default 10000. */
  readonly mostPerIndex?: number
  /** Hears of every connection that failed: for the log. */
  readonly onTrouble?: (cause: unknown) => void
  /** Told once when a server may throw sessions away, and by which policy: that signs users out without a word. */
  readonly onEviction?: (policy: string) => void
}

const REASON_MS = 15 * 60_000 // long enough for a page left open to be told why it must sign in again
const PING_MS = 1_000
const MOST_PER_INDEX = 10_000
const ENDED_AT_ONCE = 100 // scripts under way together while a whole index is ended

/**
 * Sessions shared by all replicas, in Redis or Valkey: one server, Sentinel or Cluster. Connects in
 * the background, for ever; while there is no connection everything fails with `store_unavailable`.
 */
export function createRedisSessionStore(options: RedisSessionStoreOptions): SessionStore {
  const { mostPerIndex = MOST_PER_INDEX, onTrouble = () => {} } = options
  let { onEviction } = options
  const nowMs = () => Math.trunc(options.nowMs()) // Redis counts whole milliseconds
  const keys = redisKeys(options.keyPrefix)
  const connection = connectRedis(options, onTrouble)
  connection.onReady(() => void lookForEviction())
  const ask = createAskRedis(connection.client, options.commandTimeoutMs)
  const index = createRedisIndex({ ask, keys, nowMs })
  const listeners = new Set<(change: SessionChange) => void>()
  const channel = createRedisChannel({ connection, keys, onMessage, onGap })
  const {
    released,
    releasedPerhaps,
    close: closeLocks,
    ...locks
  } = createRedisLocks({
    ask,
    keys,
    isLive: channel.isLive,
  })

  async function lookForEviction(): Promise<void> {
    const policies = await Promise.all(connection.masters().map(evictionPolicy))
    const policy = policies.find((one) => one !== undefined)
    if (policy === undefined) return
    onEviction?.(policy)
    onEviction = undefined
  }

  function tell(change: SessionChange): void {
    for (const listener of listeners) listener(change)
  }

  function onMessage(message: RedisMessage): void {
    if (message.kind === 'unlocked') released(message.key)
    else tell(message)
  }

  function onGap(): void {
    releasedPerhaps()
    tell({ kind: 'missed' })
  }

  async function finish(key: string, reason: SessionEnd, when: 'alive' | 'always') {
    const message = endedMessage(key, reason)
    const rest = [reason, REASON_MS, keys.changes, message, when === 'always' ? 1 : 0]
    const wasAlive = await ask((redis) =>
      redis.bearergateFinish(keys.session(key), keys.end(key), ...rest),
    )
    return wasAlive === 1
  }

  /**
   * Filed first, stored second: what is stored can always be found, and who ends everything under
   * an index key also stops a session that is filed but not yet stored (LO-9).
   */
  async function create({ key, sealed, idleEndsAtMs, endsAtMs, indexKeys }: NewStoredSession) {
    const leftMs = Math.trunc(idleEndsAtMs) - nowMs()
    if (leftMs <= 0) return
    const gaveWay = await file({ key, endsAtMs: Math.trunc(endsAtMs) }, indexKeys)
    const value = encodeSession({ idleEndsAtMs, endsAtMs }, sealed)
    const rest = [value, leftMs, Math.trunc(endsAtMs), leftMs + REASON_MS]
    await ask((redis) => redis.bearergateCreate(keys.session(key), keys.end(key), ...rest))
    await Promise.all(gaveWay.map((other) => finish(other, 'session_revoked', 'alive')))
  }

  async function file(session: IndexedSession, indexKeys: readonly string[]): Promise<string[]> {
    const [, ...gaveWay] = await Promise.all([
      index.add(shardOf(session.key), session, Number.MAX_SAFE_INTEGER),
      ...indexKeys.map((indexKey) => index.add(indexKey, session, mostPerIndex)),
    ])
    return gaveWay.flat()
  }

  async function read(key: string) {
    const [stored, end] = await ask((redis) => redis.mgetBuffer(keys.session(key), keys.end(key)))
    const session = stored ? decodeSession(stored) : undefined
    if (session !== undefined) return overBy(session, nowMs()) ?? session
    return end ? decodeEnd(end, nowMs()) : undefined
  }

  async function endByIndex(indexKey: string, reason: SessionEnd): Promise<string[]> {
    const filed = await index.keys(indexKey)
    const ended: string[] = []
    for (let at = 0; at < filed.length; at += ENDED_AT_ONCE) {
      const some = filed.slice(at, at + ENDED_AT_ONCE)
      const wereAlive = await Promise.all(some.map((key) => finish(key, reason, 'always')))
      ended.push(...some.filter((_, nth) => wereAlive[nth]))
      await index.remove(indexKey, some)
    }
    return ended
  }

  return {
    ...locks,
    create,
    read,
    endByIndex,
    list: createRedisListing({ ask, keys, index, nowMs }),
    async compareAndSet(key, expectedVersion, sealed) {
      const next = expectedVersion + 1
      const versions = [versionText(expectedVersion), versionText(next)]
      const message = replacedMessage(key, next)
      const rest = [...versions, asBuffer(sealed), keys.changes, message]
      return (await ask((redis) => redis.bearergateReplace(keys.session(key), ...rest))) === 1
    },
    async touch(key, idleEndsAtMs) {
      const rest = [timeText(idleEndsAtMs), nowMs(), REASON_MS]
      const moved = await ask((redis) =>
        redis.bearergateTouch(keys.session(key), keys.end(key), ...rest),
      )
      return moved === 1
    },
    end: (key, reason) => finish(key, reason, 'alive'),
    async consumeOnce(key, ttlMs) {
      const taken = await ask((redis) => redis.set(keys.once(key), '', 'PX', ttlMs, 'NX'))
      return taken === 'OK'
    },
    async remember(key, note, ttlMs) {
      await ask((redis) => redis.set(keys.note(key), note, 'PX', ttlMs))
    },
    async recall(key) {
      return (await ask((redis) => redis.get(keys.note(key)))) ?? undefined
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    watchIsLive: channel.isLive,
    async ping() {
      // A write: a replica, a full disk or full memory would still answer a read.
      await ask((redis) => redis.set(keys.once('ping'), '', 'PX', PING_MS))
    },
    count: async () => undefined, // Redis knows only how many keys there are, of everybody
    storedBytes: async () => undefined,
    async close() {
      closeLocks()
      channel.close()
      connection.close()
    },
  }
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length)
}
