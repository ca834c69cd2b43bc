import { section, text, optional } from './schema-parts.ts'

const endpoint = (path: string, what: string) => {
  const example = `https://idp.example.com/${path}`
  return optional(text('http-url', { example, description: what }))
}

/** `provider.endpoints`: single addresses, where metadata lack them or must not count. */
export const endpointsSchema = section(
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
