import type { ProviderConfig } from '../../config/gateway-config.ts'
import { GatewayError } from '../../domain/gateway-error.ts'
import { IssuerMismatch } from '../../oidc/provider-metadata.ts'
import { connectionFailure, type ConnectionFailure } from './connection-failure.ts'
import { failure, type Finding } from './finding.ts'

/** Why nothing can be learnt from the provider, and what to do. */
export function discoveryFailure(cause: unknown, config: ProviderConfig): Finding {
  if (cause instanceof IssuerMismatch)
    return failure('discovery', cause.message, issuerAdvice(cause.announced, config))
  if (!(cause instanceof GatewayError)) {
    const { found, advice } = providerConnectionFailure(cause)
    return failure('discovery', `${config.discoveryUrl ?? config.issuer}: ${found}`, advice)
  }
  if (cause.cause !== undefined) {
    const { found, advice } = providerConnectionFailure(cause.cause, 'provider.endpoints.jwks_uri')
    return failure('keys', `${cause.message}: ${found}`, advice)
  }
  const advice =
    cause.reason === 'provider_unavailable'
      ? 'metadata are looked for below provider.issuer: correct it, or say in provider.discoveryUrl where they are'
      : 'is provider.issuer the address of an OpenID provider? If so, set the keys named here, or mend it there'
  return failure('discovery', cause.message, advice)
}

/** A call to the provider that failed. `address`: the key that says where it went. */
export function providerConnectionFailure(
  cause: unknown,
  address = 'provider.issuer',
): ConnectionFailure {
  return connectionFailure(cause, {
    address,
    certificateAuthority: 'provider.tls.certificateAuthority',
    clientCertificate: 'provider.tls.certificate and key',
  })
}

function issuerAdvice(announced: unknown, { issuer }: ProviderConfig): string {
  if (typeof announced !== 'string')
    return 'what answers there is no OpenID provider, or a broken one'
  const bySlash = announced.replace(/\/$/, '') === issuer.replace(/\/$/, '')
  return `write provider.issuer exactly as the provider does: ${announced}${bySlash ? ' (they differ by the slash at the end)' : ''}`
}
