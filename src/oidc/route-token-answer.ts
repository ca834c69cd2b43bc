import { decodeJwt } from 'jose'
import type { TokenEndpointResponse } from 'openid-client'
import type { TokenWish } from '../domain/route-token.ts'
import type { AccessToken } from '../domain/session-record.ts'
import { ProviderError } from './provider-error.ts'
import type { ProviderOptions } from './provider-options.ts'
import { accessTokenOf } from './token-answer.ts'

export interface RouteTokenTerms {
  readonly wish: TokenWish
  readonly requestedAtMs: number
  /** The login's own token, where there is one: the answer must not be as good for its audience. */
  readonly loginToken?: string | undefined
  /** What an answer without scope grants if none was asked for. */
  readonly scope?: string | undefined
}

/** The parameters a wish adds to a token request. */
export function wishParameters({ audience, resource, scope }: TokenWish): Record<string, string> {
  return {
    ...(audience === undefined ? {} : { audience }),
    ...(resource === undefined ? {} : { resource }),
    ...(scope === undefined ? {} : { scope }),
  }
}

/**
 * The access token for one route, fit for a header and not meant for somebody else.
 *
 * @throws ProviderError token_unusable: not a bearer token, or one that no header may have
 * @throws ProviderError token_refused: the provider ignored what was asked for
 */
export function routeAccessToken(
  { defaultAccessTokenLifetimeMs }: ProviderOptions,
  answer: TokenEndpointResponse,
  { wish, requestedAtMs, loginToken, scope }: RouteTokenTerms,
): AccessToken {
  const token = usable(answer, {
    requestedAtMs,
    defaultLifetimeMs: defaultAccessTokenLifetimeMs,
    askedScope: wish.scope ?? scope,
  })
  if (loginToken !== undefined) refuseIgnoredAudience(wish, token.value, loginToken)
  return { ...token, target: wish.target }
}

/** What the provider sent is no token that can be used. */
export function unusableToken(providerError: string, cause?: unknown): ProviderError {
  const message = `the provider gave no usable token for this route: ${providerError}`
  return new ProviderError('token_unusable', message, { providerError, cause })
}

function usable(...terms: Parameters<typeof accessTokenOf>): AccessToken {
  try {
    return accessTokenOf(...terms)
  } catch (cause) {
    throw unusableToken('unusable_answer', cause)
  }
}

/**
 * Some providers ignore an audience they do not know and answer with a token for the login's own (STANDARDS S-27): sent
 * upstream, it would be a token for A at B (RS-13). Opaque tokens tell nothing, unless it is the very same.
 */
function refuseIgnoredAudience(wish: TokenWish, token: string, loginToken: string): void {
  const asked: readonly unknown[] = [wish.audience, wish.resource].filter(
    (one) => one !== undefined,
  )
  if (asked.length === 0) return
  const granted = audiences(token)
  if (granted.some((one) => asked.includes(one))) return
  const own = audiences(loginToken)
  if (token !== loginToken && !granted.some((one) => own.includes(one))) return
  throw new ProviderError('token_refused', 'the token is for another audience than asked for', {
    providerError: 'audience_ignored',
  })
}

function audiences(token: string): readonly unknown[] {
  try {
    const { aud } = decodeJwt(token)
    return aud === undefined ? [] : [aud].flat()
  } catch {
    return [] // opaque
  }
}
