import type { FastifyReply, FastifyRequest } from 'fastify'
import { crossSiteRefusal } from '../domain/access-decision.ts'
import type { Emit } from '../domain/events.ts'
import type { Reason } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import type { ProviderEntry } from '../http/provider-entry.ts'
import { refuse } from '../http/refusal.ts'

export interface OwnSessionOptions {
  readonly trustedOrigins: readonly string[]
  readonly emit: Emit
}

/**
 * The session of a request to one of our endpoints, or the reason why there is none: of several at these providers the
 * one that began last. Looking does not extend it (STANDARDS SE-18). @throws GatewayError store_unavailable
 */
export async function ownSession(
  request: FastifyRequest,
  entries: readonly ProviderEntry[],
): Promise<LiveSession | Reason> {
  const found = await Promise.all(entries.map((entry) => sessionAt(entry, request)))
  const [newest] = found
    .filter((one) => typeof one !== 'string')
    .sort((a, b) => b.record.createdAtMs - a.record.createdAtMs)
  if (newest === undefined) {
    const reasons = found.filter((one) => typeof one === 'string')
    return reasons.find((reason) => reason !== 'no_session') ?? 'no_session'
  }
  entranceOf(request.raw).session = newest
  return newest
}

async function sessionAt(
  { sessions, sessionCookie }: ProviderEntry,
  request: FastifyRequest,
): Promise<LiveSession | Reason> {
  const ticket = sessionCookie.read(request.headers.cookie)
  if (ticket === undefined) return 'no_session'
  const found = await sessions.find(ticket, 'passive')
  if (found === undefined) return 'no_session'
  return 'ended' in found ? found.ended : found
}

/** Answers 403 and true when another site asks in the name of the browser's user (STANDARDS CS-1, CS-3). */
export function isCrossSite(
  request: FastifyRequest,
  reply: FastifyReply,
  { trustedOrigins, emit }: Pick<OwnSessionOptions, 'trustedOrigins' | 'emit'>,
): boolean {
  const entrance = entranceOf(request.raw)
  const facts = requestFacts(entrance.method, request.headers)
  const reason = crossSiteRefusal(facts, trustedOrigins)
  if (reason === undefined) return false
  emit({ type: 'cross_site_blocked', reason, ...actorOf(entrance) })
  refuse(request, reply, reason)
  return true
}

/**
 * Answers 403 and true unless a page of our own origin asks, or something that is no browser: where
 * a cross-site answer would be more than a page may read (STANDARDS SE-22).
 */
export function isOtherOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  { trustedOrigins, emit }: Pick<OwnSessionOptions, 'trustedOrigins' | 'emit'>,
): boolean {
  const entrance = entranceOf(request.raw)
  const { fetchSite, origin } = requestFacts(entrance.method, request.headers)
  if (origin === undefined || trustedOrigins.includes(origin)) {
    if (fetchSite === undefined || fetchSite === 'same-origin') return false
  }
  const reason = fetchSite === undefined ? 'origin_refused' : 'cross_site_refused'
  emit({ type: 'cross_site_blocked', reason, ...actorOf(entrance) })
  refuse(request, reply, reason)
  return true
}
