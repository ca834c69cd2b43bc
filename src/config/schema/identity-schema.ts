import { duration, list, section, text, optional } from './schema-parts.ts'

/** `identity`: what the gateway signs its statements about callers with. */
export const identitySchema = section(
  {
    keys: list(text('signing-key', { secret: true }), {
      minItems: 1,
      example: `['\${file:/run/secrets/identity_key.pem}']`,
      description:
        'Private keys, PEM or JWK: P-256 (ES256), Ed25519 (EdDSA) or RSA of at least 2048 bits (RS256). The first signs, all are published at /oauth2/jwks. Every ' +
        'replica needs the same. Whoever knows the first can state any identity to your upstreams. To change keys: docs/headers.md. ' +
        'Make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256.',
      whenMissing: 'the keys to sign with are needed',
    }),
    issuer: optional(
      text('issuer', {
        exampleOff: true,
        example: 'https://app.example.com',
        description: 'Who states it: iss. Default: publicUrl, without a slash at the end.',
      }),
    ),
    lifetime: duration({
      default: '60s',
      atLeast: '10s',
      atMost: '10m',
      description:
        'How long a statement holds: exp. Default 60s. Upstreams get one that has at least half of it left. Longer than a minute means that a stolen one is of use for longer, also after a ' +
        'sign-out; shorter asks for clocks that agree.',
    }),
  },
  {
    exampleOff: true,
    description:
      'Signs statements about callers, for upstreams that want proof of who asks without calling the provider; each route says whether its upstream gets one. See docs/headers.md. Default: off.',
  },
)

/** `routes[].identity`: whether the upstream gets one. */
export const routeIdentitySchema = section(
  {
    header: text('header-name', {
      default: 'X-Bearergate-Identity',
      description:
        'The header it comes in. Default X-Bearergate-Identity. What a client sends under this name is dropped on every route.',
    }),
    audience: optional(
      text('line', {
        example: 'https://orders.example.com',
        description:
          'Whom it is for: aud. Default: scheme, host and port of upstream, as in http://orders:3000 (80 and 443 are left out). The upstream must check it, or it would take statements made for others.',
      }),
    ),
    claims: list(text('claim-name'), {
      default: [],
      example: '[email, groups]',
      description:
        'Claims of the caller to repeat, whole ones only, under their own names. Default: none beside sub and idp_iss. A claim that the caller does not have is left out.',
    }),
  },
  {
    exampleOff: true,
    description:
      'The upstream gets a signed statement (JWT) about the caller, see identity and docs/headers.md. Default: none; {} is enough for one. Nobody known, as on optional routes: no header.',
  },
)
