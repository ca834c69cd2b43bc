import { clientKeys } from './provider-client-schema.ts'
import { endpointsSchema } from './provider-endpoints-schema.ts'
import { loginKeys } from './provider-login-schema.ts'
import { choice, duration, flag, freeMap, list, section, text, optional } from './schema-parts.ts'

const certificateAuthority = text('certificate-file', {
  example: '/etc/bearergate/provider-ca.pem',
  description:
    "PEM file of the certificate authorities trusted for the provider, instead of the system's. Relative to the " +
    'configuration file. It opens no other target: upstreams have their own. Certificates are always verified; there is no switch.',
})

const certificate = text('certificate-file', {
  example: '/etc/bearergate/client.pem',
  description:
    'PEM file of the certificate the gateway shows the provider, its intermediates behind it. Default: none. Needs key. Relative to the configuration file. With it the ' +
    "provider's endpoints for mutual TLS are used where its metadata names them (mtls_endpoint_aliases, RFC 8705 §5); are they on another origin, allowedOrigins has to list that. " +
    'For tokens bound to the certificate (§3) show the upstreams the same one: routes[].tls.',
})

const key = text('private-key-file', {
  secret: true,
  example: '/run/secrets/client.key',
  description: 'PEM file of the private key of certificate, without passphrase.',
})

const idToken = section(
  {
    algorithms: list(
      choice(
        ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'],
        {},
      ),
      {
        default: ['RS256'],
        minItems: 1,
        description:
          'Signature algorithms an ID token may have. Default RS256, which every provider must offer. The signature is always ' +
          'verified; none and the HS family are never accepted (OpenID Connect Core §3.1.3.7, RFC 8725 §3.1).',
      },
    ),
    clockTolerance: duration({
      default: '30s',
      atLeast: '0s',
      atMost: '60s',
      description:
        "How far the provider's clock may be off when times in an ID token are checked. Default 30s, at most 60s. Too small " +
        'refuses good logins when clocks drift; larger only lengthens the life of stolen ID tokens.',
    }),
    trustedAudiences: list(text('line'), {
      default: [],
      description:
        'Other audiences an ID token may name beside the clientId. Default none: an ID token that was made for further ' +
        'parties is refused (OpenID Connect Core §3.1.3.7).',
    }),
  },
  { default: {}, description: 'What an ID token must live up to.' },
)

/** The authorization server and our client there: what every provider has. */

const keys = {
  issuer: text('issuer', {
    example: 'https://tenant.eu.auth0.com/',
    description:
      'Issuer of the provider, octet by octet as its metadata says it: a slash more or less at the end is another issuer ' +
      '(OpenID Connect Discovery §4.3). Metadata is read from issuer + /.well-known/openid-configuration. https only, except on loopback.',
    whenMissing: 'give the issuer of your provider, such as https://tenant.eu.auth0.com/',
  }),
  discoveryUrl: optional(
    text('http-url', {
      exampleOff: true,
      example: 'https://idp.example.com/o/.well-known/openid-configuration/',
      description:
        "Address of the metadata document, where it is not the issuer's well-known one. The issuer named inside must still equal issuer.",
    }),
  ),
  endpoints: endpointsSchema,
  ...clientKeys,
  ...loginKeys,
  allowInsecureHttp: flag({
    default: false,
    description:
      'DANGER: accept http URLs of the provider beyond loopback. Default false. Codes, tokens and the client secret then ' +
      'cross the network readable and changeable by anyone on the way; for closed test networks only. Warned of at every start.',
  }),
  allowedOrigins: list(text('origin'), {
    default: [],
    description:
      'Further origins that discovered endpoints may have. Default none: every endpoint must be on the origin of the issuer (or of ' +
      'discoveryUrl), so that forged metadata cannot send secrets elsewhere. Endpoints given under endpoints need no entry.',
  }),
  idToken,
  userinfo: flag({
    default: false,
    description:
      'Ask the userinfo endpoint at each login and refresh, and merge its claims. Default false: one call less, and a token bound to an API is ' +
      'refused there by some providers. Needed where claims are in userinfo only.',
  }),
  timeout: duration({
    default: '10s',
    atLeast: '100ms',
    atMost: '10s',
    description:
      'Longest wait for one answer of the provider. Default and maximum 10s: beyond, users have given up. Too short turns a ' +
      'slow provider into failed logins.',
  }),
  accessTokenLifetime: duration({
    default: '5m',
    atLeast: '10s',
    atMost: '1d',
    description:
      'Assumed life of an access token whose answer has no expires_in. Default 5m. Too long, and upstreams see expired tokens; too ' +
      'short only refreshes more often (RFC 6749 §5.1).',
  }),
  tls: section(
    {
      certificateAuthority: optional(certificateAuthority),
      certificate: optional(certificate),
      key: optional(key),
    },
    {
      default: {},
      exampleOff: true,
      description: "Verification of the provider's certificate, and the gateway's own.",
    },
  ),
}

/** `provider`: the only one. */
export const providerSchema = section(keys, {
  description:
    "The authorization server and the gateway's registration there. Either this or providers is needed.",
})

const title = optional(
  text('line', {
    example: 'Staff',
    description:
      'What people read on the page where they choose between several. Default: the name of the provider.',
  }),
)

const ownCallback = flag({
  default: false,
  description:
    'Give this provider a redirect URI of its own, publicUrl + /oauth2/callback/NAME, and take its answers nowhere else. Default false: publicUrl + /oauth2/callback. ' +
    'Needed where several providers share that and this one does not name itself in its answers (iss, RFC 9207): such answers are refused, since they ' +
    "could be another provider's (RFC 9700 §4.4). Register the new redirect URI at the provider.",
})

/** `providers`: several. */
export const providersSchema = freeMap('provider-name', section({ title, ownCallback, ...keys }), {
  alternative: true,
  example: `{ staff: { issuer: …, clientId: … }, partners: { … } }`,
  description:
    'Several providers by name, instead of provider: each with the same keys, and title and ownCallback. A route says by its own provider which of them it takes. ' +
    'A browser can be signed in at several at the same time; the same subject at two of them is two people. See docs/providers.md.',
})
