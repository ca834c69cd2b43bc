import { count, list, section, text, optional } from './schema-parts.ts'

const port = (words: { default: number; description: string }) =>
  count({ ...words, minimum: 0, maximum: 65_535 })

/** `listen`: the public listener. */
export const listenSchema = section(
  {
    host: text('listen-host', {
      default: '0.0.0.0',
      description:
        'Address the gateway listens on. Default 0.0.0.0: every IPv4 interface, as a container needs. ' +
        'Use 127.0.0.1 when a load balancer runs on the same machine, :: for IPv6 and IPv4.',
    }),
    port: port({
      default: 8080,
      description: 'TCP port. Default 8080: needs no privileges. 0 takes any free port, for tests.',
    }),
    trustedProxies: list(text('address-range'), {
      default: [],
      example: '[10.0.0.0/8]',
      description:
        'Address ranges (CIDR) of the load balancers in front, whose X-Forwarded-For, -Proto and -Host are believed; ' +
        'the chain is read from the right. Default none: every peer is a client. Too wide, and clients choose the ' +
        "address that logs and upstreams see; too narrow, and all users share the balancer's address. A hop " +
        'count is not accepted. It never decides about access, redirect_uri or cookies (ASVS 15.3.4).',
    }),
    tls: optional(
      section(
        {
          certificate: text('certificate-file', {
            example: '/etc/bearergate/tls.crt',
            description:
              "PEM file with the certificate and its chain, the server's own first. Relative to the configuration file.",
          }),
          key: text('private-key-file', {
            example: '/etc/bearergate/tls.key',
            description:
              'PEM file with the private key of the certificate, without passphrase. Relative to the configuration file.',
          }),
        },
        {
          exampleOff: true,
          description:
            'Serve HTTPS directly, TLS 1.2 or newer. Default: plain HTTP, for a load balancer that ends TLS in front. ' +
            'Whether cookies are Secure follows publicUrl, not this.',
        },
      ),
    ),
  },
  { default: {}, description: 'The public listener.' },
)

/** `admin`: health, metrics and sessions. */
export const adminSchema = section(
  {
    host: text('listen-host', {
      default: '127.0.0.1',
      description:
        'Address of the admin listener. Default 127.0.0.1: it answers without any sign-in, so only the machine (or the pod) ' +
        'sees it; whoever reaches it can end sessions. Wider only inside a network of operators, for example where a metrics server ' +
        'scrapes it. On 0.0.0.0 and :: sessions are listed and ended for this machine (or pod) only.',
    }),
    port: port({
      default: 9090,
      description:
        'TCP port. Default 9090. 0 takes any free port, for tests. Must differ from listen.port.',
    }),
  },
  {
    default: {},
    description:
      '/livez, /readyz, /metrics and /sessions, on a listener of their own and never on the public port.',
  },
)
