import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { RedisConnection } from './redis-connection.ts'
import type { RedisKeys } from './redis-keys.ts'
import { parseMessage, type RedisMessage } from './redis-message.ts'

/** What replicas tell each other, and whether it all arrives. */
export interface RedisChannel {
  /** True while everything that was published up to `LIVE_FOR_MS` ago has been heard. */
  isLive(): boolean
  close(): void
}

export interface RedisChannelOptions {
  readonly connection: Pick<RedisConnection, 'newSubscriber' | 'masters' | 'onReady'>
  readonly keys: RedisKeys
  readonly onMessage: (message: RedisMessage) => void
  /** Messages may have been missed: called when it is noticed, and again before the channel is live. */
  readonly onGap: () => void
}

const BEAT_MS = 500
const LIVE_FOR_MS = 1_500 // two beats may be late; a logout elsewhere is unheard for no longer than this
const HOPELESS_MS = 2_500 // a subscription without proof for so long is given up for a new one

interface Subscription {
  readonly redis: Redis
  /** When it was opened, or last proved itself. */
  aliveAtMs: number
  isConfirmed: boolean
}

/**
 * A subscription that proves itself: every half second a heartbeat goes out through each server
 * that scripts run on, and the channel is live only while they come back. A frozen server, a
 * half-open socket and a replica that was cut off are noticed alike; a closed socket at once.
 */
export function createRedisChannel(options: RedisChannelOptions): RedisChannel {
  const { connection, keys, onMessage, onGap } = options
  const heartbeat = keys.heartbeat(randomUUID())
  const beats = createBeats()
  let subscription: Subscription | undefined
  let liveUntilMs: number | undefined
  const timer = setInterval(tick, BEAT_MS)
  connection.onReady(tick) // nodes of a Cluster are known only now
  tick()

  function isLive(): boolean {
    return liveUntilMs !== undefined && performance.now() < liveUntilMs
  }

  function proved(sentAtMs: number): void {
    if (!isLive()) onGap() // before anybody trusts again what was held during the gap
    liveUntilMs = sentAtMs + LIVE_FOR_MS
    if (subscription !== undefined) subscription.aliveAtMs = performance.now()
  }

  function dead(): void {
    if (liveUntilMs === undefined) return
    liveUntilMs = undefined
    onGap()
  }

  function tick(): void {
    if (!isLive()) dead()
    if (subscription === undefined) open()
    else if (performance.now() - subscription.aliveAtMs > HOPELESS_MS)
      subscription.redis.disconnect()
    else if (subscription.isConfirmed) beat()
  }

  function open(): void {
    const redis = connection.newSubscriber()
    if (redis === undefined) return
    const opened: Subscription = { redis, aliveAtMs: performance.now(), isConfirmed: false }
    subscription = opened
    redis.on('error', () => {}) // the client for commands reports the same trouble
    redis.on('message', heard)
    redis.once('close', () => lost(opened))
    redis.once('end', () => lost(opened))
    void subscribe(opened)
  }

  async function subscribe(opened: Subscription): Promise<void> {
    try {
      await opened.redis.connect()
      await opened.redis.subscribe(keys.changes, heartbeat)
      opened.isConfirmed = true
      beat()
    } catch {
      opened.redis.disconnect() // the next tick tries again
      lost(opened)
    }
  }

  function lost(which: Subscription): void {
    if (subscription !== which) return
    subscription = undefined
    beats.forget()
    dead()
  }

  function beat(): void {
    const masters = connection.masters()
    for (const [at, text] of beats.next(masters.length).entries()) {
      masters[at]?.publish(heartbeat, text).catch(() => {}) // a beat that does not come back says it all
    }
  }

  function heard(channel: string, text: string): void {
    if (channel === heartbeat) {
      const sentAtMs = beats.cameBack(text)
      if (sentAtMs !== undefined) proved(sentAtMs)
      return
    }
    const message = parseMessage(text)
    if (message !== undefined) onMessage(message)
  }

  return {
    isLive,
    close() {
      clearInterval(timer)
      const last = subscription
      subscription = undefined
      liveUntilMs = undefined
      last?.redis.disconnect()
    },
  }
}

/** One round of heartbeats at a time: it proves something when all of it came back. */
function createBeats() {
  let round = 0
  let sentAtMs = 0
  let missing = new Set<string>()
  return {
    next(count: number): string[] {
      round += 1
      sentAtMs = performance.now()
      const texts = Array.from({ length: count }, (_, at) => `${round}.${at}`)
      missing = new Set(texts)
      return texts
    },
    cameBack(text: string): number | undefined {
      return missing.delete(text) && missing.size === 0 ? sentAtMs : undefined
    },
    forget(): void {
      missing.clear()
    },
  }
}
