import type { ClientKey } from '../../oidc/private-key-jwt.ts'
import type { ClientAuthenticationMethod } from '../../oidc/provider-options.ts'
import { choice, section, text, optional } from './schema-parts.ts'

const clientKey = section(
  {
    key: text('signing-key', {
      secret: true,
      example: '${file:/run/secrets/client_key.pem}',
      description:
        'The private key, PEM or JWK: P-256 (ES256), Ed25519 (EdDSA) or RSA of at least 2048 bits (RS256). Register its public half at the provider; ' +
        'openssl pkey -in client_key.pem -pubout shows it.',
      whenMissing: 'give the private key whose public half the provider knows',
    }),
    keyId: optional(
      text('line', {
        example: 'gateway-1',
        description:
          'How the provider names the key (kid), where it shows a name. Default: its thumbprint (RFC 7638). A JWK that is registered by hand needs a kid: choose one, and repeat it here.',
      }),
    ),
    audience: choice<ClientKey['audience']>(['issuer', 'token_endpoint'], {
      default: 'issuer',
      description:
        'Whom the assertions are for (aud). issuer (default): the issuer of the provider, which cannot be mistaken for another one. token_endpoint: its address, for providers that take nothing else.',
    }),
  },
  {
    exampleOff: true,
    description:
      'The gateway proves itself with a key instead of a secret (private_key_jwt): each call carries an assertion signed for one minute, and the provider stores nothing that could be stolen. Leave clientSecret out.',
  },
)

/** Who the gateway is to the provider, and how it proves that. */
export const clientKeys = {
  clientId: text('credential', {
    example: '${OIDC_CLIENT_ID}',
    description: 'Client id, as the provider shows it.',
    whenMissing: 'give the client id that the provider shows for this gateway',
  }),
  clientSecret: optional(
    text('credential', {
      secret: true,
      example: '${file:/run/secrets/oidc_client_secret}',
      description:
        'Client secret, as the provider shows it. Leave it out for a public client (clientAuthentication none). Take it from ' +
        'the environment or a file; it is never printed.',
    }),
  ),
  clientAuthentication: optional(
    choice<ClientAuthenticationMethod>(
      [
        'client_secret_basic',
        'client_secret_basic_raw',
        'client_secret_post',
        'private_key_jwt',
        'tls_client_auth',
        'self_signed_tls_client_auth',
        'none',
      ],
      {
        example: 'client_secret_basic',
        description:
          'How the gateway proves itself at the token endpoint. Default client_secret_basic with a clientSecret (id and secret ' +
          'form-encoded, RFC 6749 §2.3.1), private_key_jwt with a clientKey, tls_client_auth with a tls.certificate, none without all of them. client_secret_basic_raw leaves the encoding out, for servers that do not ' +
          'decode it: try it when a right secret is answered 401 or 403. client_secret_post sends the secret in the body. tls_client_auth and self_signed_tls_client_auth prove it by tls.certificate in the TLS handshake ' +
          '(RFC 8705 §2): its subject is registered at the provider, or itself. ' +
          'PKCE is always used, also with none.',
      },
    ),
  ),
  clientKey: optional(clientKey),
}
