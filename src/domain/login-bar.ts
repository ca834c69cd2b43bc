import type { SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { SignIn } from './sign-in.ts'

/** Whom the provider has signed out: one of its sessions, or the subject everywhere. */
export interface SignedOut {
  readonly issuer: string
  readonly sid?: string
  /** Counts only without a `sid`. */
  readonly subject?: string
}

/** Keeps logins that were under way during a sign-out from coming alive (LO-11). */
export interface LoginBar {
  /**
   * To be called before the sessions there are end. A session that is stored too late to be among
   * them is checked later still: no order of the four steps lets it through.
   */
  raise(whom: SignedOut): Promise<void>
  /** To be asked once the session is stored, before anybody gets its ticket. */
  stops(signIn: SignIn): Promise<boolean>
}

export interface LoginBarParts {
  readonly store: SessionStore
  readonly vault: Vault
  /** The clock that logins take their start from. */
  readonly nowMs: () => number
}

const REMEMBERED_MS = 20 * 60_000 // longer than a login may take (15 min, SE-3)

/**
 * A `sid` never comes back: a provider gives a new login a new one. A subject does, so that for
 * one only logins are stopped which began before the sign-out.
 */
export function createLoginBar({ store, vault, nowMs }: LoginBarParts): LoginBar {
  async function isSidOut({ issuer, sid }: SignIn): Promise<boolean> {
    if (sid === undefined) return false
    return (await store.recall(vault.indexKey('sid', issuer, sid))) !== undefined
  }

  async function isSubjectOut({ issuer, subject, startedAtMs }: SignIn): Promise<boolean> {
    const note = await store.recall(vault.indexKey('sub', issuer, subject))
    return note !== undefined && (startedAtMs ?? nowMs()) <= Number(note)
  }

  return {
    async raise({ issuer, sid, subject }) {
      if (sid !== undefined) {
        return store.remember(vault.indexKey('sid', issuer, sid), '', REMEMBERED_MS)
      }
      const indexKey = vault.indexKey('sub', issuer, subject ?? '')
      await store.remember(indexKey, String(nowMs()), REMEMBERED_MS)
    },
    async stops(signIn) {
      const found = await Promise.all([isSidOut(signIn), isSubjectOut(signIn)])
      return found.includes(true)
    },
  }
}
