import type { ClientKey } from './private-key-jwt.ts'

/** How the configured provider is to be spoken to. Lives are in milliseconds unless named otherwise. */
export interface ProviderOptions {
  /** Compared octet by octet with what the provider calls itself (OpenID Connect Discovery §4.3). */
  readonly issuer: string
  /** Where the metadata is, if not at a well-known place below the issuer. */
  readonly discoveryUrl?: string
  /**
   * Single endpoints by their metadata name; they win over discovered ones. With
   * `authorization_endpoint`, `token_endpoint` and `jwks_uri` no metadata is read at all.
   */
  readonly endpoints: Readonly<Record<string, string>>
  readonly clientId: string
  readonly clientSecret?: string
  readonly clientAuthentication: ClientAuthenticationMethod
  /** For `private_key_jwt`, in place of the secret. */
  readonly clientKey?: ClientKey
  /** Space-separated, sent exactly like this. */
  readonly scope: string
  readonly audience?: string
  readonly resource: readonly string[]
  /** Further resources named at login, for refreshes later. */
  readonly routeResources?: readonly string[]
  readonly authorizationParameters: Readonly<Record<string, string>>
  /** Push authorization requests also where the provider does not require it (RFC 9126). */
  readonly pushedAuthorizationRequests?: boolean
  /** Sign authorization requests with `clientKey` also where the provider does not require it (RFC 9101). */
  readonly signedAuthorizationRequests?: boolean
  /** Sent byte for byte, at both endpoints. */
  readonly redirectUri: string
  /** Others answer there too: an answer that does not name its issuer is refused (RFC 9700 §4.4). */
  readonly sharesCallback?: boolean
  readonly postLogoutRedirectUri: string
  /** Endpoints may be plain http: for development on loopback. */
  readonly allowInsecureHttp: boolean
  /** Origins, beside the issuer's, that the metadata may point to. */
  readonly allowedOrigins: readonly string[]
  readonly idTokenSigningAlgorithms: readonly string[]
  readonly clockToleranceMs: number
  /** Audiences that may stand beside ours in an ID token. */
  readonly trustedAudiences: readonly string[]
  /** Organizations (`org_id` or `org_name`) whose members may sign in; empty: everybody. */
  readonly organizations: readonly string[]
  readonly maxAgeSeconds?: number
  readonly acrValues: readonly string[]
  /** Ask the userinfo endpoint for further claims, at login and at refresh. */
  readonly userinfo: boolean
  /** Tokens of callers may have to be asked about (RFC 7662). */
  readonly introspection?: boolean
  /** Deadline of every call to the provider; at most 10 s are used. */
  readonly timeoutMs: number
  /** Life of an access token whose answer has no `expires_in`. */
  readonly defaultAccessTokenLifetimeMs: number
  /** How often metadata and keys are read again; default 10 minutes. */
  readonly metadataRefreshMs?: number
  /** PEM certificates trusted for the provider instead of the system's. */
  readonly certificateAuthority?: string
  /** Shown in TLS to the provider (PEM text of both); its endpoints for mutual TLS are used then (RFC 8705 §5). */
  readonly clientCertificate?: ClientCertificate
}

export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** `client_secret_basic_raw`: for servers that do not form-decode the two halves (STACK O10). */
export type ClientAuthenticationMethod =
  | 'client_secret_basic'
  | 'client_secret_basic_raw'
  | 'client_secret_post'
  | 'private_key_jwt'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth'
  | 'none'
