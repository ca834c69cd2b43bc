import { duration, section, text, optional } from './schema-parts.ts'

/** `routes[].timeouts`. */
export const timeoutsSchema = section(
  {
    connect: duration({
      default: '5s',
      atLeast: '100ms',
      atMost: '1m',
      description:
        'Longest wait for a connection to the upstream, after which the browser gets 502. Default 5s. Too short fails at busy moments.',
    }),
    headers: duration({
      default: '30s',
      atLeast: '0s',
      atMost: '1d',
      description:
        'Longest wait for the response headers of the upstream, after which the browser gets 504. Default 30s: longer than a page should take, ' +
        'shorter than usual load balancers allow (60s). Too short turns slow reports into errors; 0s waits for ever and lets a hung upstream collect connections.',
    }),
    idle: duration({
      default: '60s',
      atLeast: '0s',
      atMost: '1d',
      description:
        'Longest silence inside a response body, after which the connection is cut. Default 60s; event streams are exempt. Too short ' +
        'breaks slow downloads; 0s waits for ever.',
    }),
    total: duration({
      default: '0s',
      atLeast: '0s',
      atMost: '1d',
      description:
        'Longest time from asking the upstream to the end of its answer, however lively: before the answer has begun the browser gets 504, later the connection is cut. Default 0s: ' +
        'no end. Event streams and WebSockets are exempt. Too short cuts large downloads and uploads on slow lines.',
    }),
  },
  { default: {}, description: 'How long the gateway waits for the upstream.' },
)

/** `routes[].tls`. */
export const upstreamTlsSchema = section(
  {
    certificateAuthority: optional(
      text('certificate-file', {
        example: '/etc/bearergate/orders-ca.pem',
        description:
          "PEM file of the certificate authorities trusted for this upstream, instead of the system's. Relative to the configuration file.",
      }),
    ),
    certificate: optional(
      text('certificate-file', {
        example: '/etc/bearergate/gateway.pem',
        description:
          'PEM file of the certificate the gateway shows this upstream, its intermediates behind it. Default: none. Needs key. Relative to the ' +
          'configuration file.',
      }),
    ),
    key: optional(
      text('private-key-file', {
        secret: true,
        example: '/run/secrets/gateway.key',
        description: 'PEM file of the private key of certificate, without passphrase.',
      }),
    ),
    serverName: optional(
      text('server-name', {
        example: 'orders.internal',
        description:
          "Name the upstream's certificate must be for, also asked for by SNI. Default: the host of upstream. For upstreams that are reached by " +
          'an address or another name.',
      }),
    ),
  },
  {
    default: {},
    exampleOff: true,
    description: "The upstream's certificate, always verified, and the gateway's own.",
  },
)
