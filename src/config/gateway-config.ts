import type { Route } from '../domain/route.ts'
import type { LoginLimitOptions } from '../http/login-limit.ts'
import type { IdentityTokensOptions } from '../oidc/identity-tokens.ts'
import type { ClientKey } from '../oidc/private-key-jwt.ts'
import type { ClientAuthenticationMethod, ClientCertificate } from '../oidc/provider-options.ts'
import type { RedisOptions } from '../session-store/redis-options.ts'

/** A configuration that was checked as a whole: every default filled in, every file read. */
export interface GatewayConfig {
  /** What the browser sees: scheme, host and port; the path is always `/`. */
  readonly publicUrl: URL
  readonly listen: ListenConfig
  readonly admin: { readonly host: string; readonly port: number }
  /** At least one; with `provider` the only one. */
  readonly providers: readonly ProviderConfig[]
  readonly session: SessionConfig
  readonly logout: LogoutConfig
  readonly loginLimit: LoginLimitOptions
  /** Absent: no `/oauth2/verify`. */
  readonly forwardAuth?: { readonly key: Uint8Array }
  /** Absent: no route wants signed identities. */
  readonly identity?: IdentityTokensOptions
  readonly routes: readonly Route[]
  /** Processes that serve requests. */
  readonly workers: number
  readonly logging: { readonly level: LogLevel }
  readonly shutdown: { readonly delayMs: number; readonly timeoutMs: number }
}

export interface ListenConfig {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** CIDR ranges whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[]
  /** PEM text of both. Absent: plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string }
}

export interface ProviderConfig {
  /** Its key in `providers`; '' where `provider` stands alone. */
  readonly name: string
  /** What people are shown who choose between several. */
  readonly title: string
  /** Exactly as configured: compared octet by octet (OpenID Connect Discovery §4.3). */
  readonly issuer: string
  readonly discoveryUrl?: string
  /** Single endpoints by their metadata name; they win over discovered ones. */
  readonly endpoints: Readonly<Record<string, string>>
  readonly clientId: string
  readonly clientSecret?: string
  readonly clientKey?: ClientKey
  /** PEM text of both. */
  readonly clientCertificate?: ClientCertificate
  readonly clientAuthentication: ClientAuthenticationMethod
  /** Space-separated, in the configured order. */
  readonly scope: string
  readonly audience?: string
  readonly resource: readonly string[]
  /** Further resources that routes ask tokens for by refresh. */
  readonly routeResources: readonly string[]
  readonly authorizationParameters: Readonly<Record<string, string>>
  /** Push authorization requests also where the provider does not require it. */
  readonly pushedAuthorizationRequests: boolean
  /** Sign them with `clientKey` also where the provider does not require it. */
  readonly signedAuthorizationRequests: boolean
  /** What a login link may pass on; never a name that `authorizationParameters` fixes. */
  readonly loginParameters: readonly string[]
  readonly redirectUri: string
  /** Others answer to the same redirect URI: its answers must say whose they are (RFC 9700 §4.4). */
  readonly sharesCallback: boolean
  readonly postLogoutRedirectUri: string
  readonly allowInsecureHttp: boolean
  /** Further origins that discovered endpoints may have (STANDARDS ID-3). */
  readonly allowedOrigins: readonly string[]
  readonly idTokenSigningAlgorithms: readonly string[]
  readonly clockToleranceMs: number
  readonly trustedAudiences: readonly string[]
  readonly organizations: readonly string[]
  readonly maxAgeSeconds?: number
  readonly acrValues: readonly string[]
  readonly userinfo: boolean
  readonly timeoutMs: number
  /** Life of an access token whose answer has no `expires_in`. */
  readonly defaultAccessTokenLifetimeMs: number
  /** PEM certificates trusted for the provider instead of the system's. */
  readonly certificateAuthority?: string
}

export interface SessionConfig {
  /** 32 bytes each; the first seals, all open. */
  readonly secrets: readonly Uint8Array[]
  readonly store: 'memory' | 'file' | 'redis'
  /** With store file only. */
  readonly file?: { readonly path: string; readonly maxBytes: number }
  /** With store redis only. */
  readonly redis?: RedisOptions
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
  /** Number of sessions the store keeps. */
  readonly maxSessions: number
  /** Most sessions of one subject; absent: any number. */
  readonly maxPerSubject?: number
  readonly cookie: { readonly sameSite: 'lax' | 'strict' }
  /** Claims that `GET /oauth2/session` shows beside `sub`. */
  readonly claims: readonly string[]
}

export interface LogoutConfig {
  readonly revoke: boolean
  /** Local path to land on after sign-out. Absent: our signed-out page. */
  readonly postLogoutRedirect?: string
  readonly clearSiteData: boolean
  /** Where to sign out at a provider without `end_session_endpoint`. */
  readonly providerLogoutUrl?: string
  /** Take only logout tokens whose header has `typ: logout+jwt`. */
  readonly requireTokenType: boolean
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'
