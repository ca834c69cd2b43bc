import { GatewayError } from './gateway-error.ts'
import type { LoginBar } from './login-bar.ts'
import type { SessionCache } from './session-cache.ts'
import type { SessionCap } from './session-cap.ts'
import type { SessionEnding } from './session-ending.ts'
import { newRecord, slidIdleEnd } from './session-lifecycle.ts'
import type { Ticket } from './session-record.ts'
import type { SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { SignIn } from './sign-in.ts'

export interface SessionStartParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly cache: SessionCache
  readonly ending: SessionEnding
  readonly bar: LoginBar
  readonly endSuperseded: SessionCap
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  readonly nowMs: () => number
  /** 256 random bits, base64url. */
  readonly randomToken: () => string
}

/**
 * A new session under a new ticket: stored, unless the provider signed it out while the login was under way (LO-11).
 *
 * @throws GatewayError session_revoked, store_unavailable
 */
export function createSessionStart(parts: SessionStartParts): (signIn: SignIn) => Promise<Ticket> {
  const { store, vault, cache, ending, bar, endSuperseded, nowMs, randomToken } = parts

  async function stored(signIn: SignIn, ticket: Ticket, key: string): Promise<void> {
    const record = newRecord(signIn, nowMs(), parts.lifetimeMs)
    const { endsAtMs } = record
    const idleEndsAtMs = slidIdleEnd(record, nowMs(), parts.idleTimeoutMs)
    await cache.arriving(key, async (arrival) => {
      const sealed = vault.seal(ticket, 1, record)
      await store.create({ key, sealed, idleEndsAtMs, endsAtMs, indexKeys: indexKeys(signIn) })
      arrival.settle({ ticket, key, version: 1, record, idleEndsAtMs })
    })
  }

  function indexKeys({ issuer, subject, sid }: SignIn): string[] {
    const bySubject = vault.indexKey('sub', issuer, subject)
    return sid === undefined ? [bySubject] : [bySubject, vault.indexKey('sid', issuer, sid)]
  }

  return async (signIn) => {
    const ticket = { id: randomToken(), key: randomToken() }
    const key = vault.storeKey(ticket.id)
    await stored(signIn, ticket, key)
    if (await bar.stops(signIn)) {
      await ending.end(key, 'session_revoked', signIn)
      throw new GatewayError('session_revoked', 'the login was signed out before it was complete')
    }
    await endSuperseded(signIn, key)
    return ticket
  }
}
