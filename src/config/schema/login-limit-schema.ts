import { count, duration, section } from './schema-parts.ts'

/** `loginLimit`: how many sign-ins may be begun. */
export const loginLimitSchema = section(
  {
    perAddress: count({
      default: 120,
      minimum: 0,
      maximum: 1_000_000,
      description:
        'Most sign-ins one client address may begin within window, and as many callbacks. Default 120: an office behind one address at nine in the ' +
        'morning. The address is the one behind listen.trustedProxies, an IPv6 network (/64) counting as one. Too small locks out people who share ' +
        'an address; 0 is no limit, and a single client can keep the provider busy (RFC 9700 §4, ASVS 2.4.1).',
    }),
    total: count({
      default: 6_000,
      minimum: 0,
      maximum: 100_000_000,
      description:
        'Most sign-ins that all clients together may begin within window. Default 6000, 100 a second: what a provider should bear. Too small turns ' +
        'a rush into refusals for everybody; 0 is no limit. Callbacks are not counted here, so that whoever is at the provider can come back.',
    }),
    window: duration({
      default: '1m',
      atLeast: '1s',
      atMost: '1d',
      description:
        'The time both counts are for, and the longest that a refusal lasts. Default 1m.',
    }),
  },
  {
    default: {},
    description:
      'Holds back floods of sign-ins with 429. Each process counts for itself: several workers or replicas allow that many times as much. ' +
      'Sessions and requests of signed-in users are never counted.',
  },
)
