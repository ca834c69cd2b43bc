import { GatewayError } from '../domain/gateway-error.ts'
import type { BoundedFetch } from './bounded-fetch.ts'
import { addressProblems } from './endpoint-addresses.ts'
import type { ProviderOptions } from './provider-options.ts'

/** What we use of the provider's metadata (RFC 8414 §2), checked. */
export interface ProviderMetadata {
  readonly issuer: string
  readonly endpoints: Endpoints
  /** The provider announces `iss` in its authorization responses (RFC 9207 §3). */
  readonly announcesIss: boolean
  /** The whole document as the provider wrote it, unchecked: for those who look for what it offers. */
  readonly document: Readonly<Record<string, unknown>>
  /** The provider takes signed request objects only (RFC 9101 §10.5). */
  readonly requiresSignedRequests: boolean
}

export interface Endpoints {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly userinfo_endpoint?: string
  readonly revocation_endpoint?: string
  readonly introspection_endpoint?: string
  /** There only when authorization requests are to be pushed (RFC 9126 §5). */
  readonly pushed_authorization_request_endpoint?: string
  readonly end_session_endpoint?: string
}

const REQUIRED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const
const OPTIONAL = ['revocation_endpoint', 'end_session_endpoint'] as const
const PUSHING = 'pushed_authorization_request_endpoint'

/** The metadata are another issuer's, by as little as a slash at the end (OpenID Connect Discovery §4.3). */
export class IssuerMismatch extends GatewayError {
  /** What the provider calls itself: any JSON. */
  readonly announced: unknown

  constructor(announced: unknown, configured: string) {
    super(
      'provider_error',
      `the provider ${announced === undefined ? 'names no issuer' : `calls itself ${JSON.stringify(announced)}`}, provider.issuer is ${JSON.stringify(configured)}`,
    )
    this.announced = announced
  }
}

/**
 * Reads the metadata, at the configured address or at the well-known ones, and checks them.
 *
 * @throws GatewayError provider_error: another issuer, endpoints missing or at refused addresses
 * @throws GatewayError provider_unavailable: none found; network failures pass as they are
 */
export async function readProviderMetadata(
  options: ProviderOptions,
  fetch: BoundedFetch,
): Promise<ProviderMetadata> {
  const pinned = REQUIRED.every((name) => name in options.endpoints)
  const document: Readonly<Record<string, unknown>> = pinned
    ? { issuer: options.issuer }
    : await readDocument(options, fetch)
  if (document['issuer'] !== options.issuer) {
    throw new IssuerMismatch(document['issuer'], options.issuer)
  }
  return {
    issuer: options.issuer,
    endpoints: checkedEndpoints(
      { ...document, ...aliases(document, options), ...options.endpoints },
      options,
    ),
    announcesIss: document['authorization_response_iss_parameter_supported'] === true,
    document,
    requiresSignedRequests: document['require_signed_request_object'] === true,
  }
}

/** What we call ourselves, never where a browser is sent (RFC 8705 §5). */
const ALIASED = new Set([
  'token_endpoint',
  'pushed_authorization_request_endpoint',
  'userinfo_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
])

/** Where the provider asks for certificates, if not everywhere. */
function aliases(
  { mtls_endpoint_aliases: given }: Record<string, unknown>,
  { clientCertificate }: ProviderOptions,
): Record<string, unknown> {
  if (clientCertificate === undefined || typeof given !== 'object' || given === null) return {}
  const entries = Object.entries(given)
  return Object.fromEntries(entries.filter(([name, url]) => ALIASED.has(name) && isGiven(url)))
}

function checkedEndpoints(document: Record<string, unknown>, options: ProviderOptions): Endpoints {
  const pushing = isPushing(document, options) ? [PUSHING] : []
  const names = [
    ...REQUIRED,
    ...OPTIONAL,
    ...(options.userinfo ? ['userinfo_endpoint'] : []),
    ...(options.introspection === true ? ['introspection_endpoint'] : []),
    ...pushing,
  ]
  const endpoints = Object.fromEntries(
    names.flatMap((name) => (isGiven(document[name]) ? [[name, document[name]]] : [])),
  ) as Record<string, string>
  const missing = [...REQUIRED, ...pushing].filter((name) => !(name in endpoints))
  const problems = [
    ...missing.map((name) => `${name} is missing`),
    ...addressProblems(endpoints, options),
  ]
  if (problems.length > 0) throw unusable(`the provider's metadata: ${problems.join('; ')}`)
  return endpoints as unknown as Endpoints
}

/** Who pushes falls back to nothing else: the operator or the provider wants the parameters out of the browser's hands. */
function isPushing(document: Record<string, unknown>, options: ProviderOptions): boolean {
  return (
    options.pushedAuthorizationRequests === true ||
    document['require_pushed_authorization_requests'] === true
  )
}

/** Some write every member there is, and nothing into those that they do not have. */
function isGiven(address: unknown): boolean {
  return typeof address === 'string' && address !== ''
}

async function readDocument(
  options: ProviderOptions,
  fetch: BoundedFetch,
): Promise<Record<string, unknown>> {
  const tried: string[] = []
  for (const url of metadataUrls(options)) {
    const answer = await fetch(url, { headers: { accept: 'application/json' } })
    if (answer.status === 200) return jsonObject(url, await answer.text())
    tried.push(`${url} answered ${answer.status}`)
  }
  throw new GatewayError('provider_unavailable', `no metadata found: ${tried.join(', ')}`)
}

/** Both well-known forms: appended (OpenID Connect Discovery §4), inserted before the path (RFC 8414 §3). */
function metadataUrls({ issuer, discoveryUrl }: ProviderOptions): string[] {
  if (discoveryUrl !== undefined) return [discoveryUrl]
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

function jsonObject(url: string, text: string): Record<string, unknown> {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable(`${url} is not a JSON object`)
  }
  return value as Record<string, unknown>
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unusable(message: string): GatewayError {
  return new GatewayError('provider_error', message)
}
