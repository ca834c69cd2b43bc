import type { Emit } from '../domain/events.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import type { Provider } from '../oidc/provider.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { StartLogin } from './start-login.ts'
import type { StartStepUp } from './start-step-up.ts'

/** One configured provider as browsers meet it: where they sign in, and the cookie that holds their ticket from there. */
export interface ProviderEntry {
  /** As in the configuration and in login links; '' is the only one there is. */
  readonly name: string
  /** What people read who have to choose. */
  readonly title: string
  readonly issuer: string
  readonly provider: Provider
  /** Knows the sessions of this provider only. */
  readonly sessions: SessionEngine
  readonly sessionCookie: SessionCookie
  readonly startLogin: StartLogin
  readonly startStepUp: StartStepUp
  /** What a login link may pass on to it (STANDARDS AZ-9). */
  readonly loginParameters: readonly string[]
  /** Path of the redirect URI. */
  readonly callbackPath: string
  readonly emit: Emit
}

/** At least one. */
export type ProviderEntries = readonly [ProviderEntry, ...ProviderEntry[]]
