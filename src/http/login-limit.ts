import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { entranceOf } from './entrance.ts'

export interface LoginLimitOptions {
  /** Logins one address may start, and callbacks it may bring, within `windowMs`; 0: any number. */
  readonly perAddress: number
  /** Logins all addresses together may start within `windowMs`; 0: any number. */
  readonly total: number
  readonly windowMs: number
}

/** Holds back floods of logins (STANDARDS RL-4, AT-21, AT-22). */
export interface LoginLimit {
  /** Counts a login about to start; the seconds to wait when it must not, else 0. */
  start(request: FastifyRequest): Promise<number>
  /** The same for a callback, before anything in it is read. */
  callback(request: FastifyRequest): Promise<number>
}

type Counter = (request: FastifyRequest) => Promise<number>

/**
 * Counters in this process, for the 5,000 addresses seen last (the library's bound), by the address behind trusted proxies, an IPv6 network (/64) counting as one. Callbacks have
 * no common limit: junk from many places must not keep those out who are just coming back.
 */
export async function createLoginLimit(
  app: FastifyInstance,
  { perAddress, total, windowMs }: LoginLimitOptions,
): Promise<LoginLimit> {
  let counters: Pick<FastifyInstance, 'createRateLimit'> | undefined
  await app.register(async (scope) => {
    await scope.register(rateLimit, { global: false, timeWindow: windowMs })
    counters = scope
  })
  if (counters === undefined) throw new Error('the rate limit plugin was not loaded')
  const startsOfAddress = counter(counters, perAddress, addressOf)
  const allStarts = counter(counters, total, () => 'all')
  return {
    start: async (request) => (await startsOfAddress(request)) || (await allStarts(request)),
    callback: counter(counters, perAddress, addressOf),
  }
}

function counter(
  { createRateLimit }: Pick<FastifyInstance, 'createRateLimit'>,
  max: number,
  keyGenerator: (request: FastifyRequest) => string,
): Counter {
  if (max === 0) return async () => 0
  const count = createRateLimit({ max, keyGenerator })
  return async (request) => {
    const limit = await count(request)
    return !limit.isAllowed && limit.isExceeded ? Math.max(1, limit.ttlInSeconds) : 0
  }
}

function addressOf(request: FastifyRequest): string {
  return rateLimit.normalizeIP(entranceOf(request.raw).clientAddress)
}
