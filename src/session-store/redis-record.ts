import { limitReached } from '../domain/session-lifecycle.ts'
import { SESSION_ENDS, type SessionEnd } from '../domain/session-record.ts'
import type { EndedSession, StoredSession } from '../domain/session-store.ts'

/*
 * A stored session is one string: a header of fixed width, then the sealed octets. Fixed width,
 * because scripts cut and compare it without arithmetic, and one string costs Redis a third of what
 * a hash with four fields does.
 *
 *   1 | version, 10 digits | idle end, 14 digits | absolute end, 14 digits | sealed
 */

const FORMAT = '1'
const VERSION_DIGITS = 10
const TIME_DIGITS = 14
/** How much of a stored session is not sealed. */
export const HEADER_BYTES = FORMAT.length + VERSION_DIGITS + 2 * TIME_DIGITS

/** A version as scripts compare it. */
export function versionText(version: number): string {
  return String(version).padStart(VERSION_DIGITS, '0')
}

/** Epoch milliseconds as scripts compare them. */
export function timeText(timeMs: number): string {
  return String(Math.trunc(timeMs)).padStart(TIME_DIGITS, '0')
}

/** What is stored for a new session. */
export function encodeSession(
  { idleEndsAtMs, endsAtMs }: { readonly idleEndsAtMs: number; readonly endsAtMs: number },
  sealed: Uint8Array,
): Buffer {
  const header = FORMAT + versionText(1) + timeText(idleEndsAtMs) + timeText(endsAtMs)
  return Buffer.concat([Buffer.from(header, 'latin1'), sealed])
}

/** `undefined` for another format: it counts as absent (SE-24). */
export function decodeSession(
  stored: Buffer,
): (StoredSession & { readonly endsAtMs: number }) | undefined {
  const header = stored.toString('latin1', 0, HEADER_BYTES)
  if (!/^1\d{38}$/.test(header)) return undefined
  const number = (from: number, digits: number) => Number(header.slice(from, from + digits))
  return {
    version: number(1, VERSION_DIGITS),
    idleEndsAtMs: number(1 + VERSION_DIGITS, TIME_DIGITS),
    endsAtMs: number(1 + VERSION_DIGITS + TIME_DIGITS, TIME_DIGITS),
    sealed: stored.subarray(HEADER_BYTES),
  }
}

const REASONS: ReadonlySet<string> = new Set(SESSION_ENDS)

export function isSessionEnd(word: string): word is SessionEnd {
  return REASONS.has(word)
}

/** Why a session is gone: by the reason it ended for, or by the absolute end of one that nobody ended. */
export function decodeEnd(end: Buffer, nowMs: number): EndedSession | undefined {
  const word = end.toString('latin1')
  if (isSessionEnd(word)) return { ended: word }
  if (!/^\d{1,14}$/.test(word)) return undefined
  return { ended: nowMs < Number(word) ? 'session_idle' : 'session_expired' }
}

/** The reason when a limit of a stored session is over by our own clock, which may be ahead of the server's. */
export function overBy(
  session: { readonly idleEndsAtMs: number; readonly endsAtMs: number },
  nowMs: number,
): EndedSession | undefined {
  const reason = limitReached(session, nowMs)
  return reason === undefined ? undefined : { ended: reason }
}
