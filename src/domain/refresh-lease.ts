import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import type { SessionStore } from './session-store.ts'
import type { After } from './timer.ts'

/** The right to refresh one session, over all replicas (RT-2). */
export interface RefreshLease {
  /** Somebody else had it first. */
  readonly hasWaited: boolean
  /** Keeps it, whatever `release` says, until this work is done too. */
  holdFor(work: Promise<void>): void
  /** Gives it back and wakes who waits for it; never throws. */
  release(): Promise<void>
}

export interface RefreshLeaseParts {
  readonly store: SessionStore
  readonly nowMs: () => number
  readonly randomToken: () => string
  readonly after: After
  readonly emit: Emit
}

const LEASE_MS = 15_000 // longer than the provider's deadline (10 s); a dead holder is survived after this
const RENEW_MS = LEASE_MS / 3
/** What a lease has left at least, while its owner lives and reaches the store, ms. */
export const SHORTEST_LEASE_MS = LEASE_MS - RENEW_MS
const LONGEST_WAIT_MS = 20_000 // one lease of a holder that died, and a little

/**
 * Waits for the lease of a session and renews it while held.
 *
 * @throws GatewayError provider_unavailable: somebody else has been refreshing for too long
 * @throws GatewayError store_unavailable
 */
export async function takeRefreshLease(
  parts: RefreshLeaseParts,
  key: string,
): Promise<RefreshLease> {
  const { store, nowMs, randomToken } = parts
  const owner = randomToken()
  const giveUpAtMs = nowMs() + LONGEST_WAIT_MS
  let hasWaited = false
  while (!(await store.lock(key, owner, LEASE_MS))) {
    const leftMs = giveUpAtMs - nowMs()
    if (leftMs <= 0) {
      throw new GatewayError('provider_unavailable', 'another refresh of this session does not end')
    }
    hasWaited = true
    await store.waitForUnlock(key, leftMs)
  }
  return { hasWaited, ...heldLease(parts, key, owner) }
}

function heldLease(
  parts: RefreshLeaseParts,
  key: string,
  owner: string,
): Omit<RefreshLease, 'hasWaited'> {
  const { store, after, emit } = parts
  let cancel = after(RENEW_MS, renew)
  let isReleased = false
  let work: Promise<void> = Promise.resolve()

  function failed(cause: unknown): void {
    emit({ type: 'store_failed', operation: 'lock', cause })
  }

  // A lease that was lost all the same is no danger to the record: the write is compare-and-set.
  function renew(): void {
    void store.renewLock(key, owner, LEASE_MS).catch(failed)
    if (!isReleased) cancel = after(RENEW_MS, renew)
  }

  return {
    holdFor: (more) => void (work = more),
    async release() {
      await work
      isReleased = true
      cancel()
      await store.unlock(key, owner).catch(failed)
    },
  }
}
