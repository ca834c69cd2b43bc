import type { Reason } from '../domain/reason.ts'
import type { IconName } from './page.ts'

/** Where a page leads on to; `refusal-page.ts` knows the addresses. */
export type WayOn =
  | 'sign_in'
  | 'sign_in_again'
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
  other_account: 'Use another account',
  step_up: 'Confirm that it is you',
  try_login_again: 'Try again',
  try_again: 'Try again',
  continue: 'Continue',
  home: 'Go to the start page',
}

const SESSION_ENDED: PageText = {
  title: 'Your session has ended',
  paragraphs: [
    'To protect your data you were signed out. Sign in again to carry on where you were.',
  ],
  icon: 'clock',
  ways: ['sign_in_again'],
}

const NOT_SENT: PageText = {
  title: 'This request was not accepted',
  paragraphs: [
    'Something about the address or the request is not right. Check the address, or begin at the start page.',
  ],
  icon: 'stop',
  ways: ['home'],
}

const FOR_PROGRAMS: PageText = {
  title: 'This address is for programs',
  paragraphs: ['It takes an access token, and what came was none that is valid here.'],
  icon: 'stop',
  ways: ['home'],
}

const NOT_YOURS: PageText = {
  title: 'Your account may not see this page',
  paragraphs: [
    'You are signed in, but this page is for other people, or for people with more rights.',
    'If you need it, ask those who run this service and give them the reference below. If you have another account, you can use that one.',
  ],
  icon: 'stop',
  ways: ['other_account', 'home'],
}

const FOREIGN_SITE: PageText = {
  title: 'This came from another website',
  paragraphs: [
    'For your safety, other websites cannot do this in your name. Nothing was changed.',
    'If you meant to do it, open the page here yourself and try again.',
  ],
  icon: 'stop',
  ways: ['home'],
}

const SERVICE_DOWN: PageText = {
  title: 'The service is not available right now',
  paragraphs: [
    'It could not be reached. This is usually over in a few minutes. If you were signed in, you still are.',
  ],
  icon: 'cloud',
  ways: ['try_again'],
}

const BUSY: PageText = {
  title: 'A short interruption',
  paragraphs: [
    'We cannot answer just now. This is usually over in a moment. Your session is kept.',
  ],
  icon: 'cloud',
  ways: ['try_again'],
}

const LOGIN_STALE: PageText = {
  title: 'This sign-in can no longer be used',
  paragraphs: [
    'It was finished already, or too much time has passed since it began.',
    'Continue, and you will be asked to sign in only if it is needed.',
  ],
  icon: 'clock',
  ways: ['continue'],
}

