import { decodeJwt } from 'jose'
import type { BearerTokens } from './bearer-tokens.ts'

/**
 * Tokens of several providers: each is held against the provider that it says it is from, which is believed only when that
 * one's keys fit. A token that does not say is refused: no provider is shown the token of another (RFC 9700 §4.4).
 */
export function bearerTokensOfSeveral(
  byIssuer: readonly (readonly [issuer: string, tokens: BearerTokens])[],
): BearerTokens {
  const known = new Map(byIssuer)
  return {
    check: (token, rule) => {
      const tokens = known.get(issuerOf(token) ?? '')
      if (tokens !== undefined) return tokens.check(token, rule)
      return { refused: 'bearer_invalid', why: 'it is from none of the providers of this route' }
    },
  }
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}
