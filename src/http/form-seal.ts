import type { KeptForm } from '../domain/kept-form.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import { LOGIN_TRANSACTION_SECONDS } from './login-transaction-cookie.ts'
import type { CookieSeal } from './cookie-seal.ts'

/** What a kept form is while it waits in its browser: text that nobody but us can read or change. */
export interface FormSeal {
  seal(form: KeptForm): string
  /** `undefined` for what is too old (as a login, 15 minutes), changed, or never was ours. */
  open(sealed: string): KeptForm | undefined
}

/** How long a kept form can be sent. */
export const FORM_MINUTES = LOGIN_TRANSACTION_SECONDS / 60

/** Seals forms under keys of their own purpose (STANDARDS SE-23). The id stands in front for the page that looks for it. */
export function createFormSeal(seal: CookieSeal): FormSeal {
  return {
    seal: (form) => `${form.id}.${seal.seal('form', { ...form })}`,
    open: (sealed) => {
      const dot = sealed.indexOf('.')
      const opened = seal.open('form', sealed.slice(dot + 1))
      if (opened === undefined || opened.value['id'] !== sealed.slice(0, dot)) return undefined
      return asForm(opened.value)
    },
  }
}

/** Checked again when used: another version of ours may have sealed it. */
function asForm(value: Readonly<Record<string, unknown>>): KeptForm | undefined {
  const { id, target, body, owner, providers } = value
  if (typeof id !== 'string' || typeof target !== 'string' || typeof body !== 'string') {
    return undefined
  }
  if (parseReturnTo(target) !== target) return undefined
  return {
    id,
    target,
    body,
    ...(typeof owner === 'string' ? { owner } : {}),
    ...(typeof providers === 'string' ? { providers } : {}),
  }
}
