import type { FastifyReply } from 'fastify'
import { OWN_COOKIE_NAME } from '../domain/own-cookies.ts'
import type { Ticket } from '../domain/session-record.ts'
import { cookieValues } from './cookie-header.ts'
import { addCookie, type CookieAttributes, type CookieSeal } from './cookie-seal.ts'

/** What the cookie holds beside the ticket: enough to notice a login loop (STANDARDS AT-26). */
export interface TicketCookie extends Ticket {
  readonly writtenAtMs: number
  /** Automatic restarts that led to this login. */
  readonly attempt: number
  /** The step-up that this login was, see `stepUpMark`. */
  readonly stepUp?: string
  /** Whose session it is or was, see `subjectMark`: known after its end too. */
  readonly owner?: string
  /** The kept form for whose sake this login was. */
  readonly form?: string
}

export interface SessionCookie {
  readonly name: string
  /** The ticket; `undefined` when absent, sent twice (STANDARDS SE-11) or not sealed by us. */
  read(cookieHeader: string | undefined): TicketCookie | undefined
  write(reply: FastifyReply, ticket: Ticket, maxAgeSeconds: number, login?: LoginTrace): void
  clear(reply: FastifyReply): void
}

/** What the login that a ticket comes from tells the next one. */
export type LoginTrace = Partial<Pick<TicketCookie, 'attempt' | 'stepUp' | 'owner' | 'form'>>

export interface SessionCookieOptions {
  readonly seal: CookieSeal
  readonly publicUrl: URL
  readonly sameSite: 'lax' | 'strict'
  /** The provider whose tickets these are; absent: the only one there is. */
  readonly provider?: string
  /** How many opened tickets are remembered, so that the hot path never decrypts. */
  readonly cacheEntries?: number
}

const DEFAULT_CACHE_ENTRIES = 10_000 // about 5 MB at most
const MAX_AGE_SECONDS = 400 * 86_400 // STANDARDS SE-5
const MAX_VALUE_LENGTH = 1_024 // ours have about 250 characters

/**
 * Reads and writes the one cookie that carries a session: a sealed ticket (STANDARDS SE-1). With several providers there is one
 * for each, and the seal says which: under another's name a ticket is none (AT-4).
 */
export function createSessionCookie(options: SessionCookieOptions): SessionCookie {
  const { seal, publicUrl, provider } = options
  const secure = publicUrl.protocol === 'https:'
  const name =
    provider === undefined ? cookieName(publicUrl) : ticketCookieName(publicUrl, provider)
  const open = remembering(
    (value) => openTicket(seal, value, provider),
    options.cacheEntries ?? DEFAULT_CACHE_ENTRIES,
  )
  const attributes = (maxAge: number): CookieAttributes => {
    return { path: '/', httpOnly: true, secure, sameSite: options.sameSite, maxAge }
  }
  return {
    name,
    read: (cookieHeader) => {
      const [value, second] = cookieValues(cookieHeader, name)
      if (value === undefined || second !== undefined) return undefined
      return value.length > MAX_VALUE_LENGTH ? undefined : open(value)
    },
    write: (reply, ticket, maxAgeSeconds, { attempt = 0, ...trace } = {}) => {
      const content = {
        id: ticket.id,
        key: ticket.key,
        ...(provider === undefined ? {} : { provider }),
        ...(attempt > 0 ? { attempt } : {}),
        ...trace,
      }
      const maxAge = Math.min(maxAgeSeconds, MAX_AGE_SECONDS)
      addCookie(reply, name, seal.seal('ticket', content), attributes(maxAge))
    },
    clear: (reply) => addCookie(reply, name, '', attributes(0)),
  }
}

/**
 * `__Host-bearergate`: browsers let no sibling host and no plain connection set it. The plain name
 * only where they would refuse the prefix, on an http public URL.
 */
export function cookieName(publicUrl: URL): string {
  return publicUrl.protocol === 'https:' ? `__Host-${OWN_COOKIE_NAME}` : OWN_COOKIE_NAME
}

/** The cookie of one of several providers; apart from every other name of ours, whatever the provider's. */
export function ticketCookieName(publicUrl: URL, provider: string): string {
  return `${cookieName(publicUrl)}-at-${provider}`
}

function openTicket(
  seal: CookieSeal,
  value: string,
  provider: string | undefined,
): TicketCookie | undefined {
  const opened = seal.open('ticket', decoded(value))
  if (opened === undefined || opened.value.provider !== provider) return undefined
  const { id, key, attempt, stepUp, owner, form } = opened.value
  if (typeof id !== 'string' || typeof key !== 'string') return undefined
  return {
    id,
    key,
    writtenAtMs: opened.sealedAtMs,
    attempt: Number(attempt ?? 0),
    ...(typeof stepUp === 'string' ? { stepUp } : {}),
    ...(typeof owner === 'string' ? { owner } : {}),
    ...(typeof form === 'string' ? { form } : {}),
  }
}

/** Percent-decoded, or as it came when that is malformed. */
export function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** A sealed value and what it opened to. */
interface Opened<T> {
  readonly sealed: string
  readonly content: T
}

const TAG_LENGTH = 24 // of a sealed value: 18 octets of authenticated cipher text, never twice the same

/**
 * The first `limit` answers are kept, then the oldest goes. Failures are not kept: anybody can make those. Found by the
 * first characters and then compared as a whole: hashing all of a value costs three times as much.
 */
function remembering<T>(
  work: (sealed: string) => T | undefined,
  limit: number,
): (sealed: string) => T | undefined {
  const known = new Map<string, Opened<T>>()
  return (sealed) => {
    const tag = sealed.slice(0, TAG_LENGTH)
    const before = known.get(tag)
    if (before !== undefined && before.sealed === sealed) return before.content
    const content = work(sealed)
    if (content === undefined) return undefined
    if (known.size >= limit) known.delete(known.keys().next().value as string)
    known.set(copied(tag), { sealed: copied(sealed), content })
    return content
  }
}

/** A slice would keep the whole Cookie header alive that it was cut from. */
function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
