import { ClientSecretPost, None, TlsClientAuth } from 'openid-client'
import type { ClientAuth } from 'openid-client'
import { privateKeyJwt } from './private-key-jwt.ts'
import type { ClientAuthenticationMethod, ProviderOptions } from './provider-options.ts'

type Method = (clientId: string, clientSecret: string) => ClientAuth

const METHODS: Readonly<Record<Exclude<ClientAuthenticationMethod, 'private_key_jwt'>, Method>> = {
  none: () => None(),
  client_secret_post: (_clientId, clientSecret) => ClientSecretPost(clientSecret),
  client_secret_basic: (clientId, clientSecret) =>
    basic(formEncode(clientId), formEncode(clientSecret)),
  client_secret_basic_raw: basic,
  // The certificate proves it, in the handshake (RFC 8705 §2); how it was registered makes no difference here.
  tls_client_auth: () => TlsClientAuth(),
  self_signed_tls_client_auth: () => TlsClientAuth(),
}

/**
 * How the gateway proves its own identity to the provider (RFC 6749 §2.3.1): exactly one method.
 *
 * @throws Error when it is `private_key_jwt` and there is no key: a wiring fault
 */
export function clientAuthentication(options: ProviderOptions): ClientAuth {
  const { clientAuthentication: method, clientId, clientSecret = '', clientKey } = options
  if (method !== 'private_key_jwt') return METHODS[method](clientId, clientSecret)
  if (clientKey === undefined) throw new Error('private_key_jwt without a key')
  return privateKeyJwt(clientId, clientKey)
}

function basic(user: string, password: string): ClientAuth {
  const credentials = Buffer.from(`${user}:${password}`).toString('base64')
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${credentials}`)
  }
}

// The library's own Basic also encodes "-_.~", which some servers do not undo (STACK O10).
function formEncode(value: string): string {
  return encodeURIComponent(value)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
