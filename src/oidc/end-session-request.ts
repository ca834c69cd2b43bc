import { buildEndSessionUrl } from 'openid-client'
import type { Provider } from './provider.ts'

/** What is known of the login that ends. */
export interface EndSessionWish {
  readonly idToken?: string
  readonly state: string
}

const MAX_URL_LENGTH = 8_000 // servers commonly refuse request lines beyond 8 KB

/**
 * Where to send the browser so that the provider ends its session too (OpenID Connect RP-Initiated
 * Logout §2); `undefined` when the provider has no such place, or was never reached. The ID token is
 * left out where it would make the URL too long: the provider then asks the user.
 */
export function endSessionRequest(provider: Provider, wish: EndSessionWish): string | undefined {
  const connection = provider.current()
  if (connection?.metadata.endpoints.end_session_endpoint === undefined) return undefined
  const own = {
    client_id: provider.options.clientId,
    post_logout_redirect_uri: provider.options.postLogoutRedirectUri,
    state: wish.state,
  }
  const hint = wish.idToken === undefined ? {} : { id_token_hint: wish.idToken }
  const url = buildEndSessionUrl(connection.configuration, { ...hint, ...own }).href
  if (url.length <= MAX_URL_LENGTH) return url
  return buildEndSessionUrl(connection.configuration, own).href
}
