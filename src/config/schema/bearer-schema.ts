import { BEARER_ALGORITHMS } from '../../oidc/bearer-token-verification.ts'
import { choice, list, section, text, optional } from './schema-parts.ts'

/** `routes[].bearer`: which access tokens of callers a route takes. */
export const bearerSchema = section(
  {
    audience: optional(
      list(text('line'), {
        minItems: 1,
        example: '[https://orders.example.com]',
        description:
          'The token must be for one of these (aud). Default: provider.audience and provider.resource, the API that the own tokens of the gateway are for. Never the ' +
          'client id: ID tokens are for that (RFC 9700 §2.3).',
      }),
    ),
    algorithms: list(choice(BEARER_ALGORITHMS, {}), {
      default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      minItems: 1,
      description:
        'Signature algorithms of tokens that are JWTs. Default: those in use. Only asymmetric ones exist here; a token without signature or with a shared secret is never ' +
        'taken (RFC 8725 §3.1).',
    }),
    check: choice(['auto', 'keys', 'introspection'], {
      default: 'auto',
      description:
        'How tokens are checked. auto (default): a JWT by the keys of the provider, any other by asking the provider (RFC 7662), if it has an introspection endpoint. ' +
        'keys: JWTs only; strangers cannot make the gateway ask. introspection: always ask, so that a revoked token is refused within 30 s; each new token ' +
        'costs the provider a call.',
    }),
  },
  {
    default: {},
    description:
      'Access tokens that callers bring, where credentials has bearer: of the same issuer, in force, for the audience of the route.',
  },
)
