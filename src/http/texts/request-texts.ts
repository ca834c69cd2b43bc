import type { Reason } from '../../domain/reason.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

const NOT_SENT: PageText = {
  title: 'This request was not accepted',
  paragraphs: [
    'Something about the address or the request is not right. Check the address, or begin at the start page.',
  ],
  icon: 'stop',
  ways: ['home'],
}

/** The request itself is not one to serve. */
export const REQUEST_TEXTS = {
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
  verify_refused: {
    title: 'Verification refused',
    detail:
      'Only a proxy that is trusted may ask, with its key and with one method and one address.',
    page: NOT_SENT,
  },
  logout_token_invalid: {
    title: 'Logout token refused',
    detail: 'The logout token is not one that the identity provider made for this gateway.',
    page: NOT_SENT,
  },
} satisfies Partial<Record<Reason, RefusalText>>
