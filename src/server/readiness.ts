/** Whether traffic should come here, and what each check said. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, boolean>>
}

export interface ReadinessProbes {
  /** @throws when the store cannot serve */
  readonly pingStore: () => Promise<void>
  /** By name, whose metadata and keys are known; a sole provider has the name ''. */
  readonly providers: () => ReadonlyMap<string, boolean>
  readonly shuttingDown: () => boolean
}

/**
 * Config is checked before anything listens, so that a process that can be asked has passed it; it
 * is named all the same, for the operator who looks for it. One provider that can be used is enough: the routes of the others
 * say themselves what is missing.
 */
export async function readiness(probes: ReadinessProbes): Promise<Readiness> {
  const store = await probes.pingStore().then(
    () => true,
    () => false,
  )
  const providers = [...probes.providers()]
  const accepting = !probes.shuttingDown()
  const metadata = providers.map(([name, known]) => [metadataCheck(name), known] as const)
  const ready = store && accepting && providers.some(([, known]) => known)
  return { ready, checks: { config: true, store, ...Object.fromEntries(metadata), accepting } }
}

function metadataCheck(name: string): string {
  return name === '' ? 'provider_metadata' : `provider_metadata:${name}`
}
