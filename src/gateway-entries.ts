import { sessionsOfIssuer } from './domain/sessions-of-issuer.ts'
import type { GatewayParts } from './gateway-parts.ts'
import type { ProviderParts } from './gateway-providers.ts'
import type { LoginLimit } from './http/login-limit.ts'
import type { OwnCookies } from './http/own-cookies.ts'
import type { ProviderEntries, ProviderEntry } from './http/provider-entry.ts'
import { createStartLogin } from './http/start-login.ts'
import { createStartStepUp } from './http/start-step-up.ts'

export interface EntriesParts extends OwnCookies {
  readonly parts: GatewayParts
  readonly loginLimit: LoginLimit
}

/** Every provider as browsers meet it, in the order of the configuration. */
export function createEntries(shared: EntriesParts): ProviderEntries {
  const [first, ...others] = shared.parts.providers.map((one) => createEntry(one, shared))
  if (first === undefined) throw new Error('a configuration has at least one provider')
  return [first, ...others]
}

function createEntry(
  { config, provider, emit }: ProviderParts,
  { parts, sessionCookieOf, transactionCookie, loginLimit }: EntriesParts,
): ProviderEntry {
  const { name, issuer, title, loginParameters, redirectUri } = config
  const { nowMs } = parts
  // A sole provider's too: sessions of one that a reload took away may still be held in memory.
  const sessions = sessionsOfIssuer(parts.sessions, issuer)
  const sessionCookie = sessionCookieOf(name)
  const own = {
    name,
    provider,
    sessions,
    sessionCookie,
    transactionCookie,
    loginLimit,
    emit,
    nowMs,
  }
  const startLogin = createStartLogin(own)
  return {
    ...own,
    title,
    issuer,
    startLogin,
    startStepUp: createStartStepUp({ ...own, startLogin }),
    loginParameters,
    callbackPath: new URL(redirectUri).pathname,
  }
}
