import type { ClientKey } from '../../oidc/private-key-jwt.ts'
import type { ClientAuthenticationMethod } from '../../oidc/provider-options.ts'
import {
  choice,
  duration,
  either,
  flag,
  freeMap,
  list,
  section,
  text,
  optional,
} from './schema-parts.ts'

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

const endpoint = (path: string, what: string) => {
  const example = `https://idp.example.com/${path}`
  return optional(text('http-url', { example, description: what }))
}

const endpoints = section(
  {
    authorization_endpoint: endpoint('authorize', 'Where browsers are sent to sign in.'),
    token_endpoint: endpoint('token', 'Where codes and refresh tokens are exchanged.'),
    pushed_authorization_request_endpoint: endpoint(
      'par',
      'Where authorization requests are pushed (RFC 9126), if they are.',
    ),
    jwks_uri: endpoint('keys', 'Keys that sign ID tokens.'),
    userinfo_endpoint: endpoint('userinfo', 'Further claims; asked only with userinfo: true.'),
    end_session_endpoint: endpoint(
      'logout',
      'Where browsers are sent to sign out (OpenID Connect RP-Initiated Logout).',
    ),
    revocation_endpoint: endpoint('revoke', 'Where refresh tokens are revoked (RFC 7009).'),
    introspection_endpoint: endpoint(
      'introspect',
      'Where tokens of callers are asked about (RFC 7662).',
    ),
  },
  {
    default: {},
    exampleOff: true,
    description:
      'Single endpoints, by their names in the metadata; each wins over the discovered one. Default: all are discovered. ' +
      'With authorization_endpoint, token_endpoint and jwks_uri given, no metadata is read at all.',
  },
)

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
  endpoints,
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
  scope: either<readonly string[]>([text('scope'), list(text('scope-token'), { minItems: 1 })], {
    default: 'openid profile email offline_access',
    description:
      'Scopes to ask for, as one string or a list, sent in this order at every login. Default openid profile email ' +
      'offline_access: who the user is, and a refresh token. openid is needed. Without offline_access most providers ' +
      'give no refresh token, and sessions end with the first access token; providers that do not know it refuse the login (take it out then).',
  }),
  audience: optional(
    text('line', {
      example: 'https://api.example.com',
      description:
        'Identifier of the API the access token is for, sent as audience at every login. Auth0 and others need it to issue ' +
        'a token for an API at all. Without it: whatever the provider chooses.',
    }),
  ),
  resource: either<readonly string[]>([text('single-resource'), list(text('resource'), {})], {
    default: [],
    exampleOff: true,
    example: '[https://api.example.com/]',
    description:
      'Resource indicators: absolute URIs without fragment, one or a list, sent as repeated resource parameters at every login; a single one with every token request too ' +
      '(RFC 8707 §2). Default none.',
  }),
  authorizationParameters: freeMap('authorization-parameter', text('line'), {
    default: {},
    description:
      'Further parameters sent on every login, such as connection. Default none. A login link cannot change what is ' +
      'fixed here. Parameters of the protocol itself (state, redirect_uri, response_type …) are refused.',
  }),
  pushedAuthorizationRequests: flag({
    default: false,
    description:
      'true: send each authorization request to the provider itself, with our authentication, and give the browser a reference to it only (PAR, RFC 9126): nobody can read or change what it asks ' +
      'for. Default false: only where the provider requires it (require_pushed_authorization_requests in its metadata). Every sign-in that is begun then costs a call to the provider; see loginLimit.',
  }),
  signedAuthorizationRequests: flag({
    default: false,
    description:
      'true: send each authorization request as one object signed with clientKey, good for a minute (JAR, RFC 9101): nobody can change what it asks for. Default false: only where the provider ' +
      'requires it (require_signed_request_object in its metadata) and there is a clientKey. Goes with pushedAuthorizationRequests, and then is pushed signed. ' +
      'With true a clientKey may stand beside another way to prove the client.',
  }),
  loginParameters: list(text('login-parameter'), {
    default: [
      'login_hint',
      'ui_locales',
      'connection',
      'organization',
      'invitation',
      'screen_hint',
      'prompt',
    ],
    description:
      'Query parameters of /oauth2/login that are passed on to the provider; all others are ignored. Default: hints that can ' +
      'only help a user along. [] allows none. Parameters that decide about tokens are refused (STANDARDS AZ-9).',
  }),
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
  organizations: list(text('line'), {
    default: [],
    description:
      'Organizations (org_id or org_name in the ID token) whose members may sign in. Default none listed: members of any organization and ' +
      'users without one may sign in, unless the login asked for a certain one. With entries everybody else is refused.',
  }),
  maxAge: optional(
    duration({
      atLeast: '0s',
      atMost: '365d',
      exampleOff: true,
      example: '12h',
      description:
        "Longest time since the user last proved who they are, sent as max_age; the answer's auth_time is checked. Default: not " +
        'asked. 0s asks for the password at every login; whole seconds (OpenID Connect Core §3.1.2.1).',
    }),
  ),
  acrValues: list(text('scope-token'), {
    default: [],
    description:
      'Authentication context classes to ask for, best first; the login is refused unless the ID token names one of them. ' +
      'Default none (OpenID Connect Core §3.1.2.1).',
  }),
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
