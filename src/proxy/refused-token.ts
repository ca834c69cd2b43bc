import type { Route } from '../domain/route.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import { replacementToken, type TokenSources } from './upstream-token.ts'

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
 * The headers of the call with a token in place of the refused one; `undefined` when there is none to be had, whatever
 * the reason: then the upstream's own answer stands.
 */
export async function withNewerToken(
  line: TokenSources & { readonly route: Pick<Route, 'token'> },
  session: LiveSession | undefined,
  headers: readonly string[],
): Promise<string[] | undefined> {
  const at = headers.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === 'authorization')
  const refused = at < 0 ? '' : (headers[at + 1] ?? '').replace(/^Bearer /, '')
  if (refused === '') return undefined
  const newer = await replacementToken(line, line.route.token, session, refused).catch(
    () => undefined,
  )
  if (newer === undefined || 'ended' in newer) return undefined
  return headers.with(at + 1, `Bearer ${newer.value}`)
}
