/** Whether traffic should come here, and what each check said. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, boolean>>
}

export interface ReadinessProbes {
  /** @throws when the store cannot serve */
  readonly pingStore: () => Promise<void>
  readonly providerReady: () => boolean
  readonly shuttingDown: () => boolean
}

/**
 * Config is checked before anything listens, so that a process that can be asked has passed it; it
 * is named all the same, for the operator who looks for it.
 */
export async function readiness(probes: ReadinessProbes): Promise<Readiness> {
  const store = await probes.pingStore().then(
    () => true,
    () => false,
  )
  const checks = {
    config: true,
    store,
    provider_metadata: probes.providerReady(),
    accepting: !probes.shuttingDown(),
  }
  return { ready: Object.values(checks).every(Boolean), checks }
}
