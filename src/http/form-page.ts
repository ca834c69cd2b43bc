import { formFields, type KeptForm } from '../domain/kept-form.ts'
import type { Page } from './page.ts'
import { BRING_FORM, KEEP_FORM, SEND_FORM } from './page-scripts.ts'
import {
  FORM_IN_PAGE,
  FORM_KEPT,
  FORM_ON_ITS_WAY,
  FORM_READY,
  NO_FORM_HERE,
} from './texts/form-texts.ts'

/** Where kept forms are brought after the login. */
export const FORM_PATH = '/oauth2/form'

const FORM_FIELD = 'form'

type FormPage = Omit<Page, 'requestId' | 'host'>

/** A form that was sealed, in the page that tells of it. */
export interface SealedForm {
  readonly sealed: string
  /** Leads to the login for its sake. */
  readonly loginHref: string
}

/** The form has not been sent: it waits in this tab. */
export function keptFormPage({ sealed, loginHref }: SealedForm): FormPage {
  const { title, paragraphs, icon, signIn, send } = FORM_IN_PAGE
  const kept = { ...FORM_KEPT, ways: [{ label: FORM_KEPT.signIn, href: loginHref }] }
  return {
    title,
    paragraphs,
    icon,
    ways: [
      { label: signIn, href: loginHref, inNewTab: true },
      { label: send, submits: true },
    ],
    form: { postTo: FORM_PATH, fields: [[FORM_FIELD, sealed]] },
    scripted: { script: KEEP_FORM, instead: kept },
  }
}

/** The login is done: fetches the form that waits in this tab, and brings it to us. */
export function bringFormPage(): FormPage {
  const { title, paragraphs, icon, home } = NO_FORM_HERE
  return {
    title,
    paragraphs,
    icon,
    ways: [{ label: home, href: '/' }],
    form: { postTo: FORM_PATH, fields: [[FORM_FIELD, '']] },
    scripted: { script: BRING_FORM, instead: { ...FORM_ON_ITS_WAY, ways: [] } },
  }
}

/** The form itself, on its way to where it was sent first: a request like any other, under all rules of its route. */
export function sendFormPage({ target, body }: KeptForm): FormPage {
  const { title, paragraphs, icon, send } = FORM_READY
  return {
    title,
    paragraphs,
    icon,
    ways: [{ label: send, submits: true }],
    form: { postTo: target, fields: formFields(body) ?? [] },
    scripted: { script: SEND_FORM, instead: { ...FORM_ON_ITS_WAY, ways: [] } },
  }
}

/** The sealed form in the body of a request to `FORM_PATH`; empty when there is not exactly one. */
export function sealedFormOf(body: unknown): string {
  const [sealed = '', second] = new URLSearchParams(typeof body === 'string' ? body : '').getAll(
    FORM_FIELD,
  )
  return second === undefined ? sealed : ''
}
