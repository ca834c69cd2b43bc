import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import { createRefreshBackoff } from './refresh-backoff.ts'
import { told, type ServiceTokenWish } from './route-token.ts'
import type { AccessToken } from './session-record.ts'
import { freshness, mayReplaceRefused } from './token-freshness.ts'

/** The gateway's own tokens, one per wish, kept in this process; no session comes into it. */
export interface ServiceTokens {
  /**
   * At once while valid (a stale one starts a fetch in the background), a promise when it must be fetched first.
   *
   * @throws GatewayError provider_unavailable, token_refused, token_unusable: by the promise
   */
  token(wish: ServiceTokenWish): AccessToken | Promise<AccessToken>
  /**
   * A token in place of one that the upstream refused (RT-9); `undefined` when there is none to be had by now.
   *
   * @throws GatewayError as `token`
   */
  replace(wish: ServiceTokenWish, refused: string): Promise<AccessToken | undefined>
}

export interface ServiceTokensParts {
  /** Must settle within a deadline of its own. @throws GatewayError */
  readonly clientCredentialsGrant: (wish: ServiceTokenWish) => Promise<AccessToken>
  /** How long a token that was fetched because of a refusal is not replaced again. */
  readonly cooldownMs: number
  readonly nowMs: () => number
  readonly wallClockMs: () => number
  readonly emit: Emit
}

const MAX_WISHES = 1_000 // they come from the configuration only

/** One fetch per wish at a time, however many requests wait for it. */
export function createServiceTokens(parts: ServiceTokensParts): ServiceTokens {
  const { nowMs, wallClockMs, emit } = parts
  const held = new Map<string, AccessToken>()
  const flights = new Map<string, Promise<AccessToken>>()
  const backoff = createRefreshBackoff(MAX_WISHES, nowMs)

  function fetch(wish: ServiceTokenWish, forced: boolean): Promise<AccessToken> {
    const { target } = wish
    const flying = flights.get(target)
    if (flying !== undefined) return flying
    const failure = backoff.failure(target)
    if (failure !== undefined) return Promise.reject(failure)
    const flight = fly(wish, forced).finally(() => flights.delete(target))
    flights.set(target, flight)
    return flight
  }

  async function fly(wish: ServiceTokenWish, forced: boolean): Promise<AccessToken> {
    const startedAtMs = nowMs()
    try {
      const token = await parts.clientCredentialsGrant(wish)
      held.set(wish.target, forced ? { ...token, forced } : token)
      backoff.forget(wish.target)
      emit({ type: 'token_obtained', durationMs: nowMs() - startedAtMs, ...told(wish) })
      return token
    } catch (cause) {
      const error = gatewayError(cause)
      emit({ type: 'token_failed', reason: error.reason, ...told(wish), cause: error })
      backoff.failed(wish.target, error)
      throw error
    }
  }

  return {
    token(wish) {
      const token = held.get(wish.target)
      const state = token === undefined ? 'expired' : freshness(token, wallClockMs())
      if (token === undefined || state === 'expired') return fetch(wish, false)
      if (state === 'stale') fetch(wish, false).catch(() => {}) // reported by the flight; the one in use is still valid
      return token
    },
    async replace(wish, refused) {
      const token = held.get(wish.target)
      if (token === undefined || token.value !== refused) return this.token(wish)
      if (!mayReplaceRefused(token, wallClockMs(), parts.cooldownMs)) return undefined
      const renewed = await fetch(wish, true)
      return renewed.value === refused ? undefined : renewed
    },
  }
}

function gatewayError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause
  return new GatewayError('provider_unavailable', 'no token could be fetched', { cause })
}
