import type { LoginBar, SignedOut } from './login-bar.ts'
import type { SessionEnding } from './session-ending.ts'
import type { SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'

/** A logout token that was verified (OpenID Connect Back-Channel Logout §2.4). Has a `sid`, a `subject` or both. */
export interface LogoutNotice extends SignedOut {
  readonly jti: string
  /** Nobody takes the token after this; epoch milliseconds. */
  readonly validUntilMs: number
}

export interface ProviderLogoutParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly ending: SessionEnding
  readonly bar: LoginBar
  readonly wallClockMs: () => number
}

/**
 * Carries out what a logout token says; answers how many sessions ended, `undefined` for a token
 * that came before (LO-10). @throws GatewayError store_unavailable: sent again, it is still good
 */
export type ProviderLogout = (notice: LogoutNotice) => Promise<number | undefined>

/** All sessions of the `sid`, or without one all of the subject (LO-9). */
export function createProviderLogout(parts: ProviderLogoutParts): ProviderLogout {
  const { store, vault, ending, bar, wallClockMs } = parts

  return async (notice) => {
    const { issuer, sid, subject = '', jti, validUntilMs } = notice
    const tokenKey = vault.logoutTokenKey(issuer, jti)
    if ((await store.recall(tokenKey)) !== undefined) return undefined
    await bar.raise(notice)
    const endedCount =
      sid === undefined
        ? await endAll(vault.indexKey('sub', issuer, subject), { issuer, subject })
        : await endAll(vault.indexKey('sid', issuer, sid), { issuer, sid })
    // Last: a token whose work the store did not do may come again. Two copies at once do the same twice.
    await store.remember(tokenKey, '', Math.max(1, validUntilMs - wallClockMs()))
    return endedCount
  }

  function endAll(indexKey: string, owner: SignedOut): Promise<number> {
    return ending.endByIndex(indexKey, 'session_revoked', owner)
  }
}
