import type { FastifyInstance } from 'fastify'
import type { ProviderParts } from './gateway-providers.ts'
import type { UpstreamPool } from './proxy/upstream-pool.ts'

/** What a reload has put out of use. */
export interface Retired {
  readonly app: FastifyInstance
  readonly providers: readonly ProviderParts[]
  readonly pools: readonly UpstreamPool[]
}

/** Lets what a reload replaced finish, and closes it then. */
export interface Retirement {
  /** `settled`: every exchange that was under way at the reload has ended. WebSockets need nothing of this. */
  retire(retired: Retired, settled: Promise<void>): void
  /** Closes at once what still lingers. */
  close(): Promise<void>
}

// Every call to a provider is over by then, also those nobody waits for: a refresh whose client left, a revocation.
const GRACE_MS = 60_000

/** An upstream is left when its last call has ended, however long it takes; everything else after the grace at the latest. */
export function createRetirement(): Retirement {
  const leaving = new Set<{ readonly hurry: () => void; readonly done: Promise<void> }>()
  return {
    retire(retired, settled) {
      let hurry = (): void => {}
      const hurried = new Promise<void>((resolve) => (hurry = resolve))
      const done = leave(retired, settled, hurried).finally(() => leaving.delete(entry))
      const entry = { hurry, done }
      leaving.add(entry)
    },
    async close() {
      const all = [...leaving]
      for (const { hurry } of all) hurry()
      await Promise.allSettled(all.map(({ done }) => done))
    },
  }
}

async function leave(
  { app, providers, pools }: Retired,
  settled: Promise<void>,
  hurried: Promise<void>,
): Promise<void> {
  const underWay = Promise.race([settled, hurried])
  await Promise.all([leaveApp(app, pools, underWay), leaveProviders(providers, hurried)])
}

async function leaveApp(
  app: FastifyInstance,
  pools: readonly UpstreamPool[],
  underWay: Promise<void>,
): Promise<void> {
  await withinGrace(underWay)
  await app.close()
  await Promise.all(
    pools.map(async (pool) => {
      if (pool.calls > 0) await underWay
      await pool.dispatcher.destroy()
    }),
  )
}

async function leaveProviders(
  providers: readonly ProviderParts[],
  hurried: Promise<void>,
): Promise<void> {
  if (providers.length === 0) return
  await withinGrace(hurried)
  await Promise.all(providers.map(({ provider }) => provider.close()))
}

async function withinGrace(work: Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, GRACE_MS).unref()
    void work.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
