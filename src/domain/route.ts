import type { CorsPolicy } from './cors.ts'
import type { RequestValue, SessionValue } from './header-source.ts'
import type { BearerRule } from './bearer-credential.ts'
import type { Requirement } from './requirement.ts'
import type { RouteToken } from './route-token.ts'
import type { IdentityRule } from './signed-identity.ts'

/** One configured route: which requests it takes, who may pass, where they go. */
export interface Route {
  /** The label of the route in logs and metrics: its host and path as written in the config. */
  readonly id: string
  readonly path: RoutePath
  /** Lower case, without port. Absent: every host. */
  readonly host?: string
  /** Upper case. Absent: every method the gateway forwards. */
  readonly methods?: readonly string[]
  readonly upstream: Upstream
  /** Path prefix cut off before forwarding, without a trailing slash. */
  readonly stripPrefix?: string
  readonly access: 'required' | 'optional' | 'public'
  /** Names of the providers whose sessions and tokens count here; none on a route that needs no provider. */
  readonly providers: readonly string[]
  /** The `provider` of login links for this route, where there are others that it does not take. */
  readonly loginAt?: string
  readonly unauthenticated: 'auto' | 'login' | 'reject'
  /** What callers may prove themselves with. */
  readonly credentials: Credentials
  /** Absent: being known is enough. */
  readonly require?: Requirement
  /** What the upstream gets as Authorization. */
  readonly token: RouteToken
  readonly headers: RouteHeaders
  /** Absent: upstreams get no signed statement about the caller. */
  readonly identity?: IdentityRule
  /** Unsafe methods on a cookie session must be same-origin. */
  readonly csrf: boolean
  /** Forms that arrive without a session are kept and sent after the login. */
  readonly replayForm: boolean
  /** Absent: no page of another origin may read answers. */
  readonly cors?: CorsPolicy
  /** `false`: no WebSocket. Otherwise the exact origins that may open one. */
  readonly websocket: false | { readonly origins: readonly string[] }
  readonly timeouts: RouteTimeouts
  readonly maxBodyBytes: number
  /** Of the header section, as HTTP/1.1 writes it; absent: what the listener takes. */
  readonly maxHeaderBytes?: number
  /** Leave `Cache-Control: public` of the upstream alone (RFC 9111 §3.5); default false. */
  readonly cacheable: boolean
  /** The Host the upstream sees: its own authority, or the one the client asked for. */
  readonly hostHeader: 'upstream' | 'client'
}

/** A session of ours, a token of their own, or either; a token that comes with a session is what counts. */
export interface Credentials {
  readonly session: boolean
  /** Absent: tokens of callers are dropped. */
  readonly bearer?: BearerRule
}

/** `/x` exactly, or `/x/*`: `/x` itself and everything below it. `path` has no trailing `/*`; the root prefix is ''. */
export interface RoutePath {
  readonly kind: 'exact' | 'prefix'
  readonly path: string
}

export interface Upstream {
  /** `http(s)://host:port`. For a unix socket `http://localhost`. */
  readonly origin: string
  /** Path the upstream's URLs start with, without trailing slash; often ''. */
  readonly basePath: string
  readonly socketPath?: string
  /** PEM certificates trusted for this upstream instead of the system's. */
  readonly certificateAuthority?: string
  /** PEM text of both: who we are to an upstream that asks. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string }
  /** The name the certificate must be for, where it is not the host of the origin. */
  readonly serverName?: string
  /** Spoken to in HTTP/2: by ALPN over TLS, at once without it. */
  readonly http2?: true
}

/** `upstream: none`: another proxy forwards, we only tell it whether it may. */
export const NO_UPSTREAM: Upstream = { origin: 'none:', basePath: '' }

/** False for routes that other proxies forward. */
export function hasUpstream({ upstream }: Pick<Route, 'upstream'>): boolean {
  return upstream.origin !== NO_UPSTREAM.origin
}

/** The upstream as the configuration writes it. */
export function upstreamName({ upstream }: Pick<Route, 'upstream'>): string {
  if (!hasUpstream({ upstream })) return 'none'
  const { socketPath, origin, basePath } = upstream
  return socketPath === undefined ? `${origin}${basePath}` : `unix:${socketPath}`
}

export interface RouteHeaders {
  /** Names lower case; a value is literal text and values to put in, in order. */
  readonly set: readonly { readonly name: string; readonly value: readonly HeaderPart[] }[]
  /** Lower case names never sent upstream. */
  readonly remove: readonly string[]
  /** Lower case names of answers that clients do not get. */
  readonly hide?: readonly string[]
}

/** Literal text, or where a value is found when a request is served. */
export type HeaderPart =
  | string
  | { readonly claim: readonly string[] }
  | { readonly session: SessionValue }
  | { readonly request: RequestValue }

export interface RouteTimeouts {
  readonly connectMs: number
  /** Longest wait for response headers; 0 waits for ever. */
  readonly headersMs: number
  /** Longest silence inside a response body; 0 waits for ever. Event streams are exempt. */
  readonly idleMs: number
  /** From the question to the end of the answer; absent or 0: no end. Event streams are exempt. */
  readonly totalMs?: number
}
