import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, SignJWT } from 'jose'
import type { ClientAuth } from 'openid-client'
import { signatureAlgorithm } from './signing-key.ts'

/** What a client proves itself with instead of a secret (OpenID Connect Core §9, RFC 7523 §2.2). */
export interface ClientKey {
  /** PEM of the private key. */
  readonly key: string
  /** As the provider names it; absent: its thumbprint (RFC 7638). */
  readonly keyId?: string
  /** Whom assertions are for. One text, never a list: what was made for one place must not pass at another (FAPI 2.0 §5.3.3.1). */
  readonly audience: 'issuer' | 'token_endpoint'
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const LIFETIME_SECONDS = 60 // a call takes 10 s at most; the rest is for clocks that differ

/** `private_key_jwt`: each call carries an assertion of its own, signed here. */
export function privateKeyJwt(clientId: string, clientKey: ClientKey): ClientAuth {
  const { audience } = clientKey
  const key = createPrivateKey(clientKey.key)
  const kid = clientKeyId(clientKey)
  // oxlint-disable-next-line typescript/no-misused-promises -- the library awaits it, as it must for its own; its type does not say so
  return async (server, _client, body) => {
    const issuedAt = Math.floor(Date.now() / 1000)
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: signatureAlgorithm(key), typ: 'JWT', kid: await kid })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience === 'issuer' ? server.issuer : (server.token_endpoint ?? server.issuer))
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_SECONDS)
      .sign(key)
    body.set('client_id', clientId)
    body.set('client_assertion_type', ASSERTION_TYPE)
    body.set('client_assertion', assertion)
  }
}

/** How the provider knows the key: its `kid`. */
export async function clientKeyId({ key, keyId }: ClientKey): Promise<string> {
  return keyId ?? calculateJwkThumbprint(createPublicKey(key).export({ format: 'jwk' }))
}
