import type { Emit } from '../domain/events.ts'
import type { Route } from '../domain/route.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import type { StartLogin } from '../http/start-login.ts'
import type { StartStepUp } from '../http/start-step-up.ts'
import type { IdentityTokens } from '../oidc/identity-tokens.ts'
import type { Guard } from './admission.ts'
import type { FormKeeping } from './form-keeping.ts'
import type { LiveTransfers } from './live-transfers.ts'
import type { LoadGauge } from './load-gauge.ts'
import type { UpstreamPools } from './upstream-pool.ts'

/** What all routes of a gateway share. */
export interface SharedContext {
  readonly sessions: SessionEngine
  readonly pools: UpstreamPools
  readonly transfers: LiveTransfers
  readonly load: LoadGauge
  readonly forms: FormKeeping
  /** `undefined`: no route wants signed identities. */
  readonly identityTokens: IdentityTokens | undefined
  readonly publicUrl: URL
  /** All routes: their identity headers are taken from callers everywhere (FW-4). */
  readonly routes: readonly Route[]
  /** Our name in Via (HX-5). */
  readonly pseudonym: string
  readonly emit: Emit
}

/** What a route is served with; the same for all routes that take the same providers. */
export interface ProxyContext extends SharedContext, Guard {
  /** Where a route takes the sessions of several providers: a guard for each. */
  readonly guards?: readonly Guard[]
  readonly sessions: SessionEngine
  readonly startLogin: StartLogin
  readonly startStepUp: StartStepUp
}

/** What this route is served with. */
export type ProxyOf = (route: Route) => ProxyContext
