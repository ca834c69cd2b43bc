import { hash } from 'node:crypto'
import { tokenIntrospection } from 'openid-client'
import { createExpiringMap } from '../domain/expiring-map.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { RefusedToken } from './bearer-token-verification.ts'
import type { Claims } from './id-token-claims.ts'
import type { Provider } from './provider.ts'
import { reportRefusedClient, tokenEndpointFailure } from './token-endpoint-failure.ts'

/** What the provider says of a token that is active. */
export interface IntrospectedToken {
  readonly claims: Claims
}

export interface TokenIntrospection {
  /** What was said a moment ago; `undefined` when the provider has to be asked. */
  known(token: string, nowMs: number): IntrospectedToken | RefusedToken | undefined
  /**
   * Asks the provider, once for all who want to know at the same time (RFC 7662 §2.1).
   *
   * @throws GatewayError provider_unavailable: no answer
   * @throws GatewayError provider_error: no usable answer, or the provider does not accept us
   * @throws GatewayError overloaded: too many tokens are being asked about
   */
  introspect(token: string, nowMs: number): Promise<IntrospectedToken | RefusedToken>
}

const REMEMBERED = 10_000
const MEMORY_MS = 30_000 // how long a revoked token may still pass (STANDARDS RS-10: 60 s at most)
const MAX_QUESTIONS = 256 // strangers can make up tokens faster than a provider answers

const INACTIVE: RefusedToken = { refused: 'bearer_invalid', why: 'the provider says inactive' }

/** Introspection of opaque access tokens, authenticated as the client that we are; answers are kept briefly. */
export function createTokenIntrospection(provider: Provider): TokenIntrospection {
  const active = createExpiringMap<IntrospectedToken>(REMEMBERED)
  const inactive = createExpiringMap<RefusedToken>(REMEMBERED) // apart: made-up tokens push out no real one
  const flights = new Map<string, Promise<IntrospectedToken | RefusedToken>>()

  async function ask(token: string, key: string, nowMs: number) {
    const claims = await answerAbout(provider, token)
    if (claims['active'] !== true) {
      inactive.set(key, INACTIVE, nowMs + MEMORY_MS)
      return INACTIVE
    }
    const { exp } = claims
    const endsAtMs = typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY
    active.set(key, { claims }, Math.min(endsAtMs, nowMs + MEMORY_MS))
    return { claims }
  }

  return {
    known: (token, nowMs) => {
      const key = hash('sha256', token, 'base64')
      return active.get(key, nowMs) ?? inactive.get(key, nowMs)
    },
    introspect: (token, nowMs) => {
      const key = hash('sha256', token, 'base64')
      const underway = flights.get(key)
      if (underway !== undefined) return underway
      if (flights.size >= MAX_QUESTIONS) return Promise.reject(tooMany())
      const flight = ask(token, key, nowMs).finally(() => flights.delete(key))
      flights.set(key, flight)
      return flight
    },
  }
}

async function answerAbout(provider: Provider, token: string): Promise<Claims> {
  const connection = provider.current() // no waiting: strangers could pile up
  if (connection === undefined) throw unavailable(provider.lastError())
  if (connection.metadata.endpoints.introspection_endpoint === undefined)
    throw new GatewayError('provider_error', 'the provider has no introspection endpoint')
  try {
    const hint = { token_type_hint: 'access_token' }
    return await tokenIntrospection(connection.configuration, token, hint)
  } catch (cause) {
    const failure = tokenEndpointFailure(cause)
    reportRefusedClient(provider, 'introspection', failure, cause)
    if (failure.kind === 'unavailable') throw unavailable(cause)
    const message = `the provider did not introspect a token: ${failure.providerError}`
    throw new GatewayError('provider_error', message, { cause })
  }
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError('provider_unavailable', 'the provider cannot be asked about a token', {
    cause,
  })
}

function tooMany(): GatewayError {
  return new GatewayError('overloaded', 'too many tokens wait for introspection')
}
