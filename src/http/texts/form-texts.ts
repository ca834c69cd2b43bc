import type { Reason } from '../../domain/reason.ts'
import { FORM_MINUTES } from '../form-seal.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

const NOT_SENT = 'Your form was not sent'

/** A form was kept across a sign-in, and cannot be sent. */
export const FORM_TEXTS = {
  form_expired: {
    title: 'Form too old',
    detail: 'The kept form is too old, or none of ours.',
    page: {
      title: NOT_SENT,
      paragraphs: [
        `We keep a form for ${FORM_MINUTES} minutes, and this one is older. Please fill it in once more.`,
      ],
      icon: 'clock',
      ways: ['home'],
    },
  },
  form_already_sent: {
    title: 'Form already sent',
    detail: 'The kept form was handed over before.',
    page: {
      title: 'Your form was sent before',
      paragraphs: [
        'We pass a form on once only. Have a look whether it arrived before you fill it in again.',
      ],
      icon: 'check',
      ways: ['home'],
    },
  },
  form_not_yours: {
    title: 'Form of another user',
    detail: 'The kept form was filled in by another user, as far as can be told.',
    page: {
      title: NOT_SENT,
      paragraphs: [
        'It was filled in by somebody else than who is signed in now, as far as we can tell.',
        'To send it, sign in with the account that it was filled in with.',
      ],
      icon: 'stop',
      ways: ['other_account', 'home'],
    },
  },
} satisfies Partial<Record<Reason, RefusalText>>

/** Nobody was signed in when a form arrived, and it was not kept. */
export const FORM_LOST: PageText = {
  title: NOT_SENT,
  paragraphs: [
    'You have to sign in before it can be sent. What you typed is not lost yet: do not close this tab.',
    'First sign in in a new tab. Then come back to this one and use the back button of your browser. Your form is usually still filled in. Send it again.',
  ],
  icon: 'clock',
  ways: ['sign_in_apart'],
}

/** Something that a login needs or a request waits for was missing: nothing has gone upstream. */
export const RELOAD_TO_SEND = `${NOT_SENT}. To send it again, reload this page in a moment.`

/** The same as `FORM_LOST`, where the form is in the page itself. */
export const FORM_IN_PAGE = {
  title: 'Your form has not been sent yet',
  paragraphs: [
    'You have to sign in before it can be sent. What you typed is kept in this page.',
    `First sign in in a new tab. Then come back to this one and send the form, within ${FORM_MINUTES} minutes.`,
  ],
  icon: 'clock',
  signIn: 'Sign in in a new tab',
  send: 'Send the form',
} as const

/** The same, where a script has put the form aside. */
export const FORM_KEPT = {
  title: 'Your form has not been sent yet',
  paragraphs: [
    `You have to sign in before it can be sent. What you typed is kept in this tab for ${FORM_MINUTES} minutes, and is sent as soon as you have signed in.`,
  ],
  signIn: 'Sign in and send the form',
} as const

/** Seen for a moment on the way back. */
export const FORM_ON_ITS_WAY = {
  title: 'Your form is being sent',
  paragraphs: ['One moment, please.'],
} as const

/** Whoever looks there by a way of their own, or without scripts. */
export const NO_FORM_HERE = {
  title: 'No form waits in this tab',
  paragraphs: [
    'If you have just signed in to send one that waits in another tab, go there and send it.',
  ],
  icon: 'check',
  home: 'Go to the start page',
} as const

/** Seen for a moment; without scripts it waits for a click. */
export const FORM_READY = {
  title: 'Your form can be sent now',
  paragraphs: ['You are signed in.'],
  icon: 'check',
  send: 'Send the form',
} as const
