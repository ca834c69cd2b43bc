import { setTimeout as delay } from 'node:timers/promises'
import { tokenRevocation } from 'openid-client'
import type { Provider } from './provider.ts'
import { reportRefusedClient, tokenEndpointFailure } from './token-endpoint-failure.ts'

const RETRIES_AFTER_MS = [1_000, 5_000, 25_000] // a restart of the provider; then the token may live

/**
 * Asks the provider to forget a refresh token (RFC 7009 §2.1). Never throws; settles when it is done
 * or given up, after a few tries in the background: do not wait for it before an answer to a browser.
 * Nothing happens where the provider has no such endpoint.
 */
export function revokeRefreshToken(provider: Provider, refreshToken: string): Promise<void> {
  return provider.inBackground(async (signal) => {
    for (const retryAfterMs of [...RETRIES_AFTER_MS, undefined]) {
      const failure = await tryRevocation(provider, refreshToken)
      if (failure === undefined) return
      if (retryAfterMs === undefined || !failure.passing || signal.aborted) {
        provider.emit({ type: 'revocation_failed', cause: failure.cause })
        return
      }
      await pause(retryAfterMs, signal)
    }
  })
}

interface RevocationFailure {
  readonly passing: boolean
  readonly cause: unknown
}

async function tryRevocation(
  provider: Provider,
  refreshToken: string,
): Promise<RevocationFailure | undefined> {
  try {
    const { configuration, metadata } = await provider.connection()
    if (metadata.endpoints.revocation_endpoint === undefined) return undefined
    await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' })
    provider.emit({ type: 'revocation_succeeded' })
    return undefined
  } catch (cause) {
    const failure = tokenEndpointFailure(cause)
    reportRefusedClient(provider, 'revocation', failure, cause)
    return { passing: failure.kind === 'unavailable', cause }
  }
}

/** Cut short when the provider is closed: the loop sees the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
