import { GatewayError } from './gateway-error.ts'
import type { HeldSession, Outcome } from './session-cache.ts'
import { tokenFor } from './route-token.ts'
import { refreshedRecord } from './session-lifecycle.ts'
import type { SessionReader } from './session-reader.ts'
import type { SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'
import type { RefreshAnswer } from './sign-in.ts'

export interface RefreshedSessionWriteParts {
  readonly store: SessionStore
  readonly vault: Vault
  readonly read: SessionReader
  readonly nowMs: () => number
}

const CONFLICTS = 5 // each one is another writer that succeeded: under the lease there should be none

/**
 * Writes what a refresh answered, in one write (RT-3) and only over the version it was made from:
 * a session that ended meanwhile stays dead (RT-14, AT-20), newer tokens are never overwritten.
 * May be repeated: a write that did arrive is recognised.
 *
 * @throws GatewayError store_unavailable: it may or may not have been written
 */
export async function writeRefreshedSession(
  parts: RefreshedSessionWriteParts,
  session: HeldSession,
  answer: RefreshAnswer,
): Promise<Outcome> {
  let base = session
  let rest = answer
  for (let conflict = 0; conflict < CONFLICTS; conflict++) {
    const record = refreshedRecord(base.record, rest, parts.nowMs())
    const next = { ...base, version: base.version + 1, record }
    const sealed = parts.vault.seal(next.ticket, next.version, next.record)
    if (await parts.store.compareAndSet(next.key, base.version, sealed)) return next
    const stored = await parts.read(base.ticket, base.key)
    if (stored === undefined) return { ended: 'session_revoked' }
    if ('ended' in stored || isAsNew(stored, answer)) return stored
    base = stored
    // Somebody has used a later refresh token than ours: theirs is the session's, ours is only the access token.
    if (isRotatedSince(stored, session, answer)) rest = { accessToken: answer.accessToken }
  }
  throw new GatewayError(
    'store_unavailable',
    'the session is replaced faster than it can be written',
  )
}

function isAsNew(stored: HeldSession, answer: RefreshAnswer): boolean {
  const token = tokenFor(stored.record, answer.accessToken.target)
  return token !== undefined && token.obtainedAtMs >= answer.accessToken.obtainedAtMs
}

function isRotatedSince(
  { record: stored }: HeldSession,
  { record: asked }: HeldSession,
  { accessToken }: RefreshAnswer,
): boolean {
  const newestAtMs = Math.max(...stored.accessTokens.map((token) => token.obtainedAtMs))
  return stored.refreshToken !== asked.refreshToken && newestAtMs >= accessToken.obtainedAtMs
}
