import { ClientError, fetchUserInfo } from 'openid-client'
import { ProviderError } from './provider-error.ts'
import type { Claims } from './id-token-claims.ts'
import { userClaims } from './id-token-claims.ts'
import type { ProviderConnection } from './provider-connection.ts'
import type { Provider } from './provider.ts'

/**
 * Further claims from the userinfo endpoint, where configured (OpenID Connect Core §5.3). A failing
 * endpoint costs the claims and gives a warning, nothing else; so does one that is not there.
 *
 * @throws GatewayError provider_error: the claims are those of another user (§5.3.2)
 */
export async function userinfoClaims(
  provider: Provider,
  { userinfo, metadata }: ProviderConnection,
  accessToken: string,
  subject: string,
): Promise<Claims | undefined> {
  if (!provider.options.userinfo || metadata.endpoints.userinfo_endpoint === undefined) {
    return undefined
  }
  try {
    return userClaims(await fetchUserInfo(userinfo, accessToken, subject))
  } catch (cause) {
    if (isOtherSubject(cause)) {
      const providerError = 'userinfo_sub'
      throw new ProviderError('provider_error', 'userinfo has another sub', {
        providerError,
        cause,
      })
    }
    provider.warnOnce('userinfo_failed', 'the userinfo endpoint failed: its claims are missing')
    return undefined
  }
}

function isOtherSubject(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED'
}
