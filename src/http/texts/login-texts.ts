import type { Reason } from '../../domain/reason.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

const LOGIN_STALE: PageText = {
  title: 'This sign-in can no longer be used',
  paragraphs: [
    'It was finished already, or too much time has passed since it began.',
    'Continue, and you will be asked to sign in only if it is needed.',
  ],
  icon: 'clock',
  ways: ['continue'],
}

/** A sign-in that did not come to its end. */
export const LOGIN_TEXTS = {
  provider_unavailable: {
    title: 'Identity provider unavailable',
    detail: 'The identity provider does not answer at the moment; sessions are kept.',
    page: {
      title: 'Sign-in is not available right now',
      paragraphs: [
        'The service that signs you in does not answer. This is usually over in a few minutes.',
      ],
      icon: 'cloud',
      ways: ['try_again'],
    },
  },
  provider_error: {
    title: 'Identity provider error',
    detail: 'The identity provider gave an answer that cannot be used.',
    page: {
      title: 'The sign-in did not work',
      paragraphs: [
        'The service that signs you in gave an answer we could not use. You are not signed in.',
        'Please try again. If it happens again, tell the people who run this service the reference below.',
      ],
      icon: 'cloud',
      ways: ['try_login_again', 'home'],
    },
  },
  rate_limited: {
    title: 'Too many sign-ins',
    detail: 'More sign-ins were begun than are allowed in this time.',
    page: {
      title: 'Too many sign-ins at once',
      paragraphs: [
        'From your network, or altogether, more sign-ins were begun than are allowed in a short time.',
        'Wait a minute, then try again.',
      ],
      icon: 'clock',
      ways: ['try_again'],
    },
  },
  login_state_unknown: {
    title: 'Login unknown',
    detail: 'The callback belongs to no login of this browser that is still open.',
    page: LOGIN_STALE,
  },
  login_cookie_missing: {
    title: 'Login cookie missing',
    detail: 'The browser sent no login cookie with the callback.',
    page: {
      title: 'Your browser did not keep the sign-in',
      paragraphs: [
        'To sign you in, this site must keep a cookie for a few minutes, and your browser did not send it back.',
        'Allow cookies for this site, then try again. If you came from a bookmark or an old page, just try again.',
      ],
      icon: 'cookie',
      ways: ['try_login_again', 'home'],
    },
  },
  login_refused: {
    title: 'Login refused',
    detail: 'The identity provider or a rule of this gateway refused the login.',
    page: {
      title: 'You could not be signed in',
      paragraphs: [
        'The sign-in was refused, and nothing was stored.',
        'If you have another account, you can try that one. If you think this is a mistake, tell the people who run this service the reference below.',
      ],
      icon: 'stop',
      ways: ['other_account', 'home'],
    },
  },
  login_issuer_missing: {
    title: 'Login of unknown origin',
    detail:
      'The answer does not say which identity provider it is from, and several share this callback: the operator has to give that provider a callback of its own.',
    page: {
      title: 'You could not be signed in',
      paragraphs: [
        'The answer did not say which service signed you in, so it was not used. Nothing was stored.',
        'Trying again will not help. Tell the people who run this service the reference below.',
      ],
      icon: 'stop',
      ways: ['home'],
    },
  },
  login_loop: {
    title: 'Login goes in circles',
    detail: 'Several logins in a row gave no usable session.',
    page: {
      title: 'The sign-in goes in circles',
      paragraphs: [
        'You were signed in several times, but it did not last. We stopped here so that your browser does not keep going.',
        'Check that the clock of your device is right and that cookies are allowed, then try again.',
      ],
      icon: 'stop',
      ways: ['try_login_again', 'home'],
    },
  },
  step_up_failed: {
    title: 'Sign-in not strong enough',
    detail: 'The login was not as recent or as strong as what it was for needs.',
    page: {
      title: 'This sign-in is not enough here',
      paragraphs: [
        'The page you want needs a sign-in that is more recent, or in a stronger way, such as with a second factor. What you did at the sign-in was not that.',
        'You can try once more. If it does not help, tell the people who run this service the reference below.',
      ],
      icon: 'stop',
      ways: ['step_up', 'home'],
    },
  },
} satisfies Partial<Record<Reason, RefusalText>>

/** The login ended with a no at the provider: the user's own, or a rule's. Providers use one code for both. */
export const LOGIN_CANCELLED: PageText = {
  title: 'The sign-in was cancelled',
  paragraphs: [
    'You are not signed in, and nothing was stored.',
    'If you did not cancel it yourself, your account may not have access here.',
  ],
  icon: 'door',
  ways: ['sign_in', 'home'],
}
