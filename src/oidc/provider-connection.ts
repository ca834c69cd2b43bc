import {
  Configuration,
  allowInsecureRequests,
  clockTolerance,
  customFetch,
  enableNonRepudiationChecks,
} from 'openid-client'
import { GatewayError } from '../domain/gateway-error.ts'
import type { BoundedFetch } from './bounded-fetch.ts'
import { clientAuthentication } from './client-authentication.ts'
import { REFRESH_CLOCK_TOLERANCE_MS } from './clock-tolerance.ts'
import { createProviderKeys } from './provider-keys.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { readProviderMetadata } from './provider-metadata.ts'
import type { ProviderMetadata } from './provider-metadata.ts'
import type { ProviderOptions } from './provider-options.ts'
import { tokenEndpointFetch } from './token-endpoint-fetch.ts'

/** Everything learnt from the provider: what the protocol steps work with. */
export interface ProviderConnection {
  readonly metadata: ProviderMetadata
  readonly configuration: Configuration
  /** The same for userinfo: signatures of its answers are verified by the library, with keys of its own. */
  readonly userinfo: Configuration
  readonly keys: ProviderKeys
}

/**
 * Reads metadata and keys. `previous`: its keys are read again rather than anew, so that the old
 * set survives a failure.
 *
 * @throws when either cannot be had or used; the evidence is in the error
 */
export async function connectToProvider(
  options: ProviderOptions,
  fetch: BoundedFetch,
  previous: ProviderConnection | undefined,
): Promise<ProviderConnection> {
  const metadata = await readProviderMetadata(options, fetch)
  const { jwks_uri: url } = metadata.endpoints
  const keys = previous?.keys.url === url ? previous.keys : createProviderKeys(url, fetch)
  await readKeys(keys)
  const userinfo = configurationOf(options, metadata, fetch)
  enableNonRepudiationChecks(userinfo)
  // We check the times in ID tokens ourselves: with the library's check they would cost a refresh its tokens.
  const lenient = { ...options, clockToleranceMs: REFRESH_CLOCK_TOLERANCE_MS }
  return { metadata, keys, userinfo, configuration: configurationOf(lenient, metadata, fetch) }
}

async function readKeys(keys: ProviderKeys): Promise<void> {
  try {
    await keys.reload()
  } catch (cause) {
    const message = `the provider's keys at ${keys.url} cannot be used`
    throw new GatewayError('provider_unavailable', message, { cause })
  }
}

function configurationOf(
  options: ProviderOptions,
  metadata: ProviderMetadata,
  fetch: BoundedFetch,
): Configuration {
  const algorithms = [...options.idTokenSigningAlgorithms]
  const server = {
    issuer: metadata.issuer,
    ...metadata.endpoints,
    authorization_response_iss_parameter_supported: metadata.announcesIss,
    // Ours, not the provider's: its metadata may announce more than we accept, or nothing.
    id_token_signing_alg_values_supported: algorithms,
    userinfo_signing_alg_values_supported: algorithms,
  }
  const client = { [clockTolerance]: Math.ceil(options.clockToleranceMs / 1000) }
  const configuration = new Configuration(
    server,
    options.clientId,
    client,
    clientAuthentication(options),
  )
  if (options.allowInsecureHttp) allowInsecureRequests(configuration)
  configuration.timeout = 0 // the bounded fetch has the deadline
  configuration[customFetch] = tokenEndpointFetch(fetch, metadata.endpoints, options)
  return configuration
}
