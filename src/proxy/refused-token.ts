import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'

/** True for the answer that a fresh token may change: 401 with `invalid_token` (RFC 6750 §3.1, STANDARDS RT-9). */
export function refusesToken(status: number, rawHeaders: readonly Buffer[]): boolean {
  if (status !== 401) return false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toString('latin1').toLowerCase() !== 'www-authenticate') continue
    if (/\berror\s*=\s*"?invalid_token\b/i.test(rawHeaders[at + 1]!.toString('latin1'))) return true
  }
  return false
}

/**
 * The headers of the call with a token newer than the refused one, after a forced refresh; `undefined` when there is none
 * to be had, whatever the reason: then the upstream's own answer stands.
 */
export async function withNewerToken(
  sessions: SessionEngine,
  session: LiveSession,
  headers: readonly string[],
): Promise<string[] | undefined> {
  const at = headers.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === 'authorization')
  if (at < 0) return undefined
  const refreshed = await sessions.refresh(session).catch(() => undefined)
  if (refreshed === undefined || 'ended' in refreshed) return undefined
  const token = sessions.accessToken(refreshed)
  if (token instanceof Promise) return undefined
  const value = `Bearer ${token.value}`
  return value === headers[at + 1] ? undefined : headers.with(at + 1, value)
}
