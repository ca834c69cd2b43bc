import type { Reason } from './reason.ts'
import type { TokenWish } from './route-token.ts'
import type { SessionEnd } from './session-record.ts'

/**
 * Everything that happens and is worth telling. Rooms hand these to one `emit` function; only
 * telemetry knows what becomes of them. No event carries a token, a code, a cookie or a query.
 */
export type GatewayEvent = Happening & FromProvider

interface FromProvider {
  /** The name of the provider it is about, where there are several. */
  readonly provider?: string
}

type Happening =
  | RequestFinished
  | ({ readonly type: 'login_started' } & Actor)
  | ({
      readonly type: 'login_succeeded'
      readonly issuer: string
      readonly subject: string
      readonly sid?: string
    } & Actor)
  | ({
      readonly type: 'login_failed'
      readonly reason: Reason
      readonly providerError?: string
      readonly cause?: unknown
    } & Actor)
  | ({
      readonly type: 'cross_site_blocked'
      readonly reason: Reason
      readonly routeId?: string
    } & Actor)
  | ({ readonly type: 'header_stripped'; readonly name: string } & Actor)
  | ({ readonly type: 'logout_refused'; readonly reason: Reason; readonly cause?: unknown } & Actor)
  | ({
      readonly type: 'logout'
      readonly kind: LogoutKind
      readonly sessionCount?: number
      readonly issuer?: string
      readonly subject?: string
      readonly sid?: string
    } & Actor)
  | {
      readonly type: 'session_ended'
      readonly reason: SessionEnd
      readonly issuer?: string
      readonly subject?: string
      readonly sid?: string
      readonly requestId?: string
    }
  | {
      readonly type: 'refresh_succeeded'
      readonly durationMs: number
      readonly issuer: string
      readonly subject: string
      readonly rotated: boolean
    }
  | {
      readonly type: 'refresh_rejected'
      readonly issuer: string
      readonly subject: string
      readonly providerError: string
      readonly cause?: unknown
    }
  | {
      readonly type: 'refresh_failed'
      readonly issuer: string
      readonly subject: string
      readonly reason: Reason
      readonly cause?: unknown
    }
  | ({ readonly type: 'token_obtained'; readonly durationMs: number } & TokenOfRoute)
  | ({
      readonly type: 'token_failed'
      readonly reason: Reason
      readonly providerError?: string
      readonly cause?: unknown
    } & TokenOfRoute)
  | { readonly type: 'revocation_succeeded' }
  | { readonly type: 'revocation_failed'; readonly cause?: unknown }
  | { readonly type: 'provider_ready'; readonly issuer: string; readonly durationMs: number }
  | {
      readonly type: 'provider_unavailable'
      readonly issuer: string
      readonly retryInMs: number
      readonly cause?: unknown
    }
  | {
      readonly type: 'provider_refused_client'
      readonly issuer: string
      readonly step: string
      readonly providerError: string
      readonly cause?: unknown
    }
  | { readonly type: 'store_failed'; readonly operation: string; readonly cause?: unknown }
  | { readonly type: 'config_reloaded'; readonly routeCount: number }
  | { readonly type: 'config_unchanged' }
  /** The old one stays; what is wrong with the new one stands in lines of its own. */
  | { readonly type: 'config_refused'; readonly problemCount: number; readonly cause?: unknown }
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'internal_error'; readonly requestId?: string; readonly cause: unknown }

/** A token that a route asks for beside the login's. */
export interface TokenOfRoute extends Omit<TokenWish, 'target'> {
  /** Whose sign-in it comes from; absent: the gateway's own. */
  readonly issuer?: string
  readonly subject?: string
}

/** Who asked for it: the user here, the provider, directly or through the browser, or an operator. */
export type LogoutKind = 'user' | 'backchannel' | 'frontchannel' | 'operator'

/** Who did it: for audit lines. */
export interface Actor {
  readonly requestId: string
  readonly clientAddress: string
}

/** One request, answered: the access line and the request metrics come from here. */
export interface RequestFinished extends FromProvider {
  readonly type: 'request_finished'
  readonly requestId: string
  readonly clientAddress: string
  readonly method: string
  /** Path without query: queries carry secrets. */
  readonly path: string
  readonly host: string | undefined
  /** The configured route, our own endpoint (`/oauth2/login`), or `undefined` when none matched. */
  readonly routeId: string | undefined
  /** 0 when the client left before a status was sent. */
  readonly status: number
  readonly durationMs: number
  /** From sending the request upstream to its response headers; absent when the upstream was not asked. */
  readonly upstreamMs?: number
  readonly reason?: Reason
  /** Whose subject it is. */
  readonly issuer?: string
  readonly subject?: string
  readonly clientLeft?: boolean
  /** The evidence behind the reason, for the log only. */
  readonly cause?: unknown
}

export type Emit = (event: GatewayEvent) => void
