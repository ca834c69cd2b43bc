import { createPrivateKey, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { clientKeyId, type ClientKey } from './private-key-jwt.ts'
import type { ProviderOptions } from './provider-options.ts'
import type { ProviderMetadata } from './provider-metadata.ts'
import { signatureAlgorithm } from './signing-key.ts'

const LIFETIME_SECONDS = 60 // the browser is on its way at once; what is read later, in a history, is over
const SLOW_CLOCK_SECONDS = 10 // a provider whose clock is behind a little must not take it for one of the future

/** As JSON in a request object, as text outside of one (OpenID Connect Core §6.1, RFC 9396 §4). */
const JSON_VALUES = new Set(['claims', 'authorization_details'])

/**
 * The parameters of an authorization request as they are sent: as one signed request object where the operator or the
 * provider wants that and there is a key to sign with (RFC 9101 §4, §10.5), else as they are.
 */
export async function sentParameters(
  { clientId, clientKey, signedAuthorizationRequests = false }: ProviderOptions,
  { issuer, requiresSignedRequests }: ProviderMetadata,
  parameters: URLSearchParams,
): Promise<URLSearchParams> {
  if (clientKey === undefined || !(signedAuthorizationRequests || requiresSignedRequests))
    return parameters
  const request = await requestObject(clientKey, { clientId, issuer }, parameters)
  return new URLSearchParams({ client_id: clientId, request })
}

async function requestObject(
  clientKey: ClientKey,
  { clientId, issuer }: { readonly clientId: string; readonly issuer: string },
  parameters: URLSearchParams,
): Promise<string> {
  const key = createPrivateKey(clientKey.key)
  const nowSeconds = Math.floor(Date.now() / 1000)
  return new SignJWT(claimsOf(parameters))
    .setProtectedHeader({
      alg: signatureAlgorithm(key),
      typ: 'oauth-authz-req+jwt',
      kid: await clientKeyId(clientKey),
    })
    .setIssuer(clientId)
    .setAudience(issuer)
    .setJti(randomUUID())
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds - SLOW_CLOCK_SECONDS)
    .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
    .sign(key)
}

function claimsOf(parameters: URLSearchParams): Record<string, unknown> {
  const claims = [...new Set(parameters.keys())].map((name) => {
    const values = parameters.getAll(name).map((value) => claimOf(name, value))
    return [name, values.length === 1 ? values[0] : values] as const
  })
  // With a subject of somebody's choice it could pass for our client assertion (RFC 9101 §10.8).
  return Object.fromEntries(claims.filter(([name]) => name !== 'sub'))
}

function claimOf(name: string, value: string): unknown {
  if (name === 'max_age' && /^\d{1,9}$/.test(value)) return Number(value)
  return JSON_VALUES.has(name) ? parsed(value) : value
}

/** What is no JSON is the provider's to refuse, as it would be outside. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
