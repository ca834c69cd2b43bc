import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { calculateJwkThumbprint, SignJWT, type JWK } from 'jose'
import { createExpiringMap } from '../domain/expiring-map.ts'
import { identityStatement, type Identified, type IdentityRule } from '../domain/signed-identity.ts'
import { signatureAlgorithm } from './signing-key.ts'

export interface IdentityTokensOptions {
  /** Private keys as PEM; the first signs, all are published. */
  readonly keys: readonly string[]
  readonly issuer: string
  readonly lifetimeMs: number
}

/** Signed statements about callers, and the keys to check them with. */
export interface IdentityTokens {
  /** The public halves (RFC 7517 §5). */
  readonly jwks: { readonly keys: readonly JWK[] }
  /** At once when the same was stated a moment ago, else a promise. */
  token(rule: IdentityRule, who: Identified): string | Promise<string>
}

interface Stated {
  readonly issuedAtMs: number
  readonly who: Identified
  token: string | Promise<string>
}

/** Header type (RFC 8725 §3.11): nothing else of ours or the provider's is taken for one. */
export const IDENTITY_TOKEN_TYPE = 'bearergate-identity+jwt'
const REMEMBERED = 10_000 // some 1 KB each

/**
 * Signing costs more than all the rest of a request, so a statement is used again: for the same caller, unchanged, and the same
 * rule, up to half of its life. The other half is for the upstream's clock and for whoever it passes it on to.
 */
export async function createIdentityTokens(
  { keys, issuer, lifetimeMs }: IdentityTokensOptions,
  wallClockMs: () => number,
): Promise<IdentityTokens> {
  const privateKeys = keys.map((pem) => createPrivateKey(pem))
  const [signer] = privateKeys
  const published = await Promise.all(privateKeys.map(publicJwk))
  if (signer === undefined) throw new Error('identity tokens without a key')
  const header = {
    alg: signatureAlgorithm(signer),
    typ: IDENTITY_TOKEN_TYPE,
    kid: published[0]?.kid ?? '',
  }
  const recent = createExpiringMap<Stated>(REMEMBERED)

  function state(rule: IdentityRule, who: Identified, issuedAtMs: number): Promise<string> {
    const claims = identityStatement(who, rule, { issuer, issuedAtMs, lifetimeMs })
    return new SignJWT(claims).setProtectedHeader(header).sign(signer as KeyObject)
  }

  return {
    jwks: { keys: published },
    token: (rule, who) => {
      const nowMs = wallClockMs()
      const key = `${who.key} ${rule.name}`
      const known = recent.get(key, nowMs)
      if (known !== undefined && holds(known, { rule, who, nowMs })) return known.token
      const token = state(rule, who, nowMs)
      const stated: Stated = { issuedAtMs: nowMs, who, token }
      recent.sweep(nowMs)
      recent.set(key, stated, nowMs + lifetimeMs / 2)
      token.catch(() => recent.set(key, stated, nowMs)) // a failure is nobody's for half a minute
      return token.then((text) => (stated.token = text))
    },
  }
}

interface Wanted {
  readonly rule: IdentityRule
  readonly who: Identified
  readonly nowMs: number
}

/** Nothing has changed of what it tells, and the clock was not set back. */
function holds({ issuedAtMs, who: before }: Stated, { rule, who, nowMs }: Wanted): boolean {
  if (issuedAtMs > nowMs || before.subject !== who.subject) return false
  if (before.claims === who.claims) return true // nearly always: both were read once
  return rule.claims.every((name) => isDeepStrictEqual(before.claims[name], who.claims[name]))
}

/** Without anything private, and named by its thumbprint (RFC 7638): the same on every replica. */
async function publicJwk(key: KeyObject): Promise<JWK> {
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as JWK
  const kid = await calculateJwkThumbprint(jwk)
  return { ...jwk, kid, alg: signatureAlgorithm(key), use: 'sig' }
}
