import { createRemoteJWKSet, customFetch } from 'jose'
import type { JWK, JWTVerifyGetKey } from 'jose'
import type { BoundedFetch } from './bounded-fetch.ts'

/** The provider's signing keys: one holder for ID tokens and whatever else it signs. */
export interface ProviderKeys {
  readonly url: string
  /** Picks the key of a token. An unknown `kid` reads the set again, at most every 10 s. */
  readonly keyOf: JWTVerifyGetKey
  /** The public keys that were read last. */
  known(): readonly JWK[]
  /** Reads the set now; the old one stays when that fails. */
  reload(): Promise<void>
}

const COOLDOWN_MS = 10_000 // STANDARDS ID-13: a flood of unknown kids must not become a flood of fetches

/** Keys at `url`, kept for as long as the provider is away (STACK O6, O7). */
export function createProviderKeys(url: string, fetch: BoundedFetch): ProviderKeys {
  let failedAtMs = Number.NEGATIVE_INFINITY
  let asked = false
  const keyOf = createRemoteJWKSet(new URL(url), {
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [customFetch]: async (address, request) => {
      // The library cools down after a success only: a provider that is down would be asked each time.
      const cooling = Date.now() - failedAtMs < COOLDOWN_MS
      if (cooling && !asked) throw new Error('the key set failed a moment ago')
      try {
        return await readSet(fetch, address, request)
      } catch (error) {
        failedAtMs = Date.now()
        throw error
      }
    },
  })
  return {
    url,
    keyOf,
    known: () => keyOf.jwks()?.keys ?? [],
    reload: async () => {
      asked = true
      await keyOf.reload().finally(() => {
        asked = false
      })
    },
  }
}

async function readSet(fetch: BoundedFetch, url: string, request: object): Promise<Response> {
  const answer = await fetch(url, request)
  if (answer.status !== 200) throw new Error(`the key set at ${url} answered ${answer.status}`)
  return answer
}
