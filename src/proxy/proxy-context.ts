import type { Emit } from '../domain/events.ts'
import type { Route } from '../domain/route.ts'
import type { StartLogin } from '../http/start-login.ts'
import type { StartStepUp } from '../http/start-step-up.ts'
import type { Guard } from './admission.ts'
import type { FormKeeping } from './form-keeping.ts'
import type { LiveTransfers } from './live-transfers.ts'
import type { LoadGauge } from './load-gauge.ts'
import type { UpstreamPools } from './upstream-pool.ts'

/** What all routes of a gateway share. */
export interface ProxyContext extends Guard {
  readonly pools: UpstreamPools
  readonly transfers: LiveTransfers
  readonly load: LoadGauge
  readonly startLogin: StartLogin
  readonly startStepUp: StartStepUp
  readonly forms: FormKeeping
  readonly publicUrl: URL
  /** All routes: their identity headers are taken from callers everywhere (FW-4). */
  readonly routes: readonly Route[]
  /** Our name in Via (HX-5). */
  readonly pseudonym: string
  readonly emit: Emit
}
