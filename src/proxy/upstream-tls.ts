import { isIP } from 'node:net'
import type { Upstream } from '../domain/route.ts'

/** How TLS to an upstream is spoken; the same over HTTP/1.1, HTTP/2 and for WebSockets (P1, CF-5). */
export interface UpstreamTls {
  readonly rejectUnauthorized: true
  readonly minVersion: 'TLSv1.2'
  /** Sent as SNI and looked for in the certificate; '' for an address, which the certificate must then have. */
  readonly servername: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Always verified; what a route configures says whom to trust and who we are. */
export function upstreamTls(upstream: Upstream): UpstreamTls {
  const { certificateAuthority, clientCertificate } = upstream
  const name = upstream.serverName ?? hostOf(upstream)
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    servername: isIP(name) === 0 ? name : '',
    ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
    ...(clientCertificate === undefined
      ? {}
      : { cert: clientCertificate.certificate, key: clientCertificate.key }),
  }
}

/** The host to connect to: a name, or an address without brackets. */
export function hostOf({ origin }: Upstream): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '')
}
