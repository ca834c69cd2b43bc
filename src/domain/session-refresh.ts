import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import { createLeasedRefresh, type LeasedRefreshParts } from './leased-refresh.ts'
import type { LiveSession } from './live-session.ts'
import { createRefreshBackoff } from './refresh-backoff.ts'
import type { Outcome, SessionCache } from './session-cache.ts'
import { createSessionLane } from './session-lane.ts'
import type { StoreVigil } from './store-vigil.ts'
import { errandName, type TokenErrand, type TokenErrands } from './token-errand.ts'

export interface SessionRefresh {
  /**
   * Joins the errand under way for this token or starts one; waits for it while the store answers (SE-17).
   *
   * @throws GatewayError provider_unavailable, store_unavailable
   * @throws GatewayError token_refused, token_unusable: the provider gives none for this wish
   */
  now(session: LiveSession, errand: TokenErrand): Promise<Outcome>
  /** Starts one unless there is one, or one has just failed. Never throws. */
  inBackground(session: LiveSession, errand: TokenErrand): void
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
}

export interface SessionRefreshParts extends Omit<LeasedRefreshParts, 'goesOn'> {
  readonly cache: SessionCache
  readonly errands: TokenErrands
  readonly vigil: StoreVigil
  readonly cacheEntries: number
  readonly nowMs: () => number
  readonly emit: Emit
}

/**
 * One errand per session at a time, whichever token it is for, as all of them share one refresh token (RT-2, RT-8);
 * detached from whoever asked for it (RT-15), and not repeated by everybody when it has just failed.
 */
export function createSessionRefresh(parts: SessionRefreshParts): SessionRefresh {
  const { cache, errands, vigil } = parts
  const flights = new Map<string, Promise<Outcome>>()
  const unfinished = new Set<Promise<void>>()
  const backoff = createRefreshBackoff(parts.cacheEntries, parts.nowMs)
  const inLane = createSessionLane()
  const refreshUnderLease = createLeasedRefresh({ ...parts, goesOn })

  function goesOn(work: Promise<void>): void {
    const tracked = work.finally(() => unfinished.delete(tracked))
    unfinished.add(tracked)
  }

  function start(session: LiveSession, errand: TokenErrand): Promise<Outcome> {
    const name = errandName(session, errand)
    const flight = inLane(session.key, (failureBefore) =>
      fly(session, errand, failureBefore),
    ).finally(() => flights.delete(name))
    flights.set(name, flight)
    return flight
  }

  async function fly(
    session: LiveSession,
    errand: TokenErrand,
    failureBefore: unknown,
  ): Promise<Outcome> {
    const name = errandName(session, errand)
    try {
      if (isOutage(failureBefore)) throw failureBefore // one deadline for all who wait, not one each
      const outcome = await cache.arriving(session.key, async (arrival) =>
        arrival.settle(await refreshUnderLease(session, errand)),
      )
      if ('ended' in outcome) backoff.forget(name)
      else backoff.succeeded(name)
      return outcome
    } catch (cause) {
      const error = gatewayError(cause)
      errands.tellFailure(session.record, errand, error)
      backoff.failed(name, error)
      throw error
    }
  }

  return {
    now(session, errand) {
      const name = errandName(session, errand)
      const flight = flights.get(name)
      if (flight !== undefined) return vigil.whileAnswering(session.key, flight)
      const failure = backoff.failure(name)
      if (failure !== undefined) return Promise.reject(failure)
      return vigil.whileAnswering(session.key, start(session, errand))
    },
    inBackground(session, errand) {
      const name = errandName(session, errand)
      if (flights.has(name) || backoff.failure(name) !== undefined) return
      start(session, errand).catch(() => {}) // reported by the flight; the token in use is still valid
    },
    async idle() {
      while (flights.size + unfinished.size > 0) {
        await Promise.allSettled([...flights.values(), ...unfinished])
      }
    },
  }
}

/** Nobody else who asks now will fare better. */
function isOutage(failure: unknown): failure is GatewayError {
  if (!(failure instanceof GatewayError)) return false
  return failure.reason === 'provider_unavailable' || failure.reason === 'store_unavailable'
}

function gatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('provider_unavailable', 'the refresh failed', { cause })
}
