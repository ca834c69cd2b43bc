import type { FastifyInstance } from 'fastify'
import { createCookieSeal, type CookieSeal } from './cookie-seal.ts'
import {
  createLoginTransactionCookie,
  LOGIN_TRANSACTION_SECONDS,
  type LoginTransactionCookie,
} from './login-transaction-cookie.ts'
import { deriveKeys } from './own-keys.ts'
import { createSessionCookie, type SessionCookie } from './session-cookie.ts'

/** How long a ticket outlives its session, so that a page left open is told why it must sign in again. */
export const TICKET_GRACE_SECONDS = 15 * 60

export interface OwnCookiesOptions {
  readonly publicUrl: URL
  /** 32 bytes each; the first seals, all open. */
  readonly secrets: readonly Uint8Array[]
  readonly lifetimeMs: number
  readonly sameSite: 'lax' | 'strict'
}

export interface OwnCookies {
  readonly seal: CookieSeal
  /** One for each provider; '' is the only one there is. */
  readonly sessionCookieOf: (provider: string) => SessionCookie
  readonly transactionCookie: LoginTransactionCookie
}

/**
 * Everything we keep in browsers, on one sealing plugin. The app is needed before it is ready and
 * gets no hook from this.
 *
 * @throws RangeError when a secret is too short
 */
export async function createOwnCookies(
  app: FastifyInstance,
  { publicUrl, secrets, lifetimeMs, sameSite }: OwnCookiesOptions,
): Promise<OwnCookies> {
  const seal = await createCookieSeal(app, deriveKeys(secrets), {
    ticket: Math.ceil(lifetimeMs / 1000) + 2 * TICKET_GRACE_SECONDS,
    loginTransaction: LOGIN_TRANSACTION_SECONDS,
    logoutState: LOGIN_TRANSACTION_SECONDS,
    form: LOGIN_TRANSACTION_SECONDS,
  })
  return {
    seal,
    sessionCookieOf: (provider) =>
      createSessionCookie({
        seal,
        publicUrl,
        sameSite,
        ...(provider === '' ? {} : { provider }),
      }),
    transactionCookie: createLoginTransactionCookie(seal, publicUrl),
  }
}
