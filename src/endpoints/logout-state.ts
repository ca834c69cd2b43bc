import { parseReturnTo } from '../domain/return-to.ts'
import type { CookieSeal } from '../http/cookie-seal.ts'

/** Carries the landing place of a sign-out through the provider, in the `state` it repeats. */
export interface LogoutState {
  seal(returnTo: string | undefined): string
  /** The landing place; `undefined` when none was wished for, or the state is missing or not ours (STANDARDS LO-3). */
  open(state: string | null): string | undefined
}

/** The wish comes from a browser: it is checked before it is sealed and again when used (STANDARDS LO-5). */
export function createLogoutState(seal: CookieSeal): LogoutState {
  return {
    seal: (returnTo) => {
      const value = returnTo === undefined ? {} : { returnTo: parseReturnTo(returnTo) }
      return Buffer.from(seal.seal('logoutState', value)).toString('base64url')
    },
    open: (state) => {
      if (state === null) return undefined
      const sealed = Buffer.from(state, 'base64url').toString('latin1')
      const returnTo = seal.open('logoutState', sealed)?.value['returnTo']
      return typeof returnTo === 'string' ? parseReturnTo(returnTo) : undefined
    },
  }
}
