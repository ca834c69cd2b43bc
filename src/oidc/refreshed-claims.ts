import { decodeJwt } from 'jose'
import type { SessionRecord } from '../domain/session-record.ts'
import type { RefreshAnswer } from '../domain/sign-in.ts'
import { REFRESH_CLOCK_TOLERANCE_MS } from './clock-tolerance.ts'
import { identityOf, userClaims } from './id-token-claims.ts'
import type { Claims } from './id-token-claims.ts'
import { isKeyMissing, verifyIdToken } from './id-token.ts'
import type { ProviderConnection } from './provider-connection.ts'
import { refreshRejected } from './provider-error.ts'
import type { Provider } from './provider.ts'
import { userinfoClaims } from './userinfo.ts'

export interface NewTokens {
  readonly idToken: string | undefined
  readonly accessToken: string
}

/**
 * The claims after a refresh (STANDARDS RT-17): those of the new ID token, beside them userinfo's (the
 * old ones when that fails). Nothing when there is neither.
 *
 * @throws ProviderError refresh_rejected: the ID token is of another user or login (RT-6)
 * @throws GatewayError provider_error: it is not what it must be
 */
export async function refreshedClaims(
  provider: Provider,
  connection: ProviderConnection,
  { idToken, accessToken }: NewTokens,
  record: SessionRecord,
): Promise<Pick<RefreshAnswer, 'claims' | 'acr' | 'authTimeMs' | 'idToken'>> {
  const own =
    idToken === undefined
      ? undefined
      : await claimsOf(provider, connection, { idToken, accessToken }, record)
  const further = await furtherClaims(provider, connection, accessToken, record.subject)
  if (own === undefined || idToken === undefined) {
    return further === undefined ? {} : { claims: { ...record.claims, ...further } }
  }
  const { sid: _, ...identity } = identityOf(own)
  const beside = further ?? (provider.options.userinfo ? record.claims : {})
  return { ...identity, idToken, claims: { ...beside, ...userClaims(own) } }
}

/**
 * The claims of the new ID token; none when its key cannot be had just now. Refusing the whole answer
 * would lose a rotated refresh token, and with it the session, over an outage; an answer without any ID
 * token is accepted too.
 */
async function claimsOf(
  provider: Provider,
  connection: ProviderConnection,
  tokens: { readonly idToken: string; readonly accessToken: string },
  record: SessionRecord,
): Promise<Claims | undefined> {
  checkSameLogin(decodeJwt(tokens.idToken), record)
  try {
    const clockToleranceMs = REFRESH_CLOCK_TOLERANCE_MS
    return await verifyIdToken(connection, { ...provider.options, clockToleranceMs }, tokens)
  } catch (error) {
    if (!isKeyMissing(error)) throw error
    const message = 'the key of a refreshed ID token cannot be had: its claims are not used'
    provider.warnOnce('id_token_key_missing', message)
    return undefined
  }
}

/** A failing userinfo never costs a session anything but fresh claims (STACK §4). */
async function furtherClaims(
  provider: Provider,
  connection: ProviderConnection,
  accessToken: string,
  subject: string,
): Promise<Claims | undefined> {
  try {
    return await userinfoClaims(provider, connection, accessToken, subject)
  } catch {
    provider.warnOnce('userinfo_sub', 'userinfo answered for another user: its claims are not used')
    return undefined
  }
}

/**
 * The same user, the same login: who the session belongs to never changes (STANDARDS RT-6, STACK O2).
 *
 * @throws ProviderError refresh_rejected
 */
export function checkSameLogin(claims: Claims, record: SessionRecord): void {
  const { sub, nonce } = claims
  if (sub !== record.subject) throw refreshRejected('the ID token has another sub', 'id_token_sub')
  if (nonce !== undefined && nonce !== record.nonce) {
    throw refreshRejected('the ID token has another nonce', 'id_token_nonce')
  }
}
