import type { IncomingMessage } from 'node:http'
import type { CanonicalTarget } from '../domain/canonical-target.ts'
import type { Actor } from '../domain/events.ts'
import type { Reason } from '../domain/reason.ts'
import type { Route } from '../domain/route.ts'
import type { LiveSession } from '../domain/session-engine.ts'

/**
 * What the door found out about one request, and what later steps note about it for the access
 * line. One per request, the same shape for all.
 */
export interface Entrance {
  readonly requestId: string
  /** On the clock of `performance.now()`: for durations only, see `elapsedMs`. */
  readonly startedAtMs: number
  readonly method: string
  /** The authority the client asked for, as received but in lower case; with port if it sent one. */
  readonly authority: string | undefined
  /** `authority` without port. */
  readonly host: string | undefined
  /** Follows trusted proxies only (STANDARDS FW-3). */
  readonly clientAddress: string
  readonly peerTrusted: boolean
  readonly site: Site
  /** Absent only when the request was refused before its target was understood. */
  readonly target: CanonicalTarget | undefined
  /** The configured route, or `undefined` for our own endpoints and refusals. */
  readonly route: Route | undefined
  /** Our own endpoint: `/oauth2/login`. */
  readonly endpoint: string | undefined
  /** The door's answer, when it is no. */
  readonly refusal: DoorRefusal | undefined
  /** Where fastify finds the handler. */
  readonly internalUrl: string
  /** Filled in by whoever looked the session up. */
  session: LiveSession | undefined
  /** Filled in by `refuse`, for the access line. */
  reason: Reason | undefined
  /** The evidence behind the reason, for the log only. */
  cause: unknown
}

export interface DoorRefusal {
  readonly reason: Reason
  /** For 405 (RFC 9110 §15.5.6). */
  readonly allow: readonly string[] | undefined
}

/** What answers need to know of the place they are given at; never taken from the request. */
export interface Site {
  readonly publicUrl: URL
  readonly loginUrl: string
  readonly logoutUrl: string
}

const kEntrance = Symbol('entrance')

type Entered = IncomingMessage & { [kEntrance]?: Entrance }

/** Puts the door's findings on the raw request. */
export function enter(request: IncomingMessage, entrance: Entrance): void {
  ;(request as Entered)[kEntrance] = entrance
}

/** What the door found out, or `undefined` when the request has not passed it yet. */
export function knownEntrance(request: IncomingMessage): Entrance | undefined {
  return (request as Entered)[kEntrance]
}

/** What the door found out about a request that passed it. @throws Error when it has not: a wiring fault */
export function entranceOf(request: IncomingMessage): Entrance {
  const entrance = knownEntrance(request)
  if (entrance === undefined) throw new Error('a request came in without passing the door')
  return entrance
}

/** Milliseconds since the request passed the door. */
export function elapsedMs(entrance: Entrance): number {
  return performance.now() - entrance.startedAtMs
}

/** Who did it, for audit events. */
export function actorOf(entrance: Entrance): Actor {
  return { requestId: entrance.requestId, clientAddress: entrance.clientAddress }
}

/** The links of the configured public URL (STANDARDS SE-19). */
export function siteOf(publicUrl: URL): Site {
  return {
    publicUrl,
    loginUrl: `${publicUrl.origin}/oauth2/login`,
    logoutUrl: `${publicUrl.origin}/oauth2/logout`,
  }
}
