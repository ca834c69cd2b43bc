import { evidence, type Evidence } from '../../telemetry/evidence.ts'

/** Why there is no connection, or no answer, and what to do about it. */
export interface ConnectionFailure {
  readonly found: string
  readonly advice: string
}

/** The configuration keys that advice names. */
export interface ConnectionKeys {
  readonly address: string
  readonly certificateAuthority: string
  /** Absent: a certificate must be for the host of the address. */
  readonly serverName?: string
  /** Absent: there is none to show. */
  readonly clientCertificate?: string
}

interface Explanation {
  readonly codes: RegExp
  readonly found: string
  readonly advice: (keys: ConnectionKeys) => string
}

/** The first that fits is told. Names are those of Node, OpenSSL and undici. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    codes: /^ENOTFOUND$/,
    found: 'the host name is unknown',
    advice: ({ address }) =>
      `correct the host in ${address}, or teach it to the DNS of this machine`,
  },
  {
    codes: /^EAI_/,
    found: 'the name server does not answer',
    advice: () => 'look at the DNS settings of this machine or container (/etc/resolv.conf)',
  },
  {
    codes: /^ECONNREFUSED$/,
    found: 'the connection is refused: nothing listens there',
    advice: ({ address }) =>
      `start it, or correct host and port in ${address} (in a container, localhost is the container itself)`,
  },
  {
    codes: /^(?:EHOSTUNREACH|ENETUNREACH)$/,
    found: 'there is no way to that network',
    advice: ({ address }) => `look at firewall and routes, or correct the host in ${address}`,
  },
  {
    codes: /^(?:ETIMEDOUT|TimeoutError|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/,
    found: 'no answer in time',
    advice: ({ address }) =>
      `is a firewall between, or the host in ${address} another one? If it is only slow, allow more time`,
  },
  {
    codes: /^ENOENT$/,
    found: 'the socket is not there',
    advice: ({ address }) => `start what should listen on it, or correct the path in ${address}`,
  },
  {
    codes: /^(?:EACCES|EPERM)$/,
    found: 'this user may not connect there',
    advice: () => 'give the user of the gateway read and write rights on the socket',
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    found: 'the certificate is for another name',
    advice: ({ address, serverName }) =>
      `use a name of the certificate in ${address}${serverName === undefined ? '' : `, or give that name in ${serverName}`}`,
  },
  {
    codes: /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/,
    found: 'the certificate comes from an authority that is not trusted',
    advice: ({ certificateAuthority }) =>
      `give the certificate of that authority in ${certificateAuthority}, and see that the server sends its whole chain`,
  },
  {
    codes: /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/,
    found: 'the certificate is not valid at this time',
    advice: () => 'renew it there; if it is valid, correct the clock of this machine',
  },
  {
    codes: /^(?:ERR_HTTP2_NOT_NEGOTIATED|ERR_SSL_\w*NO_APPLICATION_PROTOCOL)$/,
    found: 'it does not speak HTTP/2',
    advice: () => 'take http2: true away, or switch HTTP/2 on there',
  },
  {
    codes: /^ERR_SSL_\w*(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA)$/,
    found: 'the server refuses the TLS handshake, as one does that wants a client certificate',
    advice: ({ clientCertificate }) =>
      clientCertificate === undefined
        ? 'look into the log of the server'
        : `give the certificate it asks for in ${clientCertificate}, or look into its log`,
  },
  {
    codes: /^(?:EPROTO|ERR_SSL_\w+)$/,
    found: 'what answers there does not speak TLS as we do',
    advice: ({ address }) => `is it a port for plain connections? Correct ${address}`,
  },
  {
    codes: /^(?:HTTPParserError|HPE_\w+|ERR_HTTP2_\w+|UND_ERR_HEADERS_OVERFLOW)$/,
    found: 'what answers there does not speak HTTP as we do',
    advice: ({ address }) =>
      `is it a port for TLS, or for HTTP/2 only (http2: true)? Correct ${address}`,
  },
  {
    codes: /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED)$/,
    found: 'the other end closes the connection without an answer',
    advice: ({ address }) =>
      `is ${address} a port for TLS (https) spoken to without, or the other way round? Look into its log`,
  },
]

/** What a failed connection or call means for whoever configured it. */
export function connectionFailure(cause: unknown, keys: ConnectionKeys): ConnectionFailure {
  const chain = evidence(cause)
  for (const { codes, found, advice } of EXPLANATIONS) {
    const link = chain.find(({ name, code }) => codes.test(code ?? name))
    if (link !== undefined) return { found: `${found} (${words(link)})`, advice: advice(keys) }
  }
  return {
    found: words(chain.at(-1)),
    advice: `look at ${keys.address}, and into the log of what answers there`,
  }
}

function words(link: Evidence | undefined): string {
  const { code, message, name } = link ?? {}
  if (code?.startsWith('ERR_SSL_') === true) return code // OpenSSL adds the lines of its sources
  if (code !== undefined && message !== undefined && !message.includes(code))
    return `${code}: ${message}`
  return message ?? code ?? name ?? 'unknown failure'
}
