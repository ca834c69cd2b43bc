import type { Emit } from './events.ts'
import type { SessionCache } from './session-cache.ts'
import type { SessionEnd, SessionRecord } from './session-record.ts'
import type { SessionChange, SessionStore } from './session-store.ts'

/** Ends sessions: first here, then in the store, and tells whoever holds something open for them. */
export interface SessionEnding {
  /** @throws GatewayError store_unavailable: it may live on in the store */
  end(key: string, reason: SessionEnd, owner: Owner | undefined): Promise<void>
  /** Ends all sessions filed under the index key; answers how many. @throws GatewayError store_unavailable */
  endByIndex(indexKey: string, reason: SessionEnd, owner: Owner): Promise<number>
  /** Takes note of a change that the store reports. */
  heard(change: SessionChange): void
}

type Owner = Pick<SessionRecord, 'issuer'> & Partial<Pick<SessionRecord, 'subject' | 'sid'>>

export interface SessionEndingParts {
  readonly store: SessionStore
  readonly cache: SessionCache
  readonly notify: (key: string, reason: SessionEnd) => void
  /** Ends may have gone unheard: whoever has to be told of them finds out by himself. */
  readonly lookAgain: () => void
  readonly emit: Emit
}

export function createSessionEnding(parts: SessionEndingParts): SessionEnding {
  const { store, cache, notify, lookAgain, emit } = parts
  const endingHere = new Set<string>()

  function endedHere(key: string, reason: SessionEnd): void {
    cache.apply({ kind: 'ended', key, reason })
    notify(key, reason)
  }

  function report(reason: SessionEnd, owner: Owner | undefined): void {
    const { issuer, subject, sid } = owner ?? {}
    emit({
      type: 'session_ended',
      reason,
      ...(issuer === undefined ? {} : { issuer }),
      ...(subject === undefined ? {} : { subject }),
      ...(sid === undefined ? {} : { sid }),
    })
  }

  return {
    async end(key, reason, owner) {
      endingHere.add(key)
      cache.apply({ kind: 'ended', key, reason })
      try {
        const wasAlive = await store.end(key, reason)
        endedHere(key, reason) // again: a read that began in between may have put it back
        if (wasAlive) report(reason, owner)
      } finally {
        endingHere.delete(key)
      }
    },
    async endByIndex(indexKey, reason, owner) {
      const keys = await store.endByIndex(indexKey, reason)
      for (const key of keys) {
        endedHere(key, reason)
        report(reason, owner)
      }
      return keys.length
    },
    heard(change) {
      if (change.kind !== 'ended') cache.apply(change)
      if (change.kind === 'missed') return lookAgain()
      if (change.kind === 'replaced') return
      const owner = cache.held(change.key)?.record
      endedHere(change.key, change.reason)
      // Only a limit has nobody else who could report it; whoever ended it otherwise has done so.
      if (isLimit(change.reason) && !endingHere.has(change.key)) report(change.reason, owner)
    },
  }
}

function isLimit(reason: SessionEnd): boolean {
  return reason === 'session_idle' || reason === 'session_expired'
}