/** The words for every refusal. A new reason does not compile until it has its own. */
export const TEXT_OF_REASON: Readonly<Record<Reason, RefusalText>> = {
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
  bearer_missing: {
    title: 'Access token required',
    detail: 'No access token came with the request.',
    page: FOR_PROGRAMS,
  },
  bearer_invalid: {
    title: 'Access token refused',
    detail: 'The access token is not valid here.',
    page: FOR_PROGRAMS,
  },
  bearer_expired: {
    title: 'Access token expired',
    detail: 'The access token has expired.',
    page: FOR_PROGRAMS,
  },
  claims_unmet: {
    title: 'Not allowed for this account',
    detail: 'The account lacks what this route asks for.',
    page: NOT_YOURS,
  },
  insufficient_scope: {
    title: 'Insufficient scope',
    detail: 'The access token was granted less scope than this route asks for.',
    page: NOT_YOURS,
  },
  cross_site_refused: {
    title: 'Cross-site request refused',
    detail: 'The request was sent by another site on behalf of a signed-in browser.',
    page: FOREIGN_SITE,
  },
  origin_refused: {
    title: 'Origin refused',
    detail: 'The origin of the request is not allowed here.',
    page: FOREIGN_SITE,
  },
  verify_refused: {
    title: 'Verification refused',
    detail:
      'Only a proxy that is trusted may ask, with its key and with one method and one address.',
    page: NOT_SENT,
  },
  path_refused: {
    title: 'Ambiguous path',
    detail: 'The path can be read in more than one way and is refused.',
    page: { ...NOT_SENT, title: 'This address cannot be used' },
  },
  request_malformed: {
    title: 'Malformed request',
    detail: 'The request breaks a rule of HTTP.',
    page: NOT_SENT,
  },
  parameter_refused: {
    title: 'Parameter refused',
    detail: 'A parameter is repeated or has a value that is not allowed.',
    page: NOT_SENT,
  },
  host_refused: {
    title: 'Host not served here',
    detail: 'The host in the request is not served here.',
    page: {
      title: 'This address is not served here',
      paragraphs: ['Check the name of the website in the address bar.'],
      icon: 'map',
      ways: [],
    },
  },
  method_not_allowed: {
    title: 'Method not allowed',
    detail: 'The method is not allowed here; the Allow field lists those that are.',
    page: NOT_SENT,
  },
  route_not_found: {
    title: 'Not found',
    detail: 'No route matches the request.',
    page: {
      title: 'There is nothing here',
      paragraphs: ['The address may be mistyped, or the page has moved.'],
      icon: 'map',
      ways: ['home'],
    },
  },
  request_timeout: {
    title: 'Request timed out',
    detail: 'The request did not arrive completely in time.',
    page: {
      title: 'That took too long',
      paragraphs: ['Your request did not arrive completely. Check your connection and try again.'],
      icon: 'clock',
      ways: ['try_again'],
    },
  },
  body_too_large: {
    title: 'Body too large',
    detail: 'The request body is larger than this route accepts.',
    page: {
      title: 'That is too large',
      paragraphs: ['What you sent is larger than the service accepts. Try a smaller file.'],
      icon: 'stop',
      ways: ['home'],
    },
  },
  headers_too_large: {
    title: 'Header fields too large',
    detail: 'The header fields of the request are too large.',
    page: {
      title: 'Your browser sent too much',
      paragraphs: ['Deleting the cookies of this site usually helps.'],
      icon: 'cookie',
      ways: ['home'],
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
  uri_too_long: {
    title: 'Address too long',
    detail: 'The request target is longer than is accepted.',
    page: { ...NOT_SENT, title: 'This address is too long' },
  },
  expectation_refused: {
    title: 'Expectation refused',
    detail: 'Only the expectation 100-continue is known.',
    page: NOT_SENT,
  },
  upgrade_refused: {
    title: 'Upgrade refused',
    detail: 'This upgrade is not possible here.',
    page: NOT_SENT,
  },
  proxy_loop: {
    title: 'Loop detected',
    detail: 'The request came back to the gateway it had passed before.',
    page: {
      ...SERVICE_DOWN,
      title: 'The service cannot be reached this way',
      paragraphs: [
        'The fault is not yours. Tell the people who run this service the reference below.',
      ],
      ways: ['home'],
    },
  },
  store_unavailable: {
    title: 'Session store unavailable',
    detail: 'Sessions cannot be read at the moment; they are kept.',
    page: BUSY,
  },
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
  token_refused: {
    title: 'No token for this service',
    detail:
      'The identity provider gives no access token for the service behind the gateway; the session is kept.',
    page: {
      ...SERVICE_DOWN,
      title: 'You cannot use this service',
      paragraphs: [
        'The service that signs you in gives no access to it. You are still signed in.',
        'If you think that you should have access, tell the people who run this service the reference below.',
      ],
      icon: 'stop',
      ways: ['home'],
    },
  },
  token_unusable: {
    title: 'Unusable token for this service',
    detail:
      'The identity provider gave no usable access token for the service behind the gateway; the session is kept.',
    page: {
      ...SERVICE_DOWN,
      paragraphs: [
        'The service that signs you in gave an answer we could not use. If you were signed in, you still are.',
      ],
    },
  },
  upstream_unreachable: {
    title: 'Upstream unreachable',
    detail: 'The service behind the gateway cannot be reached.',
    page: SERVICE_DOWN,
  },
  upstream_timeout: {
    title: 'Upstream timed out',
    detail: 'The service behind the gateway did not answer in time.',
    page: {
      ...SERVICE_DOWN,
      title: 'The service takes too long',
      paragraphs: [
        'It did not answer in time. Try again in a moment. If you were signed in, you still are.',
      ],
      icon: 'clock',
    },
  },
  upstream_protocol_error: {
    title: 'Upstream protocol error',
    detail: 'The service behind the gateway gave an answer that is not valid HTTP.',
    page: {
      ...SERVICE_DOWN,
      title: 'The service answered in a way we cannot use',
      paragraphs: [
        'The fault is not yours. Try again in a moment. If you were signed in, you still are.',
      ],
    },
  },
  overloaded: {
    title: 'Overloaded',
    detail: 'Too many requests are waiting.',
    page: BUSY,
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
  logout_token_invalid: {
    title: 'Logout token refused',
    detail: 'The logout token is not one that the identity provider made for this gateway.',
    page: NOT_SENT,
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
  internal_error: {
    title: 'Internal error',
    detail: 'Something went wrong inside the gateway.',
    page: {
      title: 'Something went wrong',
      paragraphs: [
        'The fault is on our side. Try again, and if it happens again, tell the people who run this service the reference below.',
      ],
      icon: 'cloud',
      ways: ['try_again', 'home'],
    },
  },
}

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

export const SIGNED_OUT = {
  title: 'You are signed out',
  paragraphs: ['You can close this window now.'],
  icon: 'check',
  signIn: 'Sign in again',
} as const

export const CONFIRM_SIGN_OUT = {
  title: 'Do you want to sign out?',
  paragraphs: ['Unsaved work in other tabs may be lost.'],
  icon: 'door',
  signOut: 'Sign out',
  stay: 'Stay signed in',
} as const

/** Seen for a moment on the way back, when the session cookie is strict. */
export const SIGNED_IN = {
  title: 'You are signed in',
  paragraphs: ['One moment, you are being taken to your page.'],
  icon: 'check',
  goOn: 'Continue',
} as const
