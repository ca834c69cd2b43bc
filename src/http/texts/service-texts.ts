import type { Reason } from '../../domain/reason.ts'
import type { PageText, RefusalText } from './refusal-text.ts'

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

/** The service behind, or a part of ours, does not do what it should. */
export const SERVICE_TEXTS = {
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
} satisfies Partial<Record<Reason, RefusalText>>
