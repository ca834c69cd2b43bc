import { choice, either, list, section, text, optional } from './schema-parts.ts'

/** `routes[].token`: which access token the upstream gets. */
export const tokenSchema = section(
  {
    via: choice(['login', 'refresh', 'exchange', 'client_credentials', 'none'], {
      default: 'login',
      example: 'refresh',
      description:
        'How the upstream gets its access token. login (default): the one of the sign-in. refresh: one of its own by the refresh token, for audience or ' +
        'resource (RFC 8707, multi-resource refresh tokens). exchange: one of its own in exchange for the one of the sign-in (RFC 8693). ' +
        'client_credentials: the token of the gateway itself, for every request that passes, signed in or not. none: no Authorization header.',
    }),
    audience: optional(
      text('line', {
        example: 'https://orders.example.com',
        description:
          'Identifier of the API the token is for, sent as audience. Default: not sent. With refresh, exchange and client_credentials.',
      }),
    ),
    resource: optional(
      text('resource', {
        example: 'https://orders.example.com/',
        description:
          'Resource indicator of the upstream, sent as resource (RFC 8707 §2). Default: not sent. What refresh asks for is named at every login too, ' +
          'beside provider.resource: a provider grants later only what it was asked for then.',
      }),
    ),
    scope: optional(
      either<readonly string[]>([text('scope'), list(text('scope-token'), { minItems: 1 })], {
        example: 'read:orders',
        description:
          'Scopes of this token, as one string or a list. Default: not sent, and the provider decides. With refresh most providers give only what ' +
          'provider.scope has (RFC 6749 §6).',
      }),
    ),
  },
  {
    default: {},
    exampleOff: true,
    description:
      'Which access token the upstream gets. Tokens are kept apart by every key of this section, so that the token for one upstream never reaches another.',
  },
)
