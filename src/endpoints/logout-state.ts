import { parseReturnTo } from '../domain/return-to.ts'
import type { CookieSeal } from '../http/cookie-seal.ts'

/** What is left to do of a sign-out. */
export interface LogoutPlan {
  /** The landing place; absent when none was wished for. */
  readonly returnTo?: string
  /** Names of providers that may still know the user; absent: none. */
  readonly rest?: readonly string[]
}

/** Carries the rest of a sign-out through the provider, in the `state` it repeats. */
export interface LogoutState {
  seal(plan: LogoutPlan): string
  /** Nothing is left to do when the state is missing or not ours (STANDARDS LO-3). */
  open(state: string | null): LogoutPlan
}

/** The wish comes from a browser: it is checked before it is sealed and again when used (STANDARDS LO-5). */
export function createLogoutState(seal: CookieSeal): LogoutState {
  return {
    seal: ({ returnTo, rest = [] }) => {
      const place = returnTo === undefined ? {} : { returnTo: parseReturnTo(returnTo) }
      const value = rest.length === 0 ? place : { ...place, rest: rest.join(',') }
      return Buffer.from(seal.seal('logoutState', value)).toString('base64url')
    },
    open: (state) => {
      if (state === null) return {}
      const sealed = Buffer.from(state, 'base64url').toString('latin1')
      const { returnTo, rest } = seal.open('logoutState', sealed)?.value ?? {}
      return {
        ...(typeof returnTo === 'string' ? { returnTo: parseReturnTo(returnTo) } : {}),
        ...(typeof rest === 'string' ? { rest: rest.split(',') } : {}),
      }
    },
  }
}
