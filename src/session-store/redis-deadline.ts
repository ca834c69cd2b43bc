import { Cluster } from 'ioredis'
import { within } from '../domain/deadline.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { RedisClient } from './redis-connection.ts'

/** Asks Redis, within a deadline. @throws GatewayError store_unavailable: whatever went wrong */
export type AskRedis = <Answer>(ask: (client: RedisClient) => Promise<Answer>) => Promise<Answer>

const LONGEST_MS = 900 // 503 within a second (SE-17)
const REDIRECTIONS_MS = 300 // a Cluster may send a command to another node

/**
 * Bounds what ioredis leaves open: redirections, commands resent after a reconnect, and the attempt
 * to connect that commands wait for. Its own `commandTimeout` would blame Redis for answers that
 * this process had no time to read.
 */
export function createAskRedis(client: RedisClient, commandTimeoutMs: number): AskRedis {
  const redirectionsMs = client.isCluster ? REDIRECTIONS_MS : 0
  const deadlineMs = Math.min(LONGEST_MS, commandTimeoutMs + redirectionsMs)
  const attempts = watchAttempts(client)

  async function connected<Answer>(ask: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    await attempts.worthWaitingFor()
    if (!isOpen(client)) throw new Error('there is no connection', { cause: attempts.trouble() })
    return ask(client)
  }

  return async (ask) => {
    try {
      return await within(deadlineMs, isOpen(client) ? ask(client) : connected(ask))
    } catch (cause) {
      throw new GatewayError('store_unavailable', 'Redis gave no usable answer', { cause })
    }
  }
}

/** A client counts as ready until its socket is closed, but the other end may have closed before. */
function isOpen(client: RedisClient): boolean {
  return client.status === 'ready' && (client instanceof Cluster || client.stream.writable)
}

interface Attempts {
  /** The attempt to connect that is under way, if commands should wait for it. */
  worthWaitingFor(): Promise<void> | undefined
  /** What the last one failed of. */
  trouble(): unknown
}

/**
 * Worth waiting for are the first attempt to connect, and the first one after a connection broke.
 * While Redis stays away, nobody waits for any other.
 */
function watchAttempts(client: RedisClient): Attempts {
  let attempt: Promise<void> | undefined
  let settle = (): void => {}
  let wasReady = false
  let trouble: unknown

  function begin(): void {
    attempt ??= new Promise((resolve) => (settle = resolve))
  }

  function end(): void {
    settle()
    attempt = undefined
  }

  begin()
  client.on('ready', () => {
    wasReady = true
    end()
  })
  client.on('error', (cause: unknown) => {
    trouble = cause
    if (!wasReady) end()
  })
  client.on('end', end)
  client.on('close', () => {
    if (wasReady) begin()
    else end()
    wasReady = false
  })
  return {
    trouble: () => trouble,
    worthWaitingFor() {
      if (wasReady) begin() // half closed: its close comes next
      return attempt
    },
  }
}
