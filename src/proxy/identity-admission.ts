import { hash } from 'node:crypto'
import type { BearerToken } from '../domain/bearer-credential.ts'
import {
  identifiedBySession,
  identifiedByToken,
  type Identified,
  type IdentityRule,
} from '../domain/signed-identity.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import type { IdentityTokens } from '../oidc/identity-tokens.ts'

/** Whoever is let through, as far as it says who that is. */
interface Admitted {
  readonly session: LiveSession | undefined
  readonly bearer?: BearerToken
}

/** A signed statement about an admitted caller; `undefined` for nobody in particular (FW-8). */
export function identityOf(
  tokens: IdentityTokens,
  rule: IdentityRule,
  admitted: Admitted,
): string | undefined | Promise<string> {
  const who = identified(admitted)
  return who && tokens.token(rule, who)
}

function identified({ session, bearer }: Admitted): Identified | undefined {
  if (session !== undefined) return identifiedBySession(session)
  return bearer && identifiedByToken(bearer, hash('sha256', bearer.value, 'base64'))
}
