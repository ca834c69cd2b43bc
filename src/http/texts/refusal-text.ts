import type { IconName } from '../page.ts'

/** Where a page leads on to; `refusal-page.ts` knows the addresses. */
export type WayOn =
  | 'sign_in'
  | 'sign_in_again'
  | 'sign_in_apart'
  | 'other_account'
  | 'step_up'
  | 'try_login_again'
  | 'try_again'
  | 'continue'
  | 'home'

/** The words for one refusal: a title and a sentence for machines' operators, a page for people. */
export interface RefusalText {
  readonly title: string
  readonly detail: string
  readonly page: PageText
}

export interface PageText {
  readonly title: string
  readonly paragraphs: readonly string[]
  readonly icon: IconName
  readonly ways: readonly WayOn[]
}

export const LABEL_OF_WAY: Readonly<Record<WayOn, string>> = {
  sign_in: 'Sign in',
  sign_in_again: 'Sign in again',
  sign_in_apart: 'Sign in in a new tab',
  other_account: 'Use another account',
  step_up: 'Confirm that it is you',
  try_login_again: 'Try again',
  try_again: 'Try again',
  continue: 'Continue',
  home: 'Go to the start page',
}
