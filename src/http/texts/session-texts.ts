import type { Reason } from '../../domain/reason.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

const SESSION_ENDED: PageText = {
  title: 'Your session has ended',
  paragraphs: [
    'To protect your data you were signed out. Sign in again to carry on where you were.',
  ],
  icon: 'clock',
  ways: ['sign_in_again'],
}

/** Nobody is signed in, or not well enough. */
export const SESSION_TEXTS = {
  no_session: {
    title: 'Sign-in required',
    detail: 'No session came with the request.',
    page: {
      title: 'Please sign in',
      paragraphs: ['You need to be signed in to see this page.'],
      icon: 'door',
      ways: ['sign_in'],
    },
  },
  session_expired: {
    title: 'Session expired',
    detail: 'The session reached the end of its lifetime.',
    page: SESSION_ENDED,
  },
  session_idle: {
    title: 'Session timed out',
    detail: 'The session was not used for too long.',
    page: { ...SESSION_ENDED, title: 'You were away for a while' },
  },
  session_revoked: {
    title: 'Session ended',
    detail: 'The session was signed out.',
    page: {
      ...SESSION_ENDED,
      title: 'You are signed out',
      paragraphs: ['Your session was ended. Sign in again to carry on.'],
    },
  },
  session_superseded: {
    title: 'Session ended by a newer one',
    detail: 'The account has signed in elsewhere, and only so many of its sessions may exist.',
    page: {
      ...SESSION_ENDED,
      title: 'You signed in somewhere else',
      paragraphs: [
        'Your account may be signed in on a limited number of devices. This one was signed out, as it was the oldest.',
        'If that was not you, change your password.',
      ],
    },
  },
  refresh_rejected: {
    title: 'Session ended by the identity provider',
    detail: 'The identity provider no longer renews this session.',
    page: SESSION_ENDED,
  },
  step_up_required: {
    title: 'Stronger sign-in required',
    detail: 'The user must sign in again, more recently or in a stronger way.',
    page: {
      title: 'Please confirm that it is you',
      paragraphs: ['This page needs a sign-in that is more recent, or in a stronger way.'],
      icon: 'door',
      ways: ['step_up'],
    },
  },
} satisfies Partial<Record<Reason, RefusalText>>
