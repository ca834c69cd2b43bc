import { GatewayError } from '../domain/gateway-error.ts'
import type { RedisClient } from './redis-connection.ts'

/** Asks Redis, within a deadline. @throws GatewayError store_unavailable: whatever went wrong */
export type AskRedis = <Answer>(ask: (client: RedisClient) => Promise<Answer>) => Promise<Answer>

const LONGEST_MS = 900 // 503 within a second (SE-17)
const REDIRECTIONS_MS = 300 // a Cluster may send a command to another node

/**
 * Bounds what ioredis leaves open: redirections, commands resent after a reconnect, and the moments
 * after the start, when a command waits for the first connection instead of failing.
 */
export function createAskRedis(client: RedisClient, commandTimeoutMs: number): AskRedis {
  const deadlineMs = Math.min(LONGEST_MS, commandTimeoutMs + REDIRECTIONS_MS)
  const tried = firstAttempt(client)
  let isTried = false
  void tried.then(() => (isTried = true))
  return async (ask) => {
    try {
      const answer = isTried ? ask(client) : tried.then(() => ask(client))
      return await within(deadlineMs, answer)
    } catch (cause) {
      throw new GatewayError('store_unavailable', 'Redis gave no usable answer', { cause })
    }
  }
}

function firstAttempt(client: RedisClient): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise((resolve) => {
    for (const event of ['ready', 'error', 'close', 'end']) client.once(event, () => resolve())
  })
}

function within<Answer>(deadlineMs: number, answer: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}
