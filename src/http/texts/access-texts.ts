import type { Reason } from '../../domain/reason.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

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

/** Who it is, or where they come from, is not enough. */
export const ACCESS_TEXTS = {
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
} satisfies Partial<Record<Reason, RefusalText>>
