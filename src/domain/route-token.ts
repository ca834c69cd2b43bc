import type { AccessToken, SessionRecord } from './session-record.ts'

/**
 * Which access token the upstream of a route gets: that of the login, one of its own, that of the gateway itself
 * (`client_credentials`), or none.
 */
export type RouteToken =
  { readonly via: 'login' } | { readonly via: 'none' } | SessionTokenWish | ServiceTokenWish

/** A token for one upstream from a user's sign-in: by refresh (RFC 8707 §2.2) or exchange (RFC 8693). */
export interface SessionTokenWish extends TokenWish {
  readonly via: 'refresh' | 'exchange'
}

/** The gateway's own token for one upstream (RFC 6749 §4.4). */
export interface ServiceTokenWish extends TokenWish {
  readonly via: 'client_credentials'
}

export interface TokenWish extends TokenParameters {
  readonly via: 'refresh' | 'exchange' | 'client_credentials'
  /** The name the token is kept under: every parameter that shapes it, and nothing else. */
  readonly target: string
}

export interface TokenParameters {
  readonly audience?: string
  readonly resource?: string
  /** Space-separated. */
  readonly scope?: string
}

/** Most tokens a session keeps beside the login's own: each may be 16 KiB, and a record is read as a whole. */
export const MAX_ROUTE_TOKENS = 16

/** The wish, with the name that keeps its token apart from every other (RS-13, RT-8). */
export function tokenWish<Via extends TokenWish['via']>(
  via: Via,
  parameters: TokenParameters,
): TokenWish & { readonly via: Via } {
  const { audience = '', resource = '', scope = '' } = parameters
  const scopes = [...new Set(scope.split(' '))].sort().join(' ')
  return { ...parameters, via, target: JSON.stringify([via, audience, resource, scopes]) }
}

/** A wish as events tell it. */
export function told({ via, audience, resource, scope }: TokenWish): Omit<TokenWish, 'target'> {
  return {
    via,
    ...(audience === undefined ? {} : { audience }),
    ...(resource === undefined ? {} : { resource }),
    ...(scope === undefined ? {} : { scope }),
  }
}

/** True where the upstream gets a token of the user's that is not that of the login: what it is good for is its own scope. */
export function isOwnToken(token: RouteToken): token is SessionTokenWish {
  return token.via === 'refresh' || token.via === 'exchange'
}

/** The token a session has for a target, however old; `''` is the login's own. */
export function tokenFor(record: SessionRecord, target: string): AccessToken | undefined {
  return record.accessTokens.find((token) => token.target === target)
}

/**
 * The tokens of a session with a new one among them: it takes the place of its predecessor; what has expired meanwhile
 * goes, and beyond `MAX_ROUTE_TOKENS` the oldest. The login's own always stays.
 */
export function withToken(tokens: readonly AccessToken[], token: AccessToken): AccessToken[] {
  const others = tokens.filter(
    ({ target, expiresAtMs }) =>
      target !== token.target && (target === '' || expiresAtMs > token.obtainedAtMs),
  )
  const own = others.filter(({ target }) => target === '')
  const rest = others.filter(({ target }) => target !== '')
  if (token.target === '') return [token, ...rest]
  return [...own, token, ...rest.slice(0, MAX_ROUTE_TOKENS - 1)]
}
