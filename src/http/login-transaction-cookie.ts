import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginTransaction } from '../domain/login-transaction.ts'
import { cookieNames, cookieValues } from './cookie-header.ts'
import { addCookie, type CookieAttributes, type CookieSeal } from './cookie-seal.ts'
import { cookieName, decoded, ticketCookieName } from './session-cookie.ts'

/** Time to finish a login at the provider (STANDARDS SE-3). */
export const LOGIN_TRANSACTION_SECONDS = 15 * 60

const MAX_COOKIE_BYTES = 4_096 // STANDARDS SE-4
const MAX_PENDING = 5 // STANDARDS SE-13
const MAX_PENDING_BYTES = 7_000 // with the ticket, the Cookie header stays below 8 KB
const SHORT_HASH = /^[\w-]{16}$/ // no name but these is ours to remove: others may not even be fit for a Set-Cookie

/** One cookie per login under way, so that several tabs may sign in at once (STANDARDS AZ-17). */
export interface LoginTransactionCookie {
  /**
   * Stores the transaction and removes the oldest pending ones beyond the limit.
   *
   * @throws GatewayError parameter_refused: the login link asks for more than a cookie holds
   */
  write(reply: FastifyReply, transaction: LoginTransaction, cookieHeader: string | undefined): void
  /** The transaction of this state; `undefined` when absent, sent twice, too old or not sealed by us. */
  read(cookieHeader: string | undefined, state: string): LoginTransaction | undefined
  clear(reply: FastifyReply, state: string): void
  /** Does the browser hold any pending login, whatever its state? */
  isAnyPending(cookieHeader: string | undefined): boolean
}

/** Login transactions live sealed in the browser that started them, never on the server (STANDARDS RL-4). */
export function createLoginTransactionCookie(
  seal: CookieSeal,
  publicUrl: URL,
): LoginTransactionCookie {
  const prefix = `${cookieName(publicUrl)}-login-`
  const secure = publicUrl.protocol === 'https:'
  const nameOf = (state: string): string => prefix + shortHash(state)
  // Lax whatever the session cookie has: it must come back from the provider's site (SE-3).
  const attributes = (maxAge: number): CookieAttributes => {
    return { path: '/', httpOnly: true, secure, sameSite: 'lax', maxAge }
  }
  const remove = (reply: FastifyReply, name: string): void =>
    addCookie(reply, name, '', attributes(0))
  const pendingNames = (cookieHeader: string | undefined): string[] =>
    cookieNames(cookieHeader, prefix).filter((name) => SHORT_HASH.test(name.slice(prefix.length)))
  /** Of providers beside the one whose ticket the limit leaves room for. */
  const ticketBytes = (cookieHeader: string | undefined): number =>
    cookieNames(cookieHeader, ticketCookieName(publicUrl, '')).reduce(
      (bytes, name) => bytes + sizeBytes(name, cookieValues(cookieHeader, name).join('')),
      0,
    )
  const open = (cookieHeader: string | undefined, name: string): LoginTransaction | undefined => {
    const [value, second] = cookieValues(cookieHeader, name)
    if (value === undefined || second !== undefined) return undefined
    return asTransaction(seal.open('loginTransaction', decoded(value))?.value)
  }
  return {
    write: (reply, transaction, cookieHeader) => {
      const name = nameOf(transaction.state)
      const sealed = seal.seal('loginTransaction', { ...transaction })
      const bytes = sizeBytes(name, encodeURIComponent(sealed))
      // Browsers would drop it without a word, and the login would fail at its end (SE-4).
      if (bytes > MAX_COOKIE_BYTES)
        throw new GatewayError('parameter_refused', 'the login does not fit into a cookie')
      const pending = pendingNames(cookieHeader).map((other) => ({
        name: other,
        startedAtMs: open(cookieHeader, other)?.startedAtMs ?? 0,
        bytes: sizeBytes(other, cookieValues(cookieHeader, other).join('')),
      }))
      for (const other of surplus(pending, bytes + ticketBytes(cookieHeader))) remove(reply, other)
      addCookie(reply, name, sealed, attributes(LOGIN_TRANSACTION_SECONDS))
    },
    read: (cookieHeader, state) => {
      const transaction = open(cookieHeader, nameOf(state))
      return transaction?.state === state ? transaction : undefined
    },
    clear: (reply, state) => remove(reply, nameOf(state)),
    isAnyPending: (cookieHeader) => pendingNames(cookieHeader).length > 0,
  }
}

function shortHash(state: string): string {
  return createHash('sha256').update(state).digest('base64url').slice(0, 16)
}

interface Pending {
  readonly name: string
  readonly startedAtMs: number
  readonly bytes: number
}

/** The names of the oldest pending logins that have no room beside a new one. */
function surplus(pending: readonly Pending[], newBytes: number): string[] {
  const newestFirst = [...pending].sort((a, b) => b.startedAtMs - a.startedAtMs)
  let bytes = newBytes
  return newestFirst
    .filter((one, position) => {
      bytes += one.bytes
      return position >= MAX_PENDING - 1 || bytes > MAX_PENDING_BYTES
    })
    .map(({ name }) => name)
}

function sizeBytes(name: string, value: string): number {
  return name.length + value.length + 3 // "=", ";" and a space
}

function asTransaction(
  value: Readonly<Record<string, unknown>> | undefined,
): LoginTransaction | undefined {
  if (value === undefined) return undefined
  const texts = [value['state'], value['nonce'], value['codeVerifier'], value['returnTo']]
  if (texts.some((text) => typeof text !== 'string')) return undefined
  const numbers = [value['startedAtMs'], value['attempt']]
  if (!numbers.every(Number.isFinite) || typeof value['asked'] !== 'object') return undefined
  return value as unknown as LoginTransaction
}
