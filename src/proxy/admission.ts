import type { IncomingMessage } from 'node:http'
import type { BearerToken } from '../domain/bearer-credential.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'
import type { RequestFacts } from '../domain/request-facts.ts'
import type { Lack } from '../domain/requirement.ts'
import type { Route } from '../domain/route.ts'
import type { ServiceTokens } from '../domain/service-tokens.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import type { StepUp } from '../domain/step-up.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import type { IdentityTokens } from '../oidc/identity-tokens.ts'
import type { BearerGuard } from './bearer-admission.ts'

/** What a request is let through with, or why it is not. */
export type Admission =
  | {
      readonly kind: 'forward'
      readonly session: LiveSession | undefined
      readonly token: string | undefined
      /** The caller's own token, where that is what they came with. */
      readonly bearer?: BearerToken
      /** Our signed statement about the caller, where the route wants one. */
      readonly identity?: string
    }
  | {
      readonly kind: 'login'
      readonly stepUp?: StepUp
      /** Whose session it is that is not good enough; absent: nobody is signed in. */
      readonly issuer?: string
    }
  | {
      readonly kind: 'refuse'
      readonly reason: Reason
      readonly lack?: Lack
      /** What the caller came with, or should have. */
      readonly credential?: 'bearer'
      readonly cause?: unknown
    }

/** What judges requests. */
export interface Guard extends BearerGuard {
  readonly sessions: SessionEngine
  readonly serviceTokens: ServiceTokens
  readonly sessionCookie: SessionCookie
  readonly identityTokens: IdentityTokens | undefined
}

/** What of a request decides. */
export type AskedRequest = Pick<IncomingMessage, 'method' | 'headers' | 'rawHeaders'>

/** A request at a route, and who judges it. */
export interface AdmissionQuestion {
  readonly guard: Guard
  readonly route: Route
  readonly facts: RequestFacts
}

/** What becomes of a request when nobody can say who it is from. */
export function refusalOf(cause: unknown): Admission {
  return {
    kind: 'refuse',
    reason: cause instanceof GatewayError ? cause.reason : 'internal_error',
    cause,
  }
}
